"""A comparison as data, for `--format json`."""

from conformance.reporting import document
from conformance.upgrade.columns import Comparison
from conformance.upgrade.compare import Differences
from conformance.upgrade.difference import Difference


def comparisons(comparison: Comparison) -> list[document.Comparison]:
    """How each later environment differs from the first."""
    first, *others = comparison.columns
    return [
        _comparison(first.label, column.label, differences)
        for column, differences in zip(others, comparison.differences, strict=True)
    ]


def _comparison(before: str, after: str, found: Differences | None) -> document.Comparison:
    return document.Comparison(
        before=before,
        after=after,
        compared=found is not None,
        unchanged=found.unchanged if found else 0,
        looked_at=dict(found.looked_at) if found else {},
        changes=[_change(entry) for entry in found.entries] if found else [],
        notes=list(found.notes) if found else [],
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
