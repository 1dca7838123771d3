"""Marks: what came of each file, exercise by exercise, and the points it gets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs

from conformance.events.records import Verdict
from conformance.reporting.verdicts.marking import Marking, equal_marks

CONFORMS, MISSING = "conforms", "missing"
LOST = 10
"""Decimals to which points are rounded, so that thirds of points add up."""


@attrs.frozen
class Mark:
    """One exercise of one file.

    Attributes:
        exercise: its name.
        outcome: a verdict's outcome; `missing` where the file has no function for it.
        verdict: what was said of it; None where nothing was.
        points: those it gets.
        possible: those it is worth.
        required: whether it counts towards the maximum.

    """

    exercise: str
    outcome: str
    verdict: Verdict | None
    points: float
    possible: float
    required: bool


@attrs.frozen
class Row:
    """One file.

    Attributes:
        candidate: its path.
        marks: one for each exercise that counts, then those that do not.
        whole: the verdict on the file as a whole, where it could not be judged.

    """

    candidate: str
    marks: tuple[Mark, ...]
    whole: Verdict | None

    @property
    def points(self) -> float:
        """The points of all exercises together."""
        return round(sum(mark.points for mark in self.marks), LOST)

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """All that was said of the file."""
        said = tuple(mark.verdict for mark in self.marks if mark.verdict is not None)
        return said if self.whole is None else (self.whole, *said)


@attrs.frozen
class Class:
    """All files.

    Attributes:
        columns: every exercise, those that count first.
        counted: how many of the columns count.
        possible: the most points for what is required.
        marking: what the teacher stated; None where one point was given for each.

    """

    title: str
    columns: tuple[str, ...]
    counted: int
    possible: float
    rows: tuple[Row, ...]
    marking: Marking | None


def mark(
    verdicts: Iterable[Verdict], marking: Marking | None = None, required: Sequence[str] = ()
) -> Class:
    """The marks of a class.

    Args:
        verdicts: what came of the files, in the order of the rows.
        marking: points and partial credit. None: one point for each exercise that counts.
        required: the exercises that count where there is no marking. None: every one that some
            file has a function for.

    """
    by_file: dict[str, dict[str | None, Verdict]] = {}
    for verdict in verdicts:
        by_file.setdefault(verdict.candidate, {})[verdict.exercise] = verdict
    found = {name for row in by_file.values() for name in row if name is not None}
    used = marking
    if marking is not None:
        counted = tuple(marking.exercises)
    else:
        counted = tuple(dict.fromkeys(required)) or tuple(sorted(found))
        used = equal_marks(counted) if counted else None
    columns = (*counted, *sorted(found - set(counted)))
    rows = tuple(_row(name, said, columns, used) for name, said in by_file.items())
    needed = () if used is None else used.required
    possible = sum(used.exercises[name].points for name in needed) if used else 0.0
    title = marking.title if marking is not None else ""
    return Class(title, columns, len(counted), round(possible, LOST), rows, marking)


def _row(
    candidate: str,
    said: dict[str | None, Verdict],
    columns: tuple[str, ...],
    marking: Marking | None,
) -> Row:
    return Row(candidate, tuple(_mark(name, said, marking) for name in columns), said.get(None))


def _mark(name: str, said: dict[str | None, Verdict], marking: Marking | None) -> Mark:
    verdict, whole = said.get(name), said.get(None)
    outcome = verdict or whole
    worth = marking.exercises.get(name) if marking is not None else None
    points = 0.0
    if marking is not None and worth is not None and verdict is not None:
        rule = worth.partial or marking.partial
        at_most = marking.at_most if worth.at_most is None else worth.at_most
        points = round(worth.points * share(verdict, rule, at_most), LOST)
    return Mark(
        name,
        MISSING if outcome is None else outcome.verdict,
        verdict,
        points,
        0.0 if worth is None else worth.points,
        worth is not None and worth.required,
    )


def share(verdict: Verdict, rule: str, at_most: float) -> float:
    """The share of its points that a solution gets, from 0 to 1.

    Args:
        verdict: what came of it.
        rule: "none", "calls" or "shapes".
        at_most: the largest share where it does not conform.

    """
    if verdict.verdict == CONFORMS:
        return 1.0
    if rule == "calls":
        right, drawn = verdict.right_calls or 0, verdict.drawn_calls or 0
    elif rule == "shapes":
        right, drawn = verdict.right_shapes or 0, verdict.drawn_shapes or 0
    else:
        return 0.0
    return min(right / drawn, at_most, 1.0) if drawn else 0.0


def number(points: float) -> str:
    """Points as they are written: at most two decimals, none where there are none."""
    return f"{points:.2f}".rstrip("0").rstrip(".") or "0"


def out_of(points: float, possible: float) -> str:
    """Such as `4.5 of 6`."""
    return f"{number(points)} of {number(possible)}"
