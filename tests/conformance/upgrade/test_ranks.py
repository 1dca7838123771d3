"""Changes of arrays of one rank, and of maps of one kind, are told to files that may have such."""

import jax.numpy as jnp
import numpy as np
import pytest

from conformance.events.arrays import encode, with_arrays
from conformance.events.user_code import Use
from conformance.observations import tree_functions
from conformance.observations.record import Absent
from conformance.upgrade.detectors import call_forms, laws
from conformance.upgrade.difference import Difference, ObservationPair
from conformance.upgrade.for_you.conditions import condition, suitable
from conformance.upgrade.for_you.index import Operations
from conformance.upgrade.sources import operations_in, uses_in
from tests.conformance.upgrade.user_sides import near

ACCEPTED = {"gives": "* of float32[2]", "values": [None]}
REFUSED = {"type": "ValueError", "line": "not such"}
TEXT = "import jax.numpy as jnp\ny = jnp.cross({0}, {0})\n"
CROSS = Use(file="a.py", line=2, name="jax.numpy.cross", positional=2)
PMAP = Use(file="a.py", line=2, name="jax.pmap", positional=1)


def _told(key: str, use: Use, text: str) -> bool:
    """Whether a call that fails now is told to a file with this text."""
    return bool(near((use,), {key: ACCEPTED}, {key: REFUSED}, operations_in(text, "a.py")))


@pytest.mark.parametrize("kind", ["of-matrix-numpy.cross", "plain-each-numpy.cross-matrices"])
def test_what_matrices_meet_is_not_told_of_vectors(kind: str) -> None:
    key = f"calls/jax.vmap/{kind}"
    assert _told(key, CROSS, TEXT.format("x"))
    assert not _told(key, CROSS, TEXT.format("jnp.array([1.0, -2.0, 0.0])"))
    assert not _told(key, CROSS, TEXT.format("jnp.array([1.0] + [0.0] * 2)"))
    assert _told(key, CROSS, TEXT.format("jnp.array([[1.0, 2.0]])"))


def test_what_pairs_meet_is_told_of_pairs() -> None:
    key = "calls/jax.vmap/plain-each-numpy.cross-pairs"
    assert _told(key, CROSS, TEXT.format("jnp.array([1.0, 2.0])"))
    assert _told(key, CROSS, TEXT.format("x"))
    assert not _told(key, CROSS, TEXT.format("jnp.array([1.0, 2.0, 3.0])"))


@pytest.mark.parametrize(
    ("form", "meets", "does_not"),
    [
        ("pmap-of-pmap", "f = jax.pmap(jax.pmap(g))", "f = jax.pmap(g)"),
        (
            "argument-on-another-device",
            "x = jax.device_put(x, jax.devices()[1])",
            "x = jax.device_put(x, jax.devices()[0])",
        ),
    ],
)
def test_what_few_files_do_with_pmap_is_told_to_those(form: str, meets: str, does_not: str) -> None:
    key = f"calls/jax.pmap/{form}"
    uses = [PMAP, Use(file="a.py", line=3, name="jax.device_put")]
    for text, told in ((meets, 1), (does_not, 0)):
        found = operations_in(f"import jax\n{text}\n", "a.py")
        assert len(near(uses, {key: ACCEPTED}, {key: REFUSED}, found)) == told


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("lax.psum_scatter(x, 'i', scatter_dimension=-1)", 1),
        ("partial(lax.psum_scatter, axis_name='i', scatter_dimension=-1)(x)", 1),
        ("lax.psum_scatter(x, 'i', scatter_dimension=0)", 0),
        ("lax.psum_scatter(-x, 'i')", 0),
    ],
)
def test_an_axis_from_behind_is_told_to_the_collective_that_is_given_one(
    given: str, told: int
) -> None:
    key = "calls/jax.vmap/of-scattered-sum-from-behind"
    text = f"from jax import lax\nimport jax\nm = jax.vmap(lambda x: {given}, axis_name='i')\n"
    uses, done = tuple(uses_in(text, "a.py")), operations_in(text, "a.py")
    assert len(near(uses, {key: ACCEPTED}, {key: REFUSED}, tuple(done))) == told


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("f = jax.pmap(g, out_axes=-1)", "a negative axis"),
        ("x = jnp.zeros((0, 3))", "a size of zero"),
        ("@jax.pmap\ndef f(x):\n    return jax.pmap(g)(x)", "a pmap within a pmap"),
    ],
)
def test_how_files_map_is_found(text: str, name: str) -> None:
    assert name in {each.name for each in operations_in(text, "a.py")}
    sound = "f = jax.pmap(g, out_axes=1)\nx = jnp.zeros((1, 3))\n@jax.pmap\ndef h(x):\n    return x"
    assert name not in {each.name for each in operations_in(sound, "a.py")}


@pytest.mark.parametrize(
    ("call", "told"),
    [
        ("randint(key, (3,), 0, 9, jnp.int8)", 1),
        ("randint(key, (3,), 0, 9, dtype=small)", 1),
        ("randint(key, (3,), 0, 9)", 0),
    ],
)
def test_draws_of_a_dtype_are_told_to_calls_that_give_one(call: str, told: int) -> None:
    key = "draws/randint/int8"
    text = f"import jax\nsmall = jnp.int8\nx = jax.random.{call}\n"
    was, now = ({"value": np.int8([n]), "bound": None, "wrong": None} for n in (1, 2))
    mine = tuple(uses_in(text, "a.py"))
    assert len(near(mine, {key: was}, {key: now}, operations_in(text, "a.py"))) == told


def test_what_large_products_meet_is_told_to_files_that_square_one() -> None:
    entry = Difference(laws.REGRESSED, "mapping.large-batch | jax.vmap | large-squared-norm", "")
    use = Use(file="a.py", line=2, name="jax.vmap", positional=1)
    for text, told in (("y = jnp.sum((m @ x) ** 2)", 1), ("y = jnp.sum(m * x)", 0)):
        special = condition(entry)
        assert special is not None
        done = Operations(operations_in(text, "a.py"))
        assert len(suitable(special, [use], done)) == told


def _results(was: object, now: object) -> list[str]:
    key = "calls/jax.vmap/a"
    pair = ObservationPair({key: was}, {key: now}, (key,), None, None)
    return [each.kind.id for each in call_forms.find(pair)]


def test_a_tuple_whose_items_have_names_now_is_another_kind_of_object_alone() -> None:
    was, named, other = (
        {"gives": f"{tree} of float32[2], float32[2]", "values": [None, None]}
        for tree in ("(*, *)", "namedtuple", "[*, *]")
    )
    assert _results(was, named) == [call_forms.FACTS.id]
    assert _results(was, other) == [call_forms.RESULTS.id]


def test_what_rounding_leaves_of_zero_is_no_other_result() -> None:
    def gives(value: float) -> dict[str, object]:
        return {
            "gives": "* of float32[2]",
            "values": [with_arrays(encode(np.float32([value, np.inf])))],
        }

    assert _results(gives(0.0), gives(4.8e-7)) == []
    assert _results(gives(0.0), gives(1e-5)) == [call_forms.RESULTS.id]


def test_what_numbers_of_pythons_become_is_told_to_calls_that_give_such() -> None:
    key = "calls/jax.vmap/plain-each-flax.jax_utils.replicate-one-number"
    was, now = (
        {"gives": "* of str", "values": [f"array float32[1]{weak}"]} for weak in (" weak", "")
    )
    use = Use(file="a.py", line=2, name="flax.jax_utils.replicate", positional=1)
    for given, told in (("0.1", 1), ("state", 0)):
        text = f"from flax import jax_utils\nx = jax_utils.replicate({given})\n"
        assert len(near((use,), {key: was}, {key: now}, operations_in(text, "a.py"))) == told


def test_numpys_arrays_are_told_from_jaxs() -> None:
    tree = {"a": np.ones(2), "b": (jnp.float32(1), [None])}
    assert (
        tree_functions.text(tree) == "{a: NumPy array float64[2], b: (array float32[], [NoneType])}"
    )
    call = tree_functions.forms()["plain-each-flax.jax_utils.replicate-one-number"]
    assert call().startswith("array float32[")
    with pytest.raises(Absent):
        tree_functions.forms()["plain-each-flax.serialization.from_bytes-one-number"]()
