"""Predicates of the calls that a defect affects, and minimal calls."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from properties import oracle
from properties.call import Axes, Call, FunctionCall, ModuleCall
from properties.laws.errors.calls import BEYOND

NOT_FOUND = "No report of this was found on jax-ml/jax on 2026-11-21."
NOT_FOUND_LATER = "No report of this was found on jax-ml/jax on 2026-11-26."
NOT_FOUND_ON_THE_28TH = "No report of this was found on jax-ml/jax on 2026-11-28."
NOT_FOUND_ON_THE_29TH = "No report of this was found on jax-ml/jax on 2026-11-29."
NOT_FOUND_ON_THE_30TH = "No report of this was found on jax-ml/jax on 2026-11-30."
NOT_FOUND_ON_THE_27TH = "No report of this was found on jax-ml/jax on 2026-11-27."
RANDOM_BITS = tuple(f"lax.rng_bit_generator{variant}" for variant in ("", ".bytes", ".key"))
"""Subjects of one primitive, which several defects have."""


def has_negative_axis(call: Call) -> bool:
    """Whether an argument, the result or a collection has a negative batch axis."""
    (axes,) = call.axes
    given = [*axes.in_axes, axes.out_axes]
    if isinstance(call, ModuleCall):
        given += call.variable_axes.values()
    return any(axis is not None and axis < 0 for axis in given)


def has_negative_axis_not_in_front(call: Call) -> bool:
    """Whether a negative axis is any but the first, in any leaf that it applies to."""
    if isinstance(call, ModuleCall):
        return has_negative_axis(call)
    (axes,) = call.axes
    ranks = [
        (axis, len(array.dims))
        for tree, axis in zip(call.subject.arguments, axes.in_axes, strict=True)
        for array in jax.tree_util.tree_leaves(tree)
    ]
    if axes.out_axes is not None and axes.out_axes < 0:
        ranks += [(axes.out_axes, rank) for rank in oracle.output_ranks(call)]
    return any(axis is not None and axis < 0 and axis + rank + 1 != 0 for axis, rank in ranks)


def has_axis_out_of_range(call: FunctionCall) -> bool:
    """Whether an argument does not have the axis that is mapped."""
    return any(axis is not None and axis >= BEYOND for axis in call.axes[0].in_axes)


def has_no_out_axis(call: FunctionCall) -> bool:
    """Whether out_axes is None."""
    out_axes: int | None = call.axes[0].out_axes
    return out_axes is None


def has_no_elements(call: Call) -> bool:
    """Whether one example's result, or a part of it, has no elements."""
    if not isinstance(call, FunctionCall) or call.subject.kind != "function":
        return False
    return any(0 in shape for shape in _shapes_of_result(call))


def has_empty_operands(call: Call) -> bool:
    """Whether no argument of an example has elements, and its result, or a part of it, has."""
    if not isinstance(call, FunctionCall):
        return False
    # The arguments are drawn already; the result's shape takes a trace.
    operands = jax.tree_util.tree_leaves(call.example())
    if not all(0 in np.shape(leaf) for leaf in operands):
        return False
    return call.subject.kind != "function" or any(0 not in s for s in _shapes_of_result(call))


def _shapes_of_result(call: FunctionCall) -> list[tuple[int, ...]]:
    """Those of one example's result."""
    one = jax.eval_shape(call.subject.function, *call.example())
    return [leaf.shape for leaf in jax.tree_util.tree_leaves(one)]


EMPTY_OPERANDS = (
    "A function of arguments without elements whose result has some, such as the dot product of two "
    "vectors of size 0, raises JaxRuntimeError of XLA: 'func.call' op expected at least one operand of "
    "@xla.sdy.manual_computation_body."
)


def square_call(in_axis: int, out_axis: Any) -> FunctionCall:
    """A map of the subject `square` over three examples."""
    return FunctionCall("square", {"batch": 3, "m": 2, "n": 4}, (Axes((in_axis,), out_axis),))


def calls_of(
    subjects: str | tuple[str, ...], mapped: Callable[[tuple[int | None, ...]], bool]
) -> Callable[[Any], bool]:
    """A predicate: the calls of these subjects whose in_axes `mapped` accepts."""
    names = (subjects,) if isinstance(subjects, str) else subjects

    def affects(call: Call) -> bool:
        (axes,) = call.axes
        return call.subject_name in names and mapped(axes.in_axes)

    return affects


def empty_calls_of(names: tuple[str, ...]) -> Callable[[Any], bool]:
    """A predicate: the calls of these subjects with an empty batch."""
    return lambda call: call.subject_name in names and call.sizes["batch"] == 0


def any_axes(in_axes: tuple[int | None, ...]) -> bool:
    """Accept all in_axes."""
    return True


def every_axis(in_axes: tuple[int | None, ...]) -> bool:
    """Accept in_axes that map every argument."""
    return None not in in_axes


def rule_call(name: str, in_axes: tuple[int | None, ...], **sizes: int) -> FunctionCall:
    """A map of a subject of the catalogue over three examples."""
    return FunctionCall(name, {"batch": 3, **sizes}, (Axes(in_axes, 0),))
