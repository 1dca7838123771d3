"""Observations: recorded facts about an environment that no law fixes.

Each group gives `(key, value)` pairs; a key's first word is its group's name. Values are JSON-ready
but for NumPy arrays, which `conformance.events.arrays.encode` writes. What the release lacks is
`{"absent": why}`, what failed `{"error": {"type", "line"}}`; no group raises for either.
"""

from collections.abc import Callable, Iterable
from typing import Any

from conformance.observations import (
    calls,
    costs,
    defaults,
    draws,
    errors,
    flags,
    jaxprs,
    layers,
    lifts,
    names,
    objects,
    outputs,
    parameters,
    prng,
    signatures,
    warned,
)
from conformance.observations.selection import Selection

GROUPS: dict[str, Callable[[Selection], Iterable[tuple[str, Any]]]] = {
    "prng": prng.observe,
    "draws": draws.observe,
    "parameters": parameters.observe,
    "lifts": lifts.observe,
    "layers": layers.observe,
    "objects": objects.observe,
    "outputs": outputs.observe,
    "calls": calls.observe,
    "errors": errors.observe,
    "warnings": warned.observe,
    "names": names.observe,
    "signatures": signatures.observe,
    "defaults": defaults.observe,
    "flags": flags.observe,
    "jaxprs": jaxprs.observe,
    "costs": costs.observe,
}
PARTS = {"calls": 12}
"""Groups that a run observes in so many parts: each has a deadline of its own, and any worker takes it."""
