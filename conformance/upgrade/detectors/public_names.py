"""Public names that are gone or new."""

from collections.abc import Iterable, Iterator, Mapping

from conformance.upgrade.difference import Difference, ObservationPair, Value, below, is_absent
from conformance.upgrade.kinds import DifferenceKind
from conformance.upgrade.name_changes import change_of

REMOVED = DifferenceKind(
    "removed-names",
    "Removed names",
    ("more name gone", "more names gone"),
    "Code that uses the name raises AttributeError or ImportError.",
    "Replace the name before you upgrade.",
    20,
    "work",
)
ADDED = DifferenceKind(
    "added-names",
    "Added names",
    ("new name", "new names"),
    "Nothing breaks.",
    "Code that uses the name needs at least this release.",
    210,
    "fine",
)
KINDS = (REMOVED, ADDED)


def find(pair: ObservationPair) -> Iterator[Difference]:
    """One difference for each name, with the observations that are lost or won with it."""
    for key, was, now in pair.of("names"):
        name = key.removeprefix("names/")
        if was is True and is_absent(now):
            change = change_of(name, now["absent"])
            follow = _needing(name, pair.changed, pair.new, key)
            remedy = f"Use {change.instead}." if change.instead else None
            yield Difference(
                REMOVED, key, f"{name} is {change.sentence}", remedy, consequences=follow
            )
        elif is_absent(was) and now is True:
            follow = _needing(name, pair.changed, pair.old, key)
            yield Difference(ADDED, key, f"{name} is new", consequences=follow)


def _needing(
    name: str, changed: Iterable[str], values: Mapping[str, Value], key: str
) -> tuple[str, ...]:
    """The other observations that are absent for want of the name, and what is observed of their cases."""
    cases = [
        other
        for other in changed
        if other != key and is_absent(values.get(other)) and values[other].get("name") == name
    ]
    return (*cases, *(part for case in cases for part in below(case, changed)))
