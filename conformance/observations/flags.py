"""What every configuration flag is set to where nobody sets it."""

import enum
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import flax
import jax

from conformance.observations.record import Observation, one
from conformance.observations.selection import EVERYTHING, Selection


def observe(selection: Selection = EVERYTHING) -> Iterator[Observation]:
    """`flags/jax|flax/NAME`: the value of a flag; of a path, only that it is one."""
    for name, value in sorted(jax.config.values.items()):
        yield from one(f"flags/jax/{name}", partial(_written, value))
    for name, value in sorted(_of_flax().items()):
        yield from one(f"flags/flax/{name}", partial(_written, value))


def _of_flax() -> Mapping[str, Any]:
    # It has no public list of its flags.
    return getattr(flax.config, "_values", {})


def _written(value: Any) -> str:
    """As text: how a release keeps the value does not matter."""
    if isinstance(value, enum.Enum):
        value = value.value
    text = str(value)
    return "a path" if "/" in text or "\\" in text else text
