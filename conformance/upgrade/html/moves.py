"""What moving from the first environment to another one means, kind of difference by kind."""

from collections.abc import Sequence

import attrs

from conformance.reporting.html.runs import RunView
from conformance.upgrade.compare import Differences
from conformance.upgrade.detectors import KINDS
from conformance.upgrade.difference import Difference
from conformance.upgrade.for_you import ForYou
from conformance.upgrade.html.drift import Drift, drift
from conformance.upgrade.html.timeline import Release

ADVICE = 2
"""Of a kind with more different remedies than this, the summary has only the general one."""


@attrs.frozen
class Group:
    """The differences of one kind."""

    kind: str
    title: str
    entries: list[tuple[Difference, str | None]]
    """Each with its place on the page, where its result is shown in full."""
    breaks: int
    remedy: str
    advice: list[str]


@attrs.frozen
class Move:
    """What the template says of a move."""

    number: int
    before: RunView
    after: RunView
    compared: bool
    total: int
    breaks: int
    unchanged: int
    notes: tuple[str, ...]
    groups: list[Group]
    drift: Drift | None
    timeline: Sequence[Release]
    """Releases between the two at which known defects begin or end."""
    mine: ForYou | None
    """What it means for the user's own code."""


def move(
    number: int,
    views: Sequence[RunView],
    found: Differences | None,
    mine: ForYou | None = None,
    timeline: Sequence[Release] = (),
) -> Move:
    """The move from the first environment to the one of this number; `found` None if not compared."""
    first, after = views[0], views[number]
    return Move(
        number=number,
        before=first,
        after=after,
        compared=found is not None,
        total=len(found.entries) if found else 0,
        breaks=sum(entry.breaks for entry in found.entries) if found else 0,
        unchanged=found.unchanged if found else 0,
        notes=found.notes if found else (),
        groups=_groups(found, first, after) if found else [],
        drift=drift(found) if found else None,
        timeline=timeline,
        mine=mine,
    )


def _groups(found: Differences, first: RunView, after: RunView) -> list[Group]:
    groups = []
    for kind in KINDS.values():
        mine = found.of(kind)
        if not mine:
            continue
        remedies = list(dict.fromkeys(entry.remedy for entry in mine))
        # What regressed is shown in the later environment, what was fixed in the earlier one.
        places = (first if kind.id == "fixed" else after).places
        groups.append(
            Group(
                kind=kind.id,
                title=kind.title,
                entries=[(entry, places.get(entry.key)) for entry in mine],
                breaks=sum(entry.breaks for entry in mine),
                remedy=remedies[0] if len(remedies) == 1 else kind.remedy,
                advice=remedies if len(remedies) <= ADVICE else [kind.remedy],
            )
        )
    return groups
