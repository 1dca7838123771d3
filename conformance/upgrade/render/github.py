"""What an upgrade means for the user's code, as annotations of GitHub Actions in the lines concerned."""

import re
from collections.abc import Iterator

from conformance.reporting.github import Annotation
from conformance.upgrade.columns import Comparison
from conformance.upgrade.for_you import for_you

_PLACE = re.compile(r"(?P<file>.+?):(?P<line>\d+)(,| and |$)")


def annotations(comparison: Comparison) -> Iterator[Annotation]:
    """One annotation for each thing that needs work, at its first line where it has a place."""
    first, *others = comparison.columns
    for column, differences in zip(others, comparison.differences, strict=True):
        mine = differences and for_you(first.events, column.events, differences)
        for each in mine.work if mine else ():
            if each.follows:
                continue
            place = _PLACE.match(each.where)
            file, line = (place["file"], int(place["line"])) if place else ("", 0)
            said = (column.label, "" if place else each.where, each.what, each.sentence)
            yield Annotation("upgrade", " ".join(part for part in said if part), file, line)
