"""Other primitives in what mapped functions are traced to."""

from collections.abc import Iterator

from conformance.upgrade.difference import Difference, ObservationPair, Value
from conformance.upgrade.kinds import DifferenceKind

CHANGED = DifferenceKind(
    "jaxprs-changed",
    "Other primitives",
    ("jaxpr changed", "jaxprs changed"),
    "A function is traced to other primitives.",
    "Only code that reads jaxprs, or caches by them, sees it.",
    140,
    "know",
)
KINDS = (CHANGED,)


def find(pair: ObservationPair) -> Iterator[Difference]:
    """One difference for all jaxprs in which the same primitives came and went."""
    alike: dict[tuple[tuple[str, bool], ...], list[str]] = {}
    for key, was, now in pair.of("jaxprs"):
        if not all(isinstance(value, dict) and "primitives" in value for value in (was, now)):
            continue
        then, since = was["primitives"], now["primitives"]
        moved = [n for n in sorted({*then, *since}) if then.get(n, 0) != since.get(n, 0)]
        more = tuple((name, since.get(name, 0) > then.get(name, 0)) for name in moved)
        alike.setdefault(more, []).append(key)
    for first, *others in alike.values():
        counts = _counts(pair.old[first], pair.new[first])
        yield Difference(CHANGED, first, counts, consequences=tuple(others))


def _counts(was: Value, now: Value) -> str:
    then, since = was["primitives"], now["primitives"]
    parts = [
        f"{name} {then.get(name, 0)} to {since.get(name, 0)}"
        for name in sorted({*then, *since})
        if then.get(name) != since.get(name)
    ]
    return f"{was['count']} equations to {now['count']}: {', '.join(parts)}"
