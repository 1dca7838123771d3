"""How two environments differ, in classes a person can act on: causes before their consequences."""

from collections.abc import Callable, Iterator
from typing import Any

import attrs

from conformance.events.log import CONFORMING, Event
from conformance.upgrade.detectors import observed, values
from conformance.upgrade.detectors.observed import Entry, Pair, entry
from conformance.upgrade.replacements import REMEDIES

KINDS = tuple(REMEDIES)
"""The classes, the most urgent first."""

_FINDERS: tuple[Callable[[Pair], Iterator[Entry]], ...] = (
    observed.removed,
    observed.added,
    values.trees,
    observed.failures,
    values.streams,
    values.values,
    observed.errors,
    observed.new_warnings,
    observed.costs,
    observed.jaxprs,
)
"""Causes first: what one tells, or names as a consequence, the later ones no longer see."""


@attrs.frozen
class Differences:
    """Every difference, by class, and how much is the same."""

    entries: tuple[Entry, ...]
    unchanged: int
    """Observations and results that are the same in both."""
    notes: tuple[str, ...] = ()
    """What could not be compared, and why."""

    def of(self, kind: str) -> list[Entry]:
        return [entry for entry in self.entries if entry.kind == kind]

    @property
    def status(self) -> int:
        """1 where something regressed, was removed, or changed beyond its bound."""
        return int(any(entry.breaks for entry in self.entries))


def compare(before: list[Event], after: list[Event]) -> Differences:
    """Compare the events of two environments."""
    entries = list(_laws(before, after))
    old, new = _observations(before), _observations(after)
    notes = []
    versions = [_header(events).get("observations") for events in (before, after)]
    if versions[0] != versions[1]:
        notes.append(f"the lists of observations are of versions {versions[0]} and {versions[1]}")
        old = new = {}
    crashed = {
        key: value["crashed"]["reason"]
        for key, value in {**old, **new}.items()
        if isinstance(value, dict) and "crashed" in value
    }
    notes += [f"the observations {key!r} ended early: {why}" for key, why in crashed.items()]
    groups = [{key.split("/")[0] for key in values} - set(crashed) for values in (old, new)]
    alone = sorted(groups[0] ^ groups[1]) if all(groups) else []
    notes += [f"the observations {group!r} are of one of the two only" for group in alone]
    both = groups[0] & groups[1]
    old, new = ({k: v for k, v in side.items() if k.split("/")[0] in both} for side in (old, new))
    absent = object()
    changed = {
        key for key in old.keys() | new.keys() if old.get(key, absent) != new.get(key, absent)
    }
    told: set[str] = set()
    for find in _FINDERS:
        pair = Pair(old, new, tuple(sorted(changed - told)), _header(before), _header(after))
        for found in find(pair):
            entries.append(found)
            told |= {found.key, *found.consequences}
    entries.sort(key=lambda found: KINDS.index(found.kind))
    results = {name for name in _results(before).keys() & _results(after).keys()}
    law_changes = {entry.key for entry in entries if entry.kind in ("regressed", "fixed")}
    unchanged = len((old.keys() & new.keys()) - told) + len(results - law_changes)
    return Differences(tuple(entries), unchanged, tuple(notes))


def _header(events: list[Event]) -> Event:
    return next((event for event in events if event["type"] == "header"), {})


def _observations(events: list[Event]) -> dict[str, Any]:
    return {event["key"]: event["value"] for event in events if event["type"] == "observation"}


def _results(events: list[Event]) -> dict[str, Event]:
    return {
        " | ".join(
            event[k] for k in ("law", "transform", "subject", "defect") if event.get(k)
        ): event
        for event in events
        if event["type"] == "result"
    }


_BEFORE_A_DEFECT = {None, *CONFORMING} - {"known-defect"}


def _at_work(results: dict[str, Event]) -> set[str]:
    """The transforms that the release has: something could be asked of them."""
    return {
        result["transform"] for result in results.values() if result["outcome"] != "not-applicable"
    }


def _laws(before: list[Event], after: list[Event]) -> Iterator[Entry]:
    old, new = _results(before), _results(after)
    in_both = _at_work(old) & _at_work(new)
    for name, result in new.items():
        was, now = (old[name]["outcome"] if name in old else None), result["outcome"]
        detail = result["detail"] or {}
        regressed = now not in CONFORMING and was in CONFORMING
        gone = now == "not-applicable" and was not in (None, "not-applicable")
        came = now == "known-defect" and was in _BEFORE_A_DEFECT and result["transform"] in in_both
        if regressed or gone or came:
            why = (
                detail.get("message")
                or detail.get("reason")
                or f"known defect {detail.get('defect')}"
            )
            yield entry(
                "regressed", name, f"{was or 'held'} before, {now} now: {why}", True, detail
            )
        elif now in CONFORMING and was is not None and was not in CONFORMING:
            yield entry("fixed", name, f"{was} before, {now} now", detail=old[name]["detail"] or {})
    for name, result in old.items():
        went = result["outcome"] == "known-defect" and name not in new
        if went and result["transform"] in in_both:
            yield entry("fixed", name, "the known defect is not in this release")
