"""Mapping by a Python loop: the plainest thing that can be meant by "apply to each example"."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

Axis = int | None


def per_example(
    function: Callable[..., Any],
    in_axes: Sequence[Axis],
    out_axes: int = 0,
    axis_size: int | None = None,
) -> Callable[..., Any]:
    """Return a function that applies `function` to each example and stacks the results.

    `in_axes` holds one entry per argument: the position of the batch axis in every leaf of that
    argument, or None where each example gets the whole argument. `out_axes` is where the batch
    axis stands in every leaf of the result. `axis_size` is needed only when nothing is mapped.
    Raises ValueError where the mapped arguments disagree about the number of examples, and where one has
    no such axis.
    """

    def mapped(*arguments: Any) -> Any:
        size = number_of_examples(arguments, in_axes, axis_size)
        results = [function(*example(arguments, in_axes, i)) for i in range(size)]
        return stack(results, out_axes)

    return mapped


def example(arguments: Sequence[Any], in_axes: Sequence[Axis], index: int) -> tuple[Any, ...]:
    """The arguments of one example, without their batch axes."""
    return tuple(
        argument if axis is None else take(argument, index, axis)
        for argument, axis in zip(arguments, in_axes, strict=True)
    )


def number_of_examples(
    arguments: Sequence[Any], in_axes: Sequence[Axis], axis_size: int | None = None
) -> int:
    """The size of the batch axis, read off the mapped arguments."""
    mapped = [
        (np.shape(leaf), axis)
        for argument, axis in zip(arguments, in_axes, strict=True)
        if axis is not None
        for leaf in jax.tree_util.tree_leaves(argument)
    ]
    sizes = {_size(*each) for each in mapped}
    if axis_size is not None:
        sizes.add(axis_size)
    if len(sizes) != 1:
        of = ", ".join(f"axis {axis} of {shape}" for shape, axis in mapped) or "no argument"
        raise ValueError(f"the batch axis must have one size, not {sorted(sizes)}: it is {of}")
    return sizes.pop()


def _size(shape: tuple[int, ...], axis: int) -> int:
    if not -len(shape) <= axis < len(shape):
        raise ValueError(f"an argument of shape {shape} has no axis {axis}")
    return shape[axis]


def take(tree: Any, index: int, axis: int) -> Any:
    """Slice `index` along `axis` of every leaf, the axis dropped."""

    def leaf_slice(leaf: Any) -> Any:
        position = [slice(None)] * np.ndim(leaf)
        position[axis] = index  # type: ignore[call-overload]
        return leaf[tuple(position)]

    return jax.tree_util.tree_map(leaf_slice, tree)


def stack(trees: Sequence[Any], axis: int = 0) -> Any:
    """Stack trees of one structure along a new axis of every leaf, in NumPy where they are NumPy's."""

    def stack_leaves(*leaves: Any) -> Any:
        join = jnp.stack if isinstance(leaves[0], jax.Array) else np.stack
        return join(leaves, axis)

    return jax.tree_util.tree_map(stack_leaves, *trees)
