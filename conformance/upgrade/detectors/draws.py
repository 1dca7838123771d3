"""Samplers: other numbers from the same bits, draws that are wrongly distributed, dtypes refused."""

from collections.abc import Iterator, Mapping
from typing import Any

from conformance.upgrade.detectors.arrays import distance
from conformance.upgrade.difference import Difference, ObservationPair, Value
from conformance.upgrade.kinds import DifferenceKind

WRONG = DifferenceKind(
    "draws-wrong",
    "Draws wrongly distributed",
    ("sampler wrong now", "samplers wrong now"),
    "The numbers that a sampler draws are not distributed as they were, and not as they should be.",
    "Draw another way until the sampler is mended.",
    52,
    "work",
)
CHANGED = DifferenceKind(
    "draws-changed",
    "Samplers give other numbers",
    ("sampler changed", "samplers changed"),
    "The same key gives other numbers, though the PRNG gives the same bits.",
    "Make stored results anew, or keep to values that you stored.",
    54,
    "work",
)
KINDS = (WRONG, CHANGED)


def find(pair: ObservationPair) -> Iterator[Difference]:
    """One difference for each sampler and dtype that changed by more than rounding."""
    for key, was, now in pair.of("draws"):
        sampler = key.split("/")[1]
        if not (_is_draw(was) and _is_draw(now)):
            continue
        elif now["wrong"] and not was["wrong"]:
            yield Difference(WRONG, key, now["wrong"], cause=sampler)
        elif not rounds_alike(was, now):
            said = "the same key gives other numbers"
            if was["wrong"] and not now["wrong"]:
                said += f", distributed as they should be; before, {was['wrong']}"
            elif was["wrong"]:
                said += f", and before as now they are wrongly distributed: {now['wrong']}"
            yield Difference(CHANGED, key, said, cause=sampler)


def is_sound(was: Value, now: Value) -> bool:
    """Whether both are draws that are distributed as they should be: the PRNG may explain a change."""
    return all(_is_draw(value) and not value["wrong"] for value in (was, now))


def rounds_alike(was: Value, now: Value) -> bool:
    """Whether two draws differ by no more than rounding; draws without a bound must be equal."""
    apart = distance(was, now)
    return apart is not None and apart.within


def _is_draw(value: Any) -> bool:
    return isinstance(value, Mapping) and "value" in value
