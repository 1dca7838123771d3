"""What of the suite a user's names stand for."""

import pytest

from conformance.upgrade import used


@pytest.mark.parametrize(
    ("name", "primitives"),
    [
        ("jax.numpy.cumsum", {"cumsum"}),
        ("jax.numpy.matmul", {"dot_general"}),
        ("jax.nn.softmax", {"exp", "reduce_max"}),
        ("jax.lax.cumsum", {"cumsum"}),
        ("jax.lax.all_gather", {"all_gather"}),
        ("jax.random.normal", {"erf_inv"}),
        ("jax.scipy.special.erf", {"erf"}),
        ("flax.linen.Conv", {"conv_general_dilated"}),
        ("flax.nnx.Linear", {"dot_general"}),
    ],
)
def test_a_name_stands_for_what_it_is_traced_to(name: str, primitives: set[str]) -> None:
    assert primitives <= used.primitives([name])


@pytest.mark.parametrize(
    "name",
    [
        "jax.numpy.no_such",
        "jax.numpy.ndarray",
        "jax.numpy.pi",
        "jax.numpy.save",
        "jax.numpy",
        "jax.jit",
    ],
)
def test_what_cannot_be_traced_stands_for_nothing(name: str) -> None:
    assert used.primitives([name]) == set()


def test_transforms_are_known_by_their_names() -> None:
    names = ["jax.vmap", "jax.experimental.shard_map.shard_map", "jax.jit", "flax.nnx.vmap"]
    assert used.transforms(names) == {"jax.vmap", "jax.shard_map", "flax.nnx.vmap"}
