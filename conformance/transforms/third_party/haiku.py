"""`haiku.vmap`, within a function that Haiku transforms and that has no parameters."""

from collections.abc import Callable
from typing import Any

from properties.call import Axes, Call
from properties.transform import Transform


def map_function(function: Callable[..., Any], axes: Axes) -> Callable[..., Any]:
    """The function mapped over a batch."""
    import haiku

    def within(*arguments: Any, **named: Any) -> Any:
        mapped = haiku.vmap(
            function,
            in_axes=axes.in_axes,
            out_axes=axes.out_axes,
            axis_name=axes.name,
            split_rng=False,
            **dict(axes.options),
        )
        return mapped(*arguments, **named)

    transformed = haiku.transform(within)
    return lambda *arguments, **named: transformed.apply({}, None, *arguments, **named)


def source(call: Call) -> str:
    """Python that defines `mapped` in a script."""
    (axes, *_) = call.axes
    options = "".join(f", {name}={value!r}" for name, value in axes.options)
    return f"""
import haiku


def within(*arguments, **named):
    return haiku.vmap(
        function, {axes.in_axes}, {axes.out_axes}, axis_name={axes.name!r}, split_rng=False{options}
    )(*arguments, **named)


mapped = lambda *arguments, **named: haiku.transform(within).apply({{}}, None, *arguments, **named)
"""


TRANSFORM = Transform(
    "haiku.vmap",
    "maps a function within a Haiku transform",
    map_function,
    kinds=("function",),
    tier="derived",
    accepts_axis_size_only=False,
    source=source,
)
