"""Warnings that names and common calls raise now, and did not before."""

from collections import Counter
from collections.abc import Iterator

from conformance.upgrade.difference import Difference, ObservationPair
from conformance.upgrade.kinds import DifferenceKind

NEW = DifferenceKind(
    "new-warnings",
    "New warnings",
    ("new warning", "new warnings"),
    "The call warns: most often, it goes away in a later release.",
    "Change the call now: what is deprecated is removed in a later release.",
    100,
    "know",
)
KINDS = (NEW,)


def find(pair: ObservationPair) -> Iterator[Difference]:
    """One difference for each warning, whatever raises it.

    Another wording of a warning of the same category is no difference.
    """
    raised: dict[str, list[str]] = {}
    for key, was, now in pair.of("warnings"):
        before, since = (value if isinstance(value, list) else [] for value in (was, now))
        then, counts = (Counter(w["category"] for w in value) for value in (before, since))
        for warning in since:
            category = warning["category"]
            if warning not in before and counts[category] > then[category]:
                raised.setdefault(f"{category}: {warning['line']}", []).append(key)
    for said, (first, *others) in raised.items():
        yield Difference(NEW, first, said, consequences=tuple(others))
