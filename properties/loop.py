"""The Python loop as a transform: what a mutant of it gives shows what a wrong answer looks like."""

from collections.abc import Callable
from typing import Any

from properties.calls import Axes, ModuleCall
from properties.expected import applied, gathered, member
from properties.transform import Lifted, Transform
from properties.trees import raw
from reference import keys, scope
from reference.loop import example, number_of_examples, per_example, stack


def _map(function: Callable[..., Any], axes: Axes) -> Callable[..., Any]:
    return per_example(function, axes.in_axes, axes.out_axes)


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
    traceable=False,
)
