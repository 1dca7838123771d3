"""Facts about the environment that a process runs in, for the log's header."""

import importlib.metadata
import os
import platform
from collections.abc import Iterator
from typing import Any

import msgspec
from packaging.requirements import InvalidRequirement, Requirement

from conformance.events.records import Environment

LIBRARIES = ("jax", "jaxlib", "flax")
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


def unmet() -> list[str]:
    """What installed distributions require of JAX and Flax that the installed releases do not meet.

    Returns:
        Such as `weather 0.3 requires jax==0.6.2`.

    """
    installed = {name: version for name, version in versions().items() if version is not None}
    found: dict[str, None] = {}
    for distribution in importlib.metadata.distributions():
        for asked in requirements(distribution):
            there = installed.get(asked.name) if asked.name in LIBRARIES else None
            if there and applies(asked) and not asked.specifier.contains(there, prereleases=True):
                who = f"{distribution.metadata['Name']} {distribution.version}"
                found[f"{who} requires {asked.name}{asked.specifier}"] = None
    return list(found)


def requirements(distribution: importlib.metadata.Distribution) -> Iterator[Requirement]:
    """What a distribution requires, with extras and without; what cannot be read is left out."""
    for text in distribution.requires or ():
        try:
            yield Requirement(text)
        except InvalidRequirement:
            continue


def applies(requirement: Requirement) -> bool:
    """Whether it is required with this Python and on this platform, without any extra."""
    return requirement.marker is None or requirement.marker.evaluate({"extra": ""})


def default_prng() -> str:
    """The PRNG of a key that names none."""
    import jax

    config: Any = jax.config  # its attributes are made at run time
    return str(config.jax_default_prng_impl)


def is_threefry_partitionable() -> bool:
    """Whether Threefry draws the newer of its two streams."""
    import jax

    config: Any = jax.config
    return bool(config.jax_threefry_partitionable)


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
            "prng": default_prng(),
            "threefry_partitionable": is_threefry_partitionable(),
            "xla_flags": os.environ.get("XLA_FLAGS", ""),
        },
        Environment,
    )
