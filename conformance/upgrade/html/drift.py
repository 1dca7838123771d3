"""The plot of how far values moved between two environments."""

import math
from collections.abc import Sequence

import attrs

from conformance.upgrade.compare import Differences
from conformance.upgrade.difference import Distance

LEFT, RIGHT, TOP, BOTTOM = 48, 328, 22, 158
"""The plot's edges, in pixels of a view of 340 by 190."""
LEAST_ULPS = 0.1
"""What is nearer is drawn here, since the scale is logarithmic."""
MOST_TICKS = 5


@attrs.frozen
class Drift:
    """Points from left to right by rank, ULPs upwards on a log scale."""

    points: list[tuple[float, float, str, bool, str]]
    """x, y, ULPs in words, whether within the bound, and the observation's key."""
    ticks: list[tuple[float, int]]
    """y and the power of ten."""
    infinite: float | None
    """y of the line of infinite distances; None where there is none."""
    beyond: int
    """How many are beyond their bound, or have none."""


@attrs.frozen
class _Scale:
    """A logarithmic scale from one power of ten to another."""

    low: int
    high: int

    def height(self, ulps: float) -> float:
        """The y of a distance; above the plot where it is infinite."""
        if not math.isfinite(ulps):
            return TOP - 10.0
        share = (math.log10(max(ulps, LEAST_ULPS)) - self.low) / (self.high - self.low)
        return round(BOTTOM - share * (BOTTOM - TOP), 1)

    def ticks(self) -> list[tuple[float, int]]:
        """The y of some powers of ten, with the exponent."""
        step = max(1, math.ceil((self.high - self.low) / MOST_TICKS))
        return [(self.height(10.0**e), e) for e in range(self.low, self.high + 1, step)]


def drift(found: Differences) -> Drift | None:
    """The plot of these differences; None where no value moved."""
    moved = [
        (entry.detail.ulps, entry.detail.within, entry.key)
        for entry in found.entries
        if isinstance(entry.detail, Distance)
    ]
    if not moved:
        return None
    moved.sort(key=lambda point: -point[0])
    scale = _scale([ulps for ulps, *_ in moved])
    across = (RIGHT - LEFT) / len(moved)
    return Drift(
        points=[
            (round(LEFT + across * (rank + 0.5), 1), scale.height(ulps), f"{ulps:.3g}", within, key)
            for rank, (ulps, within, key) in enumerate(moved)
        ],
        ticks=scale.ticks(),
        infinite=TOP - 10 if any(not math.isfinite(ulps) for ulps, *_ in moved) else None,
        beyond=sum(not within for _, within, _ in moved),
    )


def _scale(distances: Sequence[float]) -> _Scale:
    logs = [math.log10(max(ulps, LEAST_ULPS)) for ulps in distances if math.isfinite(ulps)]
    low = math.floor(min([0.0, *logs]))
    return _Scale(low, max(low + 1, math.ceil(max([0.0, *logs]))))
