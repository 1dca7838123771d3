"""The loop does with in_axes and out_axes what NumPy's own words for them say."""

import itertools
from typing import Any

import chex
import jax.numpy as jnp
import numpy as np
import pytest

from reference.loop import example, number_of_examples, per_example, stack, take

A = np.arange(2 * 3 * 4, dtype=np.float32).reshape(2, 3, 4)
B = 100 + np.arange(12, dtype=np.float32).reshape(3, 4)


@pytest.mark.parametrize(
    ("in_axis", "out_axis"), list(itertools.product([0, 1, 2, -1, -2, -3], repeat=2))
)
def test_identity_moves_the_axis(in_axis: int, out_axis: int) -> None:
    got = per_example(lambda x: x, (in_axis,), out_axis)(A)
    np.testing.assert_array_equal(got, np.moveaxis(A, in_axis, out_axis))


def test_one_example_gets_its_own_slice_and_all_of_what_is_not_mapped() -> None:
    seen = []
    per_example(lambda a, b: seen.append((a, b)) or a, (1, None))(A, B)
    for i, (a, b) in enumerate(seen):
        np.testing.assert_array_equal(a, A[:, i])
        assert b is B
    assert len(seen) == 3


def test_arguments_pair_up_by_example() -> None:
    got = per_example(lambda a, b: a + b, (1, 0))(A, B)
    np.testing.assert_array_equal(got, np.stack([A[:, i] + B[i] for i in range(3)]))


def test_trees_are_mapped_in_every_leaf() -> None:
    tree = {"a": A, "b": [B]}
    got = per_example(lambda t, s: {"x": t["a"] * s, "y": (t["b"][0],)}, (-1, None), 1)(tree, 2)
    np.testing.assert_array_equal(got["x"], np.moveaxis(A * 2, -1, 1))
    np.testing.assert_array_equal(got["y"][0], B)
    assert set(got) == {"x", "y"}


@pytest.mark.parametrize("size", [1, 4])
def test_axis_size_serves_where_nothing_is_mapped(size: int) -> None:
    got = per_example(lambda x: x, (None,), axis_size=size)(B)
    np.testing.assert_array_equal(got, np.stack([B] * size))


def test_scalar_results_become_a_vector() -> None:
    assert per_example(lambda x: x.sum(), (0,))(B).tolist() == B.sum(axis=1).tolist()


@pytest.mark.parametrize(
    ("in_axes", "axis_size"),
    [((0, 0), None), ((0, 0), 2), ((0, None), 3), ((None, None), None)],
    ids=["arguments", "arguments and size", "one and size", "nothing"],
)
def test_sizes_that_disagree_raise(in_axes: tuple[Any, ...], axis_size: int | None) -> None:
    with pytest.raises(ValueError, match="must have one size, not"):
        per_example(lambda a, b: a, in_axes, axis_size=axis_size)(A, B)


def test_leaves_of_one_argument_may_disagree_too() -> None:
    with pytest.raises(ValueError, match=r"one size, not \[2, 3\]"):
        number_of_examples(({"a": A, "b": B},), (0,))


def test_an_entry_of_in_axes_too_few_is_an_error() -> None:
    with pytest.raises(ValueError, match="zip"):
        example((A, B), (0,), 0)


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("kind", [np.asarray, jnp.asarray], ids=["numpy", "jax"])
def test_take_and_stack_are_inverses(axis: int, kind: Any) -> None:
    tree = (kind(A), {"b": kind(A + 1)})
    slices = [take(tree, i, axis) for i in range(A.shape[axis])]
    again = stack(slices, axis)
    chex.assert_trees_all_equal(again, tree)
    chex.assert_trees_all_equal_comparator(
        lambda leaf, right: type(leaf) is type(right),
        lambda leaf, right: f"{type(leaf)} is not {type(right)}",
        again,
        tree,
    )


def test_stack_keeps_numpys_float64() -> None:
    assert stack([np.float64(0.1), np.float64(0.2)]).dtype == np.float64
