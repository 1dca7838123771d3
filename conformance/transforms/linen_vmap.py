"""``flax.linen.vmap``, of modules, and of functions as modules without parameters."""

from collections.abc import Callable
from typing import Any

import flax.errors
import flax.linen as nn

from conformance.transforms import linen_modules
from properties.calls import Axes, FunctionCall, ModuleCall
from properties.transform import Lifted, Transform


def map_function(function: Callable[..., Any], axes: Axes) -> Callable[..., Any]:
    class Applied(nn.Module):
        def __call__(self, *arguments: Any) -> Any:
            return function(*arguments)

    lifted = nn.vmap(
        Applied,
        in_axes=axes.in_axes,
        out_axes=axes.out_axes,
        variable_axes={},
        split_rngs={},
        axis_name=axes.name,
    )
    return lambda *arguments: lifted().apply({}, *arguments)


def lift(call: ModuleCall) -> Lifted:
    """``nn.vmap`` of the Linen module of the call's subject, for the call's first axes."""
    axes = call.axes[0]
    lifted = nn.vmap(
        linen_modules.CLASSES[call.subject_name],
        in_axes=axes.in_axes,
        out_axes=axes.out_axes,
        variable_axes=dict[Any, Any](call.variable_axes),
        split_rngs=dict[Any, bool](call.split_rngs),
    )
    return _pure(lifted(**call.subject.configure(call.sizes)), call)


def plain(call: ModuleCall) -> Lifted:
    """The Linen module of the call's subject, unmapped."""
    module = linen_modules.CLASSES[call.subject_name]
    return _pure(module(**call.subject.configure(call.sizes)), call)


def _pure(module: nn.Module, call: ModuleCall) -> Lifted:
    updated = [name for name in call.subject.collections if name != "params"]

    def apply(variables: Any, rngs: Any, *inputs: Any) -> Any:
        return module.apply(variables, *inputs, rngs=rngs, mutable=updated)

    return Lifted(module.init, apply)


def source(call: FunctionCall | ModuleCall) -> str:
    axes = call.axes[0]
    options = f"in_axes={axes.in_axes}, out_axes={axes.out_axes}"
    if isinstance(call, FunctionCall):
        return f"""
import flax.linen as nn


class Applied(nn.Module):
    def __call__(self, *arguments):
        return function(*arguments)


Lifted = nn.vmap(
    Applied, {options}, variable_axes={{}}, split_rngs={{}}, axis_name={axes.name!r}
)
mapped = lambda *arguments: Lifted().apply({{}}, *arguments)
"""
    definition, name, given = linen_modules.source(call)
    return f"""
{definition}

plain = {name}({given})
lifted = nn.vmap(
    {name},
    {options},
    variable_axes={dict(call.variable_axes)},
    split_rngs={dict(call.split_rngs)},
)({given})
"""


TRANSFORM = Transform(
    "flax.linen.vmap",
    "lifts a Linen module over a batch",
    map_function,
    lift,
    plain,
    missing_stream=flax.errors.InvalidRngError,
    source=source,
)
