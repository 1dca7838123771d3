"""What an upgrade means for the user's code, as annotations of GitHub Actions in the lines concerned."""

from collections.abc import Iterator

from conformance.reporting.github import Annotation
from conformance.upgrade.columns import Comparison
from conformance.upgrade.for_you import for_you
from conformance.upgrade.for_you.lines import Place


def annotations(comparison: Comparison) -> Iterator[Annotation]:
    """One annotation for each thing that needs work, at its first line in each file where it has places."""
    first, *others = comparison.columns
    for column, differences in zip(others, comparison.differences, strict=True):
        mine = differences and for_you(first.events, column.events, differences)
        for each in mine.work if mine else ():
            if each.follows:
                continue
            said = (column.label, each.subject, each.what, each.sentence)
            text = " ".join(part for part in said if part)
            for place in each.places or (Place(""),):
                yield Annotation("upgrade", text, place.file, *place.lines[:1])
