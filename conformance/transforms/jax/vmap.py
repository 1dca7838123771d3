"""`jax.vmap`."""

from collections.abc import Callable

import jax

from properties.call import Axes, FunctionCall
from properties.transform import Transform
from reference.types import PyTree


def map_function(function: Callable[..., PyTree], axes: Axes) -> Callable[..., PyTree]:
    """`jax.vmap` of the function with these axes and options."""
    return jax.vmap(
        function, axes.in_axes, axes.out_axes, axis_name=axes.name, **dict(axes.options)
    )


def source(call: FunctionCall) -> str:
    """`Transform.source`: Python that defines `mapped`."""
    (axes, *_) = call.axes
    options = "".join(f", {name}={value!r}" for name, value in axes.options)
    given = f"{axes.in_axes}, {axes.out_axes}, axis_name={axes.name!r}{options}"
    return f"mapped = jax.vmap(function, {given})"


TRANSFORM = Transform(
    "jax.vmap",
    "maps a function over a batch",
    map_function,
    kinds=("function", "rule", "collective", "draw"),
    source=source,
)
