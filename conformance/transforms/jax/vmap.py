"""`jax.vmap`."""

from collections.abc import Callable
from typing import Any

import jax

from properties.call import Axes, FunctionCall
from properties.transform import Transform
from reference.types import PyTree


def as_written(axes: Axes) -> Any:
    """The axes as users write them: one that all arguments have, by itself, where the result is in front."""
    # An entry may be a tree of axes.
    first = axes.in_axes[0] if axes.in_axes else ()
    is_one = first is None or isinstance(first, int)
    alike = is_one and all(axis == first for axis in axes.in_axes)
    return first if alike and axes.out_axes == 0 else axes.in_axes


def _perhaps_a_list(axes: Axes) -> Any:
    """`as_written`, or a list, which does for a tuple, where the result is not in front."""
    return list(axes.in_axes) if axes.out_axes != 0 else as_written(axes)


def map_function(function: Callable[..., PyTree], axes: Axes) -> Callable[..., PyTree]:
    """`jax.vmap` of the function with these axes and options."""
    return jax.vmap(
        function, _perhaps_a_list(axes), axes.out_axes, axis_name=axes.name, **dict(axes.options)
    )


def source(call: FunctionCall) -> str:
    """`Transform.source`: Python that defines `mapped`."""
    (axes, *_) = call.axes
    options = "".join(f", {name}={value!r}" for name, value in axes.options)
    given = f"{_perhaps_a_list(axes)}, {axes.out_axes}, axis_name={axes.name!r}{options}"
    return f"mapped = jax.vmap(function, {given})"


TRANSFORM = Transform(
    "jax.vmap",
    "maps a function over a batch",
    map_function,
    kinds=("function", "rule", "collective", "draw"),
    source=source,
)
