"""What an upgrade means for the user's code, as annotations of GitHub Actions in the lines concerned."""

import re
from collections.abc import Iterator

from conformance.reporting.github import Annotation
from conformance.upgrade.columns import Comparison
from conformance.upgrade.for_you import for_you
from conformance.upgrade.for_you.lines import BETWEEN

_PLACE = re.compile(r"(?P<file>.+?):(?P<line>\d+)(,| and |$)")


def annotations(comparison: Comparison) -> Iterator[Annotation]:
    """One annotation for each thing that needs work, at its first line in each file where it has places."""
    first, *others = comparison.columns
    for column, differences in zip(others, comparison.differences, strict=True):
        mine = differences and for_you(first.events, column.events, differences)
        for each in mine.work if mine else ():
            if each.follows:
                continue
            for where in each.where.split(BETWEEN):
                place = _PLACE.match(where)
                file, line = (place["file"], int(place["line"])) if place else ("", 0)
                said = (column.label, "" if place else where, each.what, each.sentence)
                yield Annotation("upgrade", " ".join(part for part in said if part), file, line)
