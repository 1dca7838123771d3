"""``jax.pmap``, over as many devices as there are examples."""

from collections.abc import Callable
from typing import Any

import jax

from properties.call import Axes, FunctionCall
from properties.transform import Transform


def map_function(function: Callable[..., Any], axes: Axes) -> Callable[..., Any]:
    """Map the function with `jax.pmap`; an option ``devices`` holds the numbers of the devices."""
    options = on_devices(dict(axes.options))
    return jax.pmap(
        function, in_axes=axes.in_axes, out_axes=axes.out_axes, axis_name=axes.name, **options
    )


def on_devices(options: dict[str, Any]) -> dict[str, Any]:
    """Options in which devices are given by number, with the devices themselves."""
    if "devices" not in options:
        return options
    return {**options, "devices": [jax.devices()[number] for number in options["devices"]]}


def unavailable() -> str | None:
    """Why `jax.pmap` cannot be used: JAX does not have it, or there is one device; None where it can."""
    if not hasattr(jax, "pmap"):
        return f"jax {jax.__version__} has no pmap"
    return one_device("pmap")


def one_device(name: str) -> str | None:
    """Why what maps over devices has nothing to map over; None where it has."""
    if jax.local_device_count() > 1:
        return None
    platform = jax.default_backend()
    remedy = ": set XLA_FLAGS before JAX starts" if platform == "cpu" else ""
    return f"{name} needs two devices, and there is one {platform}{remedy}"


def source(call: FunctionCall) -> str:
    """Python that defines ``mapped``, the `jax.pmap` of ``function`` with the call's first axes."""
    (axes, *_) = call.axes
    options = dict(axes.options)
    if "devices" in options:
        options["devices"] = f"[jax.devices()[i] for i in {options['devices']}]"
    given = "".join(f", {name}={value}" for name, value in options.items())
    return (
        f"mapped = jax.pmap(\n    function, {axes.name!r}, in_axes={axes.in_axes}, "
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
