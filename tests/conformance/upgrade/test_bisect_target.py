"""What bisect takes: all that upgrade prints, checked before anything is built."""

import pytest

from conformance.upgrade.bisect_target import Target, target

LAWS = ("mapping.equals-per-example", "errors.axis-size")
GROUPS = ("names", "outputs", "prng")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("jax.numpy.fix", Target(observation="names/jax.numpy.fix")),
        ("names/jax.numpy.fix", Target(observation="names/jax.numpy.fix")),
        ("outputs/jax.vmap/softmax", Target(observation="outputs/jax.vmap/softmax")),
        ("gradients/jax.vmap/softmax/0", Target(observation="gradients/jax.vmap/softmax/0")),
        ("prng/threefry2x32", Target(observation="prng/threefry2x32")),
        ("errors.axis-size", Target(law="errors.axis-size")),
        (
            "errors.axis-size of jax.vmap",
            Target(law="errors.axis-size", transform="jax.vmap"),
        ),
        (
            "errors.axis-size | jax.vmap | square | some-defect",
            Target(law="errors.axis-size", transform="jax.vmap", subject="square"),
        ),
    ],
)
def test_what_upgrade_prints_is_understood(text: str, wanted: Target) -> None:
    assert target(text, LAWS, GROUPS) == wanted


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("errors.axis-sise", "neither a law nor an observation"),
        ("numpy.fix", "neither a law nor an observation"),
        ("jax.numpy.fix()", "neither a law nor an observation"),
        ("names/numpy.fix", "what follows names/ is a dotted name of jax, jaxlib, flax"),
        ("names/", "is not an observation"),
        ("nowhere/x", "neither a law nor an observation"),
        ("", "neither a law nor an observation"),
    ],
)
def test_anything_else_is_refused_in_a_sentence(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=r"give|names/") as refused:
        target(text, LAWS, GROUPS)
    assert said in str(refused.value)


def test_a_name_of_the_users_is_observed_though_no_list_has_it() -> None:
    assert target("jax.no.such", LAWS, GROUPS).names == ("jax.no.such",)
    assert target("outputs/jax.vmap/x", LAWS, GROUPS).names == ()
