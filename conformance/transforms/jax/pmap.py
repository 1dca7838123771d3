"""`jax.pmap`, over as many devices as there are examples."""

from collections.abc import Callable
from typing import Any

import jax

from conformance.transforms.jax.vmap import as_written
from properties.call import Axes, FunctionCall
from properties.transform import Transform
from reference.types import PyTree


def map_function(function: Callable[..., PyTree], axes: Axes) -> Callable[..., PyTree]:
    """`jax.pmap` of the function with these axes and options."""
    mapped: Callable[..., PyTree] = jax.pmap(
        function,
        in_axes=as_written(axes),
        out_axes=axes.out_axes,
        axis_name=axes.name,
        **with_devices(dict(axes.options)),
    )
    return mapped


def with_devices(options: dict[str, Any]) -> dict[str, Any]:
    """Options whose `devices` are numbers, with the devices themselves."""
    if "devices" not in options:
        return options
    return {**options, "devices": [jax.devices()[number] for number in options["devices"]]}


def unavailable() -> str | None:
    """Why this release on this platform has no pmap; None where it has."""
    if not hasattr(jax, "pmap"):
        return f"jax {jax.__version__} has no pmap"
    return one_device("pmap")


def one_device(name: str) -> str | None:
    """Why the transform of that name cannot map over devices here; None where it can."""
    if jax.local_device_count() > 1:
        return None
    platform = jax.default_backend()
    remedy = ": set XLA_FLAGS before JAX starts" if platform == "cpu" else ""
    return f"{name} needs two devices, and there is one {platform}{remedy}"


def source(call: FunctionCall) -> str:
    """`Transform.source`: Python that defines `mapped`."""
    (axes, *_) = call.axes
    options = dict(axes.options)
    if "devices" in options:
        options["devices"] = f"[jax.devices()[i] for i in {options['devices']}]"
    given = "".join(f", {name}={value}" for name, value in options.items())
    return (
        f"mapped = jax.pmap(\n    function, {axes.name!r}, in_axes={as_written(axes)}, "
        f"out_axes={axes.out_axes}{given}\n)"
    )


TRANSFORM = Transform(
    "jax.pmap",
    "maps a function over devices",
    map_function,
    traceable=False,
    max_batch_size=jax.local_device_count,
    accepts_axis_size_only=False,
    unavailable=unavailable,
    source=source,
)
