"""One mapped function, called more than once."""

from collections.abc import Callable, Sequence

import attrs
import jax
import numpy as np

from properties import oracle
from properties.call import WIDE, Axes, FunctionCall
from properties.compare import assert_agrees
from properties.joint_compile import run_together, transform_or_raise
from properties.law import attribute_to, law
from properties.recipe import Recipe
from properties.strategies import function_calls
from properties.subject import AXIS
from properties.transform import Transform
from properties.trees import attempt, literal
from reference.types import PyTree

_REFUSED = """
try:
    mapped(*[np.float32(0)] * len(arguments))
except Exception:
    pass"""


def _after(before: Sequence[FunctionCall]) -> Recipe:
    """The map of the call's arguments, after calls of others and after one that raises."""

    def code(call: FunctionCall) -> str:
        calls = [f"mapped(*{literal(each.arguments(each.axes[0]))})" for each in before]
        return "\n".join([*calls, _REFUSED, "got = mapped(*arguments)"])

    return Recipe("map that was called before", result_code=code)


@law("mapping.called-again", tier="derived", cases=function_calls(unmapped="any", most=1))
def called_again(transform: Transform, call: FunctionCall) -> None:
    """A mapped function is right when it is called again: at another size or dtype, and after an error."""
    (axes,) = call.axes
    mapped = transform_or_raise(transform.map, call.subject.function, axes)
    attempt(mapped, *[np.float32(0)] * len(axes.in_axes))
    calls = [call, *_others(call, axes), call]
    arguments = [each.arguments(axes) for each in calls]
    pieces, compiled = [mapped] * len(calls), transform.traceable and not call.eager
    # One compilation has one number of devices.
    joined = transform.max_batch_size() is None and not call.eager
    if compiled and not joined:
        pieces = [_compiled_anew(mapped) for _ in calls]
    results = run_together(pieces, arguments, joined)
    for number, (each, got) in enumerate(zip(calls, results, strict=True)):
        with attribute_to(each, _after(calls[:number])):
            assert_agrees(got, oracle.of_function(each))


def _compiled_anew(mapped: Callable[..., PyTree]) -> Callable[..., PyTree]:
    """The map under a jit of its own, which traces it however often it was traced before."""

    def called(*arguments: PyTree) -> PyTree:
        return mapped(*arguments)

    return jax.jit(called)


def _others(call: FunctionCall, axes: Axes) -> list[FunctionCall]:
    """The call with one example less, and in another dtype, where there is one."""
    size = call.sizes[AXIS]
    smaller = [call.only(attrs.evolve(axes, batch=size - 1))] if size > 1 else []
    dtypes = [name for name in call.subject.dtypes if name not in (call.dtype, *WIDE)]
    return smaller + [attrs.evolve(call, dtype=dtype) for dtype in dtypes[:1]]
