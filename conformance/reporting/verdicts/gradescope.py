"""One student's marks as the `results.json` that Gradescope reads.

The format: https://gradescope-autograders.readthedocs.io/en/latest/specs/#output-format
"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType

from conformance.reporting.verdicts import text
from conformance.reporting.verdicts.marks import CONFORMS, MISSING, Class, Mark, Row

Visibility = Literal["visible", "hidden", "after_due_date", "after_published"]


class Test(Struct, kw_only=True, omit_defaults=True):
    """One exercise."""

    name: str
    score: float
    max_score: float
    status: Literal["passed", "failed"]
    output: str
    visibility: Visibility | UnsetType = UNSET


class Results(Struct, kw_only=True):
    """What an autograder leaves for Gradescope. The score is the sum of the tests' scores."""

    visibility: Visibility
    stdout_visibility: Visibility
    output: str
    tests: list[Test]


def render(marked: Class) -> str:
    """The marks of one submission, whichever of its files has the function.

    Where several files define one, the best of them counts, and the test names it.

    Args:
        marked: the files of one student.

    """
    tests = []
    for column in range(marked.counted):
        found = [(row, row.marks[column]) for row in marked.rows]
        row, mark = max(found, key=lambda each: _rank(each[1]))
        tests.append(_test(row, mark))
    whole = [each for row in marked.rows for each in row.wholes]
    said = "\n\n".join("\n".join(text.lines(each)) for each in whole)
    files = ", ".join(text.one_line(row.student) for row in marked.rows)
    results = Results(
        visibility="visible",
        stdout_visibility="hidden",
        output=said or f"Judged: {files}",
        tests=tests,
    )
    return msgspec.json.format(msgspec.json.encode(results), indent=2).decode() + "\n"


def _rank(mark: Mark) -> tuple[bool, float, bool]:
    return mark.outcome == CONFORMS, mark.points, mark.outcome != MISSING


def _test(row: Row, mark: Mark) -> Test:
    said = mark.verdict or row.whole
    absent = f"There is no function {mark.exercise}."
    return Test(
        name=mark.exercise,
        score=mark.points,
        max_score=mark.possible if mark.required else 0.0,
        status="passed" if mark.outcome == CONFORMS else "failed",
        output=absent if said is None else "\n".join(text.lines(said)),
    )
