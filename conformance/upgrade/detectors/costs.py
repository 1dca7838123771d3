"""What tracing, compiling and running cost: slower or faster than the measured noise explains."""

from collections.abc import Iterator

from conformance.upgrade.difference import Difference, ObservationPair, Ratio, Value
from conformance.upgrade.kinds import DifferenceKind

FACTOR = 2.0
"""A cost counts as changed from this factor on."""

SLOWER = DifferenceKind(
    "slower",
    "Slower",
    ("cost higher", "costs higher"),
    "The same work takes more time than the noise of the measurement explains.",
    "Measure your own program before you upgrade.",
    130,
    "know",
)
FASTER = DifferenceKind(
    "faster",
    "Faster",
    ("cost lower", "costs lower"),
    "The same work takes less time than the noise of the measurement explains.",
    "Nothing to do.",
    230,
    "fine",
)
KINDS = (SLOWER, FASTER)


def find(pair: ObservationPair) -> Iterator[Difference]:
    """Costs that changed by `FACTOR`, and by more than the rounds of one measurement scatter.

    The noise of a side is the ratio of its slowest round to its fastest. The two sides must be further
    apart than both noises together: repetitions that merely do not overlap are not enough, since
    each side measures only what disturbed it during a second.
    """
    for key, was, now in pair.of("costs"):
        if not all(isinstance(value, dict) and "ratio" in value for value in (was, now)):
            continue
        times = now["ratio"] / was["ratio"]
        beyond = max(FACTOR, _noise(was) * _noise(now))
        detail = Ratio(times)
        if times >= beyond and now["least"] > was["most"]:
            yield Difference(SLOWER, key, f"{times:.1f} times slower", detail=detail)
        elif times <= 1 / beyond and now["most"] < was["least"]:
            yield Difference(FASTER, key, f"{1 / times:.1f} times faster", detail=detail)


def _noise(cost: Value) -> float:
    return float(cost["most"] / cost["least"]) if cost["least"] else float("inf")
