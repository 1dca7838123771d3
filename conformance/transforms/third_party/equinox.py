"""`equinox.filter_vmap`, which maps arrays and leaves all else alone."""

from collections.abc import Callable
from typing import Any

from properties.call import Axes, Call
from properties.transform import Transform


def map_function(function: Callable[..., Any], axes: Axes) -> Callable[..., Any]:
    """The function mapped over a batch."""
    import equinox

    mapped = equinox.filter_vmap(
        function,
        in_axes=axes.in_axes,
        out_axes=axes.out_axes,
        axis_name=axes.name,
        **dict(axes.options),
    )
    # What it gives is a tree that holds the axes, and cannot be hashed, which `jax.jit` wants.
    return lambda *arguments, **named: mapped(*arguments, **named)  # noqa: PLW0108 (hashable)


def source(call: Call) -> str:
    """Python that defines `mapped` in a script."""
    (axes, *_) = call.axes
    options = "".join(f", {name}={value!r}" for name, value in axes.options)
    return (
        "import equinox\n\nmapped = equinox.filter_vmap(\n"
        f"    function, in_axes={axes.in_axes}, out_axes={axes.out_axes}, axis_name={axes.name!r}{options}\n)"
    )


TRANSFORM = Transform(
    "equinox.filter_vmap",
    "maps the arrays among the arguments",
    map_function,
    kinds=("function",),
    tier="derived",
    restrictions={
        "errors.keywords": "filter_vmap takes no keyword arguments: RuntimeError says so",
        "errors.nothing-mapped": "filter_vmap of no mapped argument calls the function as it is",
    },
    source=source,
)
