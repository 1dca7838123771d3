"""What both the terminal and Markdown say of a comparison."""

from collections import Counter
from itertools import zip_longest

from conformance.events.log import CONFORMING, NOT_CHECKED
from conformance.reporting.summary import ORDER, SHORT
from conformance.upgrade.columns import Column, Comparison
from conformance.upgrade.compare import Differences
from conformance.upgrade.detectors import KINDS
from conformance.upgrade.difference import Difference


def in_words(column: Column, first: Column, differences: Differences | None) -> str:
    """What an upgrade from the first environment to this one means, in one paragraph."""
    if differences is None:
        failed = column if column.problem else first
        return f"{failed.label} did not run: {failed.problem or 'no result'}"
    counts = Counter(entry.kind.id for entry in differences.entries)
    each = [f"{kind.title.lower()} {counts[id]}" for id, kind in KINDS.items() if counts[id]]
    breaks = sum(entry.breaks for entry in differences.entries)
    verdict = f"{breaks} differences need work" if breaks else "nothing breaks"
    return (
        f"{first.label} to {column.label}: {verdict}. "
        f"{'; '.join(each) or 'no difference'}. {differences.unchanged} unchanged."
    )


def of_each_place(entries: list[Difference], most: int) -> list[Difference]:
    """At most `most` differences, taken in turn from each transform, JAX's own first."""
    places: dict[str, list[Difference]] = {}
    for entry in entries:
        places.setdefault(_place(entry), []).append(entry)
    order = sorted(places, key=lambda place: ("/jax." not in place, place))
    turns = zip_longest(*(places[place] for place in order))
    taken = [entry for turn in turns for entry in turn if entry is not None][:most]
    return sorted(taken, key=lambda entry: (order.index(_place(entry)), entry.key))


def _place(entry: Difference) -> str:
    return "/".join(entry.key.split("/")[:2])


def laws(comparison: Comparison) -> list[str]:
    """The laws of all environments, in their order."""
    return list(dict.fromkeys(law for c in comparison.columns for law in c.summary.laws))


def outcomes(column: Column, law: str) -> str:
    """How many items of a law had which outcome; only what does not conform, where anything does not."""
    counts = Counter(r.outcome for r in column.summary.results if r.law == law)
    if not counts:
        return "did not run" if column.problem else "-"
    wrong = [name for name in ORDER if counts[name] and name not in CONFORMING]
    shown = wrong or [name for name in ORDER if counts[name] and name not in NOT_CHECKED]
    return ", ".join(f"{counts[name]} {SHORT.get(name, name)}" for name in shown or counts)
