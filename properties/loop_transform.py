"""The Python loop as a transform: what a mutant of it gives shows what a wrong answer looks like."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from properties.call import Axes, ModuleCall
from properties.oracle import applied, gathered, member
from properties.transform import Lifted, Transform
from properties.trees import raw
from reference import keys, scope
from reference.error_bounds.agreement import agree
from reference.loop import example, number_of_examples, per_example, stack
from reference.types import PyTree


def _map(function: Callable[..., Any], axes: Axes) -> Callable[..., Any]:
    if axes.out_axes is None:
        raise ValueError("out_axes is None: results that differ between examples need an axis")

    def mapped(*arguments: Any) -> Any:
        leaves, of_arguments = jax.tree_util.tree_flatten(arguments)
        in_axes = _of_leaves(axes.in_axes, arguments)

        def single(*own: Any) -> Any:
            return function(*jax.tree_util.tree_unflatten(of_arguments, own))

        axis_size = dict(axes.options).get("axis_size")
        size = number_of_examples(leaves, in_axes, axis_size)
        one_by_one = per_example(single, in_axes, axis_size=size)
        front = one_by_one if size else _of_no_example(single, in_axes)
        results = front(*leaves)
        flat, structure = jax.tree_util.tree_flatten(results)
        pairs = zip(flat, _of_leaves(axes.out_axes, results), strict=True)
        placed = [jnp.moveaxis(leaf, 0, axis or 0) for leaf, axis in pairs]
        return jax.tree_util.tree_unflatten(structure, placed)

    return mapped


def _of_leaves(axes: Any, tree: Any) -> list[int | None]:
    """The axis of every leaf of a tree, of which `axes` is a prefix."""
    if axes is None or isinstance(axes, int):
        return [axes] * len(jax.tree_util.tree_leaves(tree))
    if isinstance(axes, dict):
        return [axis for key in sorted(axes) for axis in _of_leaves(axes[key], tree[key])]
    pairs = zip(axes, tree, strict=True)
    return [axis for entry, branch in pairs for axis in _of_leaves(entry, branch)]


def _of_no_example(function: Callable[..., Any], in_axes: list[int | None]) -> Callable[..., Any]:
    """No example: arrays without elements, whose shapes are those of what one example would give."""

    def mapped(*leaves: Any) -> Any:
        one = [
            leaf if axis is None else np.zeros(np.delete(leaf.shape, axis), leaf.dtype)
            for leaf, axis in zip(leaves, in_axes, strict=True)
        ]
        like = jax.eval_shape(function, *one)
        return jax.tree_util.tree_map(lambda leaf: jnp.zeros((0, *leaf.shape), leaf.dtype), like)

    return mapped


def _lift(call: ModuleCall) -> Lifted:
    axes, module, one = call.axes[0], call.subject.reference(call.sizes), applied(call)

    def streams(rngs: Any, inputs: Any) -> list[Any]:
        size = number_of_examples(inputs, axes.in_axes, call.options.get("axis_size"))
        return keys.lift(rngs, call.split_rngs, size)

    def init(rngs: Any, *inputs: Any) -> Any:
        if call.subject.draws and _contradicts(call):
            raise ValueError("split keys draw parameters for each example; one set is asked for")
        each = [
            raw(scope.init(module, own, *example(inputs, axes.in_axes, i)))
            for i, own in enumerate(streams(rngs, inputs))
        ]
        return gathered(each, call.variable_axes)

    def apply(variables: Any, rngs: Any, *inputs: Any) -> Any:
        each = [
            one(member(variables, call.variable_axes, i), own, *example(inputs, axes.in_axes, i))
            for i, own in enumerate(streams(rngs, inputs))
        ]
        for name in each[0][1]:
            if call.variable_axes[name] is None and not _all_equal([u[name] for _, u in each]):
                raise ValueError(f"{name!r} is shared, and each example updates it in its own way")
        updates = gathered([update for _, update in each], call.variable_axes)
        return stack([output for output, _ in each], axes.out_axes), updates

    return Lifted(init, apply)


def _all_equal(trees: list[PyTree]) -> bool:
    leaves = zip(*map(jax.tree_util.tree_leaves, trees), strict=True)
    return all(
        bool(np.all(agree(other, first, 0.0))) for first, *others in leaves for other in others
    )


def _contradicts(call: ModuleCall) -> bool:
    return call.variable_axes.get("params", 0) is None and call.split_rngs.get("params", False)


LOOP = Transform(
    "loop",
    "applies the function to each example, by a Python loop",
    _map,
    _lift,
    kinds=("function", "rule", "draw"),
    traceable=False,
)
