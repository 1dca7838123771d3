"""Facts about the environment that a process runs in, for the log's header."""

import importlib.metadata
import os
import platform
from typing import Any

import msgspec

from conformance.events.records import Environment

PACKAGES = ("jax", "jaxlib", "flax", "numpy", "chex", "hypothesis")


def versions() -> dict[str, str | None]:
    """The installed version of Python and of each package, None where it is not installed."""
    found: dict[str, str | None] = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    return found


def environment() -> Environment:
    """Versions, and what JAX reports of itself. Starts JAX's backend."""
    import jax

    config: Any = jax.config  # its attributes are made at run time
    return msgspec.convert(
        {
            **versions(),
            "platform": jax.default_backend(),
            "devices": jax.local_device_count(),
            "x64": bool(config.jax_enable_x64),
            "prng": str(config.jax_default_prng_impl),
            "threefry_partitionable": bool(config.jax_threefry_partitionable),
            "xla_flags": os.environ.get("XLA_FLAGS", ""),
        },
        Environment,
    )
