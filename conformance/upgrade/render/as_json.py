"""A comparison as data, for `--format json`."""

from conformance.reporting import document
from conformance.upgrade.columns import Column, Comparison
from conformance.upgrade.compare import Differences
from conformance.upgrade.difference import Difference
from conformance.upgrade.for_you import ForYou, Line, for_you


def comparisons(comparison: Comparison) -> list[document.Comparison]:
    """How each later environment differs from the first."""
    first, *others = comparison.columns
    return [
        _comparison(first, column, differences)
        for column, differences in zip(others, comparison.differences, strict=True)
    ]


def _comparison(before: Column, after: Column, found: Differences | None) -> document.Comparison:
    mine = for_you(before.events, after.events, found) if found else None
    return document.Comparison(
        before=before.label,
        after=after.label,
        compared=found is not None,
        unchanged=found.unchanged if found else 0,
        looked_at=dict(found.looked_at) if found else {},
        yours=_yours(mine) if mine else None,
        changes=[_change(entry) for entry in found.entries] if found else [],
        notes=list(found.notes) if found else [],
    )


def _yours(mine: ForYou) -> document.Yours:
    return document.Yours(
        title=mine.title,
        to_do=[_told(line) for line in mine.work],
        to_know=[_told(line) for line in mine.know],
        may_concern=[_told(line) for line in mine.near],
        as_before=list(mine.fine),
    )


def _told(line: Line) -> document.Told:
    return document.Told(
        what=line.what,
        sentence=line.sentence,
        subject=line.subject,
        places=[document.Place(file=each.file, lines=list(each.lines)) for each in line.places],
        follows=line.follows,
    )


def _change(entry: Difference) -> document.Change:
    return document.Change(
        kind=entry.kind.id,
        key=entry.key,
        sentence=entry.sentence,
        remedy=entry.remedy,
        breaks=entry.breaks,
        consequences=list(entry.consequences),
    )
