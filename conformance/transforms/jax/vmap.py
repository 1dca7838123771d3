"""`jax.vmap`."""

from collections.abc import Callable

import jax

from properties.call import Axes, FunctionCall
from properties.transform import Transform
from reference.types import PyTree


def _in_axes(axes: Axes) -> tuple[int | None, ...] | None:
    """The axes as users write them: None itself where nothing is mapped, and the result in front."""
    # An entry may be a tree of axes.
    nothing = bool(axes.in_axes) and all(axis is None for axis in axes.in_axes)
    return None if nothing and axes.out_axes == 0 else axes.in_axes


def map_function(function: Callable[..., PyTree], axes: Axes) -> Callable[..., PyTree]:
    """`jax.vmap` of the function with these axes and options."""
    return jax.vmap(
        function, _in_axes(axes), axes.out_axes, axis_name=axes.name, **dict(axes.options)
    )


def source(call: FunctionCall) -> str:
    """`Transform.source`: Python that defines `mapped`."""
    (axes, *_) = call.axes
    options = "".join(f", {name}={value!r}" for name, value in axes.options)
    given = f"{_in_axes(axes)}, {axes.out_axes}, axis_name={axes.name!r}{options}"
    return f"mapped = jax.vmap(function, {given})"


TRANSFORM = Transform(
    "jax.vmap",
    "maps a function over a batch",
    map_function,
    kinds=("function", "rule", "collective", "draw"),
    source=source,
)
