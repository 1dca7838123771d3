"""The Python loop as a transform: what a mutant of it gives shows what a wrong answer looks like."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from properties.calls import Axes, ModuleCall
from properties.expected import applied, gathered, member
from properties.transform import Lifted, Transform
from properties.trees import raw
from reference import keys, scope
from reference.loop import example, number_of_examples, per_example, stack


def _map(function: Callable[..., Any], axes: Axes) -> Callable[..., Any]:
    if axes.out_axes is None:
        raise ValueError("results that differ between examples need an axis")

    def mapped(*arguments: Any) -> Any:
        if number_of_examples(arguments, axes.in_axes):
            return per_example(function, axes.in_axes, axes.out_axes)(*arguments)
        return _of_none(function, axes, arguments)

    return mapped


def _of_none(function: Callable[..., Any], axes: Axes, arguments: Any) -> Any:
    """No example: arrays without elements, whose shapes are those of what one example would give."""

    def without(leaf: Any, axis: int | None) -> Any:
        return leaf if axis is None else np.zeros(np.delete(leaf.shape, axis), leaf.dtype)

    like = jax.eval_shape(
        function,
        *(
            jax.tree_util.tree_map(lambda leaf, axis=axis: without(leaf, axis), argument)
            for argument, axis in zip(arguments, axes.in_axes, strict=True)
        ),
    )

    def empty(leaf: Any) -> Any:
        return np.moveaxis(np.zeros((0, *leaf.shape), leaf.dtype), 0, axes.out_axes)

    return jax.tree_util.tree_map(empty, like)


def _lift(call: ModuleCall) -> Lifted:
    axes, module, one = call.axes[0], call.subject.reference(call.sizes), applied(call)

    def streams(rngs: Any, inputs: Any) -> list[Any]:
        return keys.lift(rngs, call.split_rngs, number_of_examples(inputs, axes.in_axes))

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
        updates = gathered([update for _, update in each], call.variable_axes)
        return stack([output for output, _ in each], axes.out_axes), updates

    return Lifted(init, apply)


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
