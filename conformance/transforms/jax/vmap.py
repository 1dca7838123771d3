"""``jax.vmap``."""

from collections.abc import Callable
from typing import Any

import jax

from properties.call import Axes, FunctionCall
from properties.transform import Transform


def map_function(function: Callable[..., Any], axes: Axes) -> Callable[..., Any]:
    """Map the function with `jax.vmap`, told the axes, their name and their options."""
    return jax.vmap(
        function, axes.in_axes, axes.out_axes, axis_name=axes.name, **dict(axes.options)
    )


def source(call: FunctionCall) -> str:
    """Python that defines ``mapped``, the `jax.vmap` of ``function`` with the call's first axes."""
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
