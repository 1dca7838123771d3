"""The table of marks: one row for each file, whatever is in it."""

from __future__ import annotations

import csv
import io

from conformance.judge import marks
from conformance.judge.verdict import Verdict


def rows(*verdicts: Verdict, required: tuple[str, ...] = (), skipped: tuple[str, ...] = ()) -> list:
    target = io.StringIO(newline="")
    marks.write_csv(target, verdicts, required, skipped)
    return list(csv.reader(io.StringIO(target.getvalue())))


def test_a_file_has_a_verdict_for_each_exercise_and_a_mark() -> None:
    found = rows(
        Verdict("a/hw.py", "update", "conforms"),
        Verdict("a/hw.py", "loss_fn", "violates"),
        Verdict("b/hw.py", "update", "conforms"),
        Verdict("c/hw.py", None, "error", "SyntaxError: invalid"),
    )
    assert found == [
        ["file", "loss_fn", "update", "conforming", "of", "message"],
        ["a/hw.py", "violates", "conforms", "1", "2", ""],
        ["b/hw.py", "missing", "conforms", "1", "2", ""],
        ["c/hw.py", "error", "error", "0", "2", "SyntaxError: invalid"],
    ]


def test_required_exercises_alone_make_the_mark() -> None:
    found = rows(
        Verdict("a.py", "update", "conforms"),
        Verdict("a.py", "loss_fn", "conforms"),
        required=("loss_fn", "init_params"),
    )
    assert found[0] == ["file", "loss_fn", "init_params", "update", "conforming", "of", "message"]
    assert found[1] == ["a.py", "conforms", "missing", "conforms", "1", "2", ""]


def test_no_name_is_a_formula_or_a_second_row() -> None:
    found = rows(
        Verdict("=cmd()\nb.py,conforms", "update", "violates"),
        skipped=("@notes (a symbolic link)",),
    )
    assert len(found) == 3
    assert found[1][0] == "'=cmd()\\nb.py,conforms"
    assert found[2][0] == "'@notes (a symbolic link)"
    assert found[2][1] == "-"
