"""How two environments differ: their events in, differences out, causes before their consequences."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import attrs

from conformance.events.outcomes import NOT_CHECKED
from conformance.events.records import Header, Observation, Record
from conformance.events.user_code import MODULE, UserSubject
from conformance.upgrade.detectors import DETECTORS, laws
from conformance.upgrade.difference import Difference, ObservationPair, Value
from conformance.upgrade.kinds import DifferenceKind

_ABSENT = object()
_OF_SUBJECTS = frozenset({"parameters", "outputs", "gradients", "jaxprs", "costs"})
"""Groups of observations of subjects: there is none where no subject can be made."""


@attrs.frozen
class Differences:
    """Every difference, the most urgent kind first, and how much is the same."""

    entries: tuple[Difference, ...]
    unchanged: int
    """Observations and results that are the same in both."""
    notes: tuple[str, ...] = ()
    """What could not be compared, and why."""
    looked_at: tuple[tuple[str, int], ...] = ()
    """How many checks of laws, and observations of each group, were compared: of nothing else it is known
    whether it is the same."""

    def of(self, kind: DifferenceKind) -> list[Difference]:
        """The differences of one kind."""
        return [entry for entry in self.entries if entry.kind == kind]

    @property
    def status(self) -> int:
        """1 where something regressed, was removed, or changed beyond its bound."""
        return int(any(entry.breaks for entry in self.entries))


def compare(before: Sequence[Record], after: Sequence[Record]) -> Differences:
    """Compare the events of two environments."""
    found = list(laws.find(before, after))
    law_changes = {difference.key for difference in found}
    old, new, notes = _comparable(before, after)
    changed = {
        key for key in old.keys() | new.keys() if old.get(key, _ABSENT) != new.get(key, _ABSENT)
    }
    reported: set[str] = set()
    for find in DETECTORS:
        unexplained = tuple(sorted(changed - reported))
        for difference in find(
            ObservationPair(old, new, unexplained, header(before), header(after))
        ):
            found.append(difference)
            reported |= {difference.key, *difference.consequences}
    found.sort(key=lambda difference: difference.kind.rank)
    one_only = laws.sampled_by_one(before, after)
    if one_only:
        items = f"{len(one_only)} item" + "s" * (len(one_only) > 1)
        notes.append(f"{items} that one of the two runs checked and the other did not sample")
    results = (laws.results(before).keys() & laws.results(after).keys()) - one_only
    unchanged = len((old.keys() & new.keys()) - reported) + len(results - law_changes)
    return Differences(tuple(found), unchanged, tuple(notes), _looked_at(before, after, old, new))


def _looked_at(
    before: Sequence[Record],
    after: Sequence[Record],
    old: Mapping[str, Value],
    new: Mapping[str, Value],
) -> tuple[tuple[str, int], ...]:
    """How much was compared: the checks of laws first, then the groups of observations."""
    checked = [
        {name for name, result in laws.results(side).items() if result.outcome not in NOT_CHECKED}
        for side in (before, after)
    ]
    groups = Counter(key.split("/", maxsplit=1)[0] for key in old.keys() & new.keys())
    of_laws = len(checked[0] & checked[1])
    return (*((("laws", of_laws),) if of_laws else ()), *sorted(groups.items()))


def _has_broken_subjects(events: Sequence[Record]) -> bool:
    return any(each.error for each in _subjects(events).values())


def _subjects(events: Sequence[Record]) -> Mapping[str, UserSubject]:
    first = header(events)
    return (first.subjects if first else None) or {}


def _broken_subjects(*sides: Sequence[Record]) -> set[str]:
    """The user's subjects that cannot be made on a side: that is what changed, and not what they give."""
    broken: set[str] = set()
    for events in sides:
        there = _subjects(events)
        broken |= {name for name, each in there.items() if each.error}
        # Of a module that cannot be imported the other side has the names.
        modules = {each.module for name, each in there.items() if name.endswith(MODULE)}
        of_them = (item for side in sides for item in _subjects(side).items())
        broken |= {name for name, each in of_them if each.module in modules}
    return broken


def _without(values: dict[str, Value], subjects: set[str]) -> dict[str, Value]:
    """The observations but for those of these subjects."""
    return {
        key: value
        for key, value in values.items()
        if key.split("/")[0] not in _OF_SUBJECTS or not subjects & set(key.split("/")[2:4])
    }


def header(events: Sequence[Record]) -> Header | None:
    """The first header of these events."""
    return next((event for event in events if isinstance(event, Header)), None)


def observations(events: Sequence[Record]) -> dict[str, Value]:
    """What was observed, by key."""
    return {event.key: event.value for event in events if isinstance(event, Observation)}


def _without_lost_parts(
    old: dict[str, Value], new: dict[str, Value], crashed: Iterable[str]
) -> tuple[dict[str, Value], dict[str, Value]]:
    """Without groups that ended early, and of those of which a part did, what one side alone has."""
    lost = {key.split("/")[0] for key in crashed}
    both = old.keys() & new.keys() - set(crashed)

    def kept(values: dict[str, Value]) -> dict[str, Value]:
        return {k: v for k, v in values.items() if k in both or k.split("/")[0] not in lost}

    return kept(old), kept(new)


def _comparable(
    before: Sequence[Record], after: Sequence[Record]
) -> tuple[dict[str, Value], dict[str, Value], list[str]]:
    """The observations of the groups that both environments have, and notes on those left out."""
    old, new = observations(before), observations(after)
    notes = []
    headers = [header(events) for events in (before, after)]
    versions = [(each.observations or None) if each else None for each in headers]
    if versions[0] != versions[1]:
        notes.append(f"the lists of observations are of versions {versions[0]} and {versions[1]}")
        old, new = {}, {}
    crashed = {
        key: value["crashed"]["reason"]
        for key, value in {**old, **new}.items()
        if isinstance(value, dict) and "crashed" in value
    }
    notes += [f"the observations {key!r} ended early: {why}" for key, why in crashed.items()]
    old, new = _without_lost_parts(old, new, crashed)
    groups = [{key.split("/")[0] for key in values} for values in (old, new)]
    alone = sorted(groups[0] ^ groups[1]) if all(groups) else []
    if any(_has_broken_subjects(events) for events in (before, after)):
        alone = [group for group in alone if group not in _OF_SUBJECTS]
    old, new = (_without(values, _broken_subjects(before, after)) for values in (old, new))
    share = max(each.share or 1 if each else 1 for each in headers)
    if share > 1:
        sides = (before, after)
        left_out = [
            {n for n, r in laws.results(s).items() if r.outcome == "not-sampled"} for s in sides
        ]
        counted = len(left_out[0] & left_out[1])
        notes.append(
            (f"{counted:,} checks that were not sampled, among them " if counted else "")
            + f"{share - 1} in {share} of the suite's own checks of what your code does not use; "
            "--profile ci checks all"
        )
    if all(each and each.profile == "quick" for each in headers) and "calls" in groups[0]:
        notes.append(
            "calls that use names of JAX or Flax which your files do not; --profile ci makes all"
            if any(each.sources and each.sources.uses for each in headers if each)
            else "functions of every dtype and rank; --source, or --profile ci, compares them"
        )
    notes += [f"the observations {group!r} are of one of the two only" for group in alone]
    both = groups[0] & groups[1]
    old, new = ({k: v for k, v in side.items() if k.split("/")[0] in both} for side in (old, new))
    return old, new, notes
