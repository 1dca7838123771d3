"""Marks: what came of each student, exercise by exercise, and the points that gets."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import attrs

from conformance.events.counted import counted as those_that_count
from conformance.events.counted import student_of
from conformance.events.records import Verdict
from conformance.reporting.verdicts.marking import Marking, equal_marks

CONFORMS, MISSING = "conforms", "missing"
LOST = 10
"""Decimals to which points are rounded, so that thirds of points add up."""


@attrs.frozen
class Mark:
    """One exercise of one student.

    Attributes:
        exercise: its name.
        outcome: a verdict's outcome; `missing` where no file has a function for it.
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
    """One student: a directory of files, or a file by itself.

    Attributes:
        student: the directory's path, or the file's.
        marks: one for each exercise that counts, then those that do not.
        wholes: the verdicts on files as a whole, which could not be judged.

    """

    student: str
    marks: tuple[Mark, ...]
    wholes: tuple[Verdict, ...] = ()

    @property
    def whole(self) -> Verdict | None:
        """The first of the verdicts on a file as a whole, if there is one."""
        return self.wholes[0] if self.wholes else None

    @property
    def is_directory(self) -> bool:
        """Whether the student has a directory, and so may have several files."""
        return any(each.student for each in self.verdicts)

    @property
    def points(self) -> float:
        """The points of all exercises together."""
        return round(sum(mark.points for mark in self.marks), LOST)

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """All that counts of what was said of the student's files."""
        said = (mark.verdict for mark in self.marks if mark.verdict is not None)
        return (*self.wholes, *said)


@attrs.frozen
class Class:
    """All students.

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
    by_student: dict[str, list[Verdict]] = {}
    for verdict in those_that_count(verdicts):
        by_student.setdefault(student_of(verdict), []).append(verdict)
    found = {each.exercise for said in by_student.values() for each in said if each.exercise}
    used = marking
    if marking is not None:
        counted = tuple(marking.exercises)
    else:
        counted = tuple(dict.fromkeys(required)) or tuple(sorted(found))
        used = equal_marks(counted) if counted else None
    columns = (*counted, *sorted(found - set(counted)))
    rows = tuple(_row(name, said, columns, used) for name, said in by_student.items())
    needed = () if used is None else used.required
    possible = sum(used.exercises[name].points for name in needed) if used else 0.0
    title = marking.title if marking is not None else ""
    return Class(title, columns, len(counted), round(possible, LOST), rows, marking)


def _row(
    student: str, said: Sequence[Verdict], columns: tuple[str, ...], marking: Marking | None
) -> Row:
    wholes = tuple(each for each in said if each.exercise is None)
    whole = wholes[0] if wholes else None
    by_name = {each.exercise: each for each in said}
    marks = tuple(_mark(name, by_name.get(name), whole, marking) for name in columns)
    return Row(student, marks, wholes)


def _mark(
    name: str, verdict: Verdict | None, whole: Verdict | None, marking: Marking | None
) -> Mark:
    outcome = verdict or whole
    worth = marking.exercises.get(name) if marking is not None else None
    points = 0.0
    if marking is not None and worth is not None and verdict is not None:
        rule = worth.partial or marking.partial
        at_most = marking.at_most if worth.at_most is None else worth.at_most
        points = worth.points * share(verdict, rule, at_most)
        if verdict.verdict != CONFORMS:
            points = _rounded_down(points, marking.step(worth.points))
        points = round(points, LOST)
    return Mark(
        name,
        MISSING if outcome is None else outcome.verdict,
        verdict,
        points,
        0.0 if worth is None else worth.points,
        worth is not None and worth.required,
    )


def _rounded_down(points: float, step: float) -> float:
    """The next multiple of the step below: a wrong solution never has all points."""
    return math.floor(points / step + 10.0**-LOST) * step if step else points


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


def right(marks: Sequence[Mark], words: str = "right") -> str:
    """How many of the exercises that count conform, such as `3 of 3 right, 0 of 1 extra`.

    Args:
        marks: of one student.
        words: what is said of the required ones.

    """
    parts = []
    for required, said in ((True, words), (False, "extra")):
        outcomes = [mark.outcome for mark in marks if mark.required == required]
        if outcomes:
            parts.append(f"{outcomes.count(CONFORMS)} of {len(outcomes)} {said}")
    return ", ".join(parts)


def number(points: float) -> str:
    """Points as they are written: at most two decimals, none where there are none."""
    return f"{points:.2f}".rstrip("0").rstrip(".") or "0"


def out_of(points: float, possible: float) -> str:
    """Such as `4.5 of 6`."""
    return f"{number(points)} of {number(possible)}"
