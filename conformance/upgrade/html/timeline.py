"""Which known defects begin or end between two environments, release by release, as the ledger has it."""

from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING

import attrs
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from conformance.events.records import Header

if TYPE_CHECKING:
    from conformance.known_defects.defect import Defect


@attrs.frozen
class Change:
    """A known defect that begins or ends."""

    defect: "Defect"
    effect: str
    begins: bool


@attrs.frozen
class Release:
    """A release between the two, and what changes with it."""

    package: str
    version: str
    changes: tuple[Change, ...]


def timeline(before: Header | None, after: Header | None) -> list[Release]:
    """The releases at which the ledger says that a known defect begins or ends, by package, oldest first.

    Empty where an environment's versions are not known.
    """
    if before is None or after is None:
        return []
    # The ledger needs JAX.
    from conformance.known_defects import DEFECTS
    from conformance.known_defects.effects import effect

    found: dict[tuple[str, Version], list[Change]] = defaultdict(list)
    old, new = _versions(before), _versions(after)
    for defect in DEFECTS:
        here, there = defect.applies_to(old), defect.applies_to(new)
        if here != there and None not in (old["jax"], new["jax"]):
            place = _boundary(defect, old, new)
            if place is not None:
                found[place].append(Change(defect, effect(defect), begins=there))
    ordered = sorted(found.items(), key=lambda each: (each[0][0] != "jax", each[0][1]))
    return [
        Release(package, str(version), tuple(sorted(changes, key=lambda c: not c.begins)))
        for (package, version), changes in ordered
    ]


def _versions(header: Header) -> dict[str, str | None]:
    return {"jax": header.environment.jax, "flax": header.environment.flax}


def _boundary(
    defect: "Defect", old: Mapping[str, str | None], new: Mapping[str, str | None]
) -> tuple[str, Version] | None:
    """The package and release between the two at which the defect's range begins or ends."""
    for package, specifiers in defect.versions.items():
        first, last = old.get(package), new.get(package)
        if first is None or last is None:
            continue
        low, high = sorted((Version(first), Version(last)))
        versions = SpecifierSet(specifiers)
        if versions.contains(low, prereleases=True) == versions.contains(high, prereleases=True):
            continue
        bounds = sorted(
            Version(each.version)
            for each in versions
            if each.operator in (">=", "<", "==") and low < Version(each.version) <= high
        )
        if bounds:
            return package, bounds[0]
    return None
