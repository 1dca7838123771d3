"""Where the batch axis of expected results is: stacked in front first, then moved."""

from collections.abc import Mapping, Sequence
from typing import Any

import jax

from properties.call import Axes, Axis, Call, move_batch_axis
from properties.compare import Expected
from reference.error_bounds.evaluate import Rounded
from reference.loop import stack, take
from reference.types import PyTree


def placed(results: Rounded, like: PyTree, size: int, axes: Axes) -> Expected:
    """Results of all examples with the batch axis where `axes` wants it.

    Args:
        results: value and bound, every leaf of shape `(size, ...)`.
        like: shapes and dtypes of one example's result.
        size: the number of examples.
        axes: its `out_axes` is the position of the batch axis.
    """
    return Expected(
        move_batch_axis(results.value, axes.out_axes),
        move_batch_axis(results.error, axes.out_axes),
        with_batch_axis(like, size, axes.out_axes),
    )


def with_batch_axis(tree: PyTree, size: int, axis: Axis) -> PyTree:
    """The shapes of `tree` with an axis of that size inserted into each; None inserts none."""
    if axis is None:
        return tree

    def widened(leaf: Any) -> jax.ShapeDtypeStruct:
        shape = list(leaf.shape)
        shape.insert(axis if axis >= 0 else axis + len(shape) + 1, size)
        return jax.ShapeDtypeStruct(tuple(shape), leaf.dtype)

    return jax.tree_util.tree_map(widened, tree)


def gathered(each: Sequence[Mapping[str, PyTree]], axes: Mapping[str, Axis]) -> dict[str, PyTree]:
    """The collections of all examples together.

    Args:
        each: the collections of each example.
        axes: by collection, the axis along which its leaves are stacked, None where it is shared.

    Returns:
        One tree per collection: the first example's where it is shared, else all of them, stacked.
    """
    together = {}
    for name in each[0]:
        axis = axes[name]
        trees = [collections[name] for collections in each]
        together[name] = trees[0] if axis is None else stack(trees, axis)
    return together


def member(
    variables: Mapping[str, PyTree], axes: Mapping[str, Axis], index: int
) -> dict[str, PyTree]:
    """The variables that one example sees: shared collections whole, mapped ones sliced."""
    sliced = {}
    for name, tree in variables.items():
        axis = axes[name]
        sliced[name] = tree if axis is None else take(tree, index, axis)
    return sliced


def example_sizes(call: Call) -> tuple[tuple[str, int], ...]:
    """The sizes of one example's dimensions, which say what must be traced anew."""
    return tuple(sorted((name, size) for name, size in call.sizes.items() if name != "batch"))
