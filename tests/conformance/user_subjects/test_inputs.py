"""What a user may write as the inputs of one example."""

import functools
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from conformance import own
from conformance.testing import assert_conforms
from conformance.user_subjects import inputs
from conformance.user_subjects.changing import changing
from conformance.user_subjects.inputs import Static
from properties.subject import Array


class Pair(NamedTuple):
    first: Any
    second: Any


def drawn(specified: Any, batch: int = 4) -> Any:
    """Values of a batch, whose dimension ``n`` is 3; each array has the seed after that before it."""
    leaves, structure = jax.tree_util.tree_flatten(specified)
    sizes = {"n": 3, "m": 5}
    values = [leaf.draw(7 + j, sizes, "float32", (batch,)) for j, leaf in enumerate(leaves)]
    return jax.tree_util.tree_unflatten(structure, values)


@pytest.mark.parametrize(
    ("written", "shapes"),
    [
        (("n", 2), [(4, 3, 2)]),
        ([("n",), ()], [(4, 3), (4,)]),
        ([Pair(("n",), ())], [(4, 3), (4,)]),
        ([{"a": ("n",), "b": [(2,), ("m",)]}], [(4, 3), (4, 2), (4, 5)]),
        (np.zeros((2, 6)), [(4, 2, 6)]),
        ([jax.ShapeDtypeStruct((2,), "int32")], [(4, 2)]),
    ],
)
def test_shapes_arrays_and_trees_of_them(written: Any, shapes: Any) -> None:
    assert [
        np.shape(leaf) for leaf in jax.tree_util.tree_leaves(drawn(inputs.arguments(written)))
    ] == (shapes)


@pytest.mark.parametrize("written", [None, True, 0.5, "relu", jnp.tanh, own.static(3)])
def test_what_is_no_array_is_static(written: Any) -> None:
    assert isinstance(inputs.argument(written), Static)


@pytest.mark.parametrize(("written", "said"), [(3, "own.static"), (object(), "own.static")])
def test_what_cannot_be_drawn_is_said(written: Any, said: str) -> None:
    with pytest.raises(own.SubjectsError, match=said):
        inputs.arguments([("n",), written])


def test_an_array_keeps_its_dtype_and_its_range() -> None:
    tokens = drawn(inputs.argument(np.array([3, 17, 5], np.int16)))
    assert tokens.dtype == np.int16
    assert tokens.min() >= 3
    assert tokens.max() <= 17
    mask = drawn(inputs.argument(np.array([True, False])), 9)
    assert mask.dtype == bool
    assert len(np.unique(mask)) == 2
    scales = drawn(inputs.argument(np.array([0.5, 2.0], np.float32)))
    assert ((scales >= 0.5) & (scales <= 2.0)).all()


def test_ranges() -> None:
    assert (drawn(own.positive("n")) > 0).all()
    np.testing.assert_allclose(drawn(own.probabilities("m", "n")).sum(-1), 1, rtol=1e-6)
    assert set(np.unique(drawn(own.integers(50, low=2, high=5)))) == {2, 3, 4}
    assert drawn(own.indices(9, below="n")).max() < 3


def test_no_two_examples_are_alike_while_there_are_enough_values() -> None:
    rows = drawn(own.booleans(3), 8)
    assert len({row.tobytes() for row in rows}) >= 6


def test_a_users_own_generator_draws_an_example_as_a_whole() -> None:
    def draw(random: np.random.RandomState) -> Any:
        length = random.randint(1, 5)
        return {"length": np.int32(length), "mask": np.arange(5) < length}

    batch = drawn(own.generated(draw), 6)
    np.testing.assert_array_equal(batch["mask"].sum(1), batch["length"])
    assert len(set(batch["length"].tolist())) > 1


def test_examples_are_taken_from_those_given() -> None:
    batch = drawn(own.examples(np.array([1, 2]), np.array([5, 6])), 6)
    assert {tuple(row) for row in batch.tolist()} == {(1, 2), (5, 6)}


@pytest.mark.parametrize("made", [own.key(), jax.random.key(3), own.key(2)])
def test_a_typed_key_is_a_typed_key_in_the_function(made: Any) -> None:
    seen = []

    def draws(key: Any, x: Any) -> Any:
        seen.append(key.dtype)
        return x + key.size

    own.function("draws", draws, [made, ("n",)])
    assert jnp.issubdtype(seen[0], jax.dtypes.prng_key)


def test_arguments_by_name_static_ones_partials_and_methods() -> None:
    class Scaler:
        def apply(self, x: Any, *, by: Any, twice: bool) -> Any:
            assert isinstance(twice, bool)
            return x * by * (2 if twice else 1)

    subject = own.function("apply", Scaler().apply, [("n",)], keywords={"by": (), "twice": True})
    assert len(subject.arguments) == 2
    np.testing.assert_allclose(subject.function(np.ones(3), 2.0), 4 * np.ones(3))
    assert own.function("p", functools.partial(jnp.sum, axis=0), [("n", 2)]).arguments == (
        Array(("n", 2)),
    )


def test_a_class_in_place_of_an_instance_is_said() -> None:
    with pytest.raises(own.SubjectsError, match=r"is the class Pair.*give an instance"):
        own.function("pair", Pair, [("n",), ("n",)])


def _normalised(x: Any) -> Any:
    return x - jax.lax.pmean(x, "examples"), jax.lax.axis_index("examples")


def _normalised_batch(xs: Any) -> Any:
    return xs - xs.mean(0), jnp.arange(len(xs), dtype=jnp.int32)


def test_a_function_with_collectives_conforms_to_what_it_gives_of_a_whole_batch() -> None:
    assert_conforms(_normalised, [("n",)], axis_name="examples", batched=_normalised_batch)


def test_a_function_with_wrong_collectives_does_not() -> None:
    def summed(xs: Any) -> Any:
        return xs - xs.sum(0), jnp.arange(len(xs), dtype=jnp.int32)

    with pytest.raises(AssertionError, match=r"breaks collectives\.equal-plain-reductions"):
        assert_conforms(_normalised, [("n",)], axis_name="examples", batched=summed)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "has a collective over the batch axis .*give axis_name="),
        ({"axis_name": "examples"}, "say what its collectives must give by batched="),
    ],
)
def test_a_collective_without_what_it_must_give_is_said(options: Any, message: str) -> None:
    with pytest.raises(own.SubjectsError, match=message):
        assert_conforms(_normalised, [("n",)], **options)


def test_a_function_that_keeps_a_state_in_python_is_said_to() -> None:
    calls = []

    def counted(x: Any) -> Any:
        calls.append(x)
        return x * len(calls)

    with pytest.raises(
        AssertionError, match="counted gives another result when it is called again"
    ):
        assert_conforms(counted, [("n",)], laws=["mapping.equals-per-example"])


def test_a_module_that_keeps_arrays_in_python_is_said_to() -> None:
    kept = []

    class Keeping(nn.Module):
        @nn.compact
        def __call__(self, x: Any) -> Any:
            kept.append(nn.Dense(4)(x))
            return sum(kept, jnp.zeros(4))

    with pytest.raises(
        AssertionError, match="Keeping keeps an array of a call in which JAX traced"
    ):
        assert_conforms(Keeping(), [(3,)], laws=["sharing.equals-per-example"])


def test_a_module_that_draws_in_python_is_said_to() -> None:
    chance = np.random.RandomState(0)

    class Drawing(nn.Module):
        @nn.compact
        def __call__(self, x: Any) -> Any:
            return nn.Dense(4)(x) + chance.normal()

    with pytest.raises(
        AssertionError, match="Drawing gives another result when it is called again"
    ):
        assert_conforms(Drawing(), [(3,)], laws=["sharing.equals-per-example"])


@pytest.mark.parametrize(
    "module",
    [nn.BatchNorm(use_running_average=False), nn.Dropout(0.5, deterministic=False)],
    ids=["state", "keys"],
)
def test_a_module_with_state_and_keys_of_flax_does_not_change_by_itself(module: Any) -> None:
    subject = own.module("mine", module, [(3, 2)], streams=("params", "dropout"))
    assert changing(subject) is None


def _said(function: Any) -> str:
    with pytest.raises(AssertionError) as failed:
        assert_conforms(function, [("n",)], laws=["mapping.*"], transforms=["jax.vmap"])
    return str(failed.value)


def test_what_changes_by_itself_is_checked_by_one_law_only() -> None:
    """Compiled anew for each law it took minutes, and the other laws say nothing more."""
    calls = []

    def counted(x: Any) -> Any:
        calls.append(0)
        return x * len(calls)

    assert " more)" not in _said(counted)


def test_what_does_not_change_by_itself_is_checked_by_all() -> None:
    @jax.custom_batching.custom_vmap
    def doubled(x: Any) -> Any:
        return 2 * x

    doubled.def_vmap(lambda size, in_batched, x: (3 * x, True))
    assert " more)" in _said(lambda x: doubled(x))


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (lambda: own.integers(0, 4), r"own\.integers\(0, 4\).*empty.*low=0, high=4"),
        (lambda: own.integers("n", low=4, high=4), "low < high"),
        (lambda: own.integers("n", low="m"), "low < high"),
        (lambda: own.between("n", 0, 1), r"own\.between.*then the shape.*'n'"),
        (lambda: own.between(1, 0, "n"), "own\\.between"),
    ],
)
def test_a_range_in_the_wrong_place_is_told_where_it_goes(written: Any, said: str) -> None:
    with pytest.raises(own.SubjectsError, match=said):
        written()


def test_a_range_is_taken_where_it_goes() -> None:
    assert own.integers(2, 3, low=0, high=4).dims == (2, 3)
    assert own.between(0, 1, "n").dims == ("n",)
    assert own.between(1.0, 1.0).dims == ()
