"""Marks: one row for each file, whatever is in it, and points by the rule that a teacher states."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest

from conformance.events.records import Verdict
from conformance.reporting.verdicts import table
from conformance.reporting.verdicts.marking import (
    ExerciseMarking,
    InvalidMarking,
    Marking,
    read_marking,
)
from conformance.reporting.verdicts.marks import Class, mark, number


def verdict(candidate: str, exercise: str | None, outcome: str, **more: Any) -> Verdict:
    fields: dict[str, Any] = {"law": None, "diagnosis": None, "counterexample": None, **more}
    return Verdict(
        cell="c", candidate=candidate, exercise=exercise, verdict=outcome, seconds=0.1, **fields
    )


def rows(marked: Class, skipped: tuple[str, ...] = ()) -> list[list[str]]:
    target = io.StringIO(newline="")
    table.write_csv(target, marked, skipped)
    return list(csv.reader(io.StringIO(target.getvalue())))


def marking(text: str, tmp_path: Path) -> Marking:
    file = tmp_path / "exercises.toml"
    file.write_text(text)
    return read_marking(file)


def test_a_file_has_a_verdict_for_each_exercise_and_a_mark() -> None:
    found = rows(
        mark(
            [
                verdict("a/hw.py", "update", "conforms"),
                verdict("a/hw.py", "loss_fn", "violates"),
                verdict("b/hw.py", "update", "conforms"),
                verdict("c/hw.py", None, "error", words="SyntaxError: invalid"),
            ]
        )
    )
    assert found == [
        ["file", "loss_fn", "update", "conforming", "of", "message"],
        ["a/hw.py", "violates", "conforms", "1", "2", ""],
        ["b/hw.py", "missing", "conforms", "1", "2", ""],
        ["c/hw.py", "error", "error", "0", "2", "SyntaxError: invalid"],
    ]


def test_required_exercises_alone_make_the_mark() -> None:
    said = [verdict("a.py", "update", "conforms"), verdict("a.py", "loss_fn", "conforms")]
    found = rows(mark(said, required=("loss_fn", "init_params")))
    assert found[0] == ["file", "loss_fn", "init_params", "update", "conforming", "of", "message"]
    assert found[1] == ["a.py", "conforms", "missing", "conforms", "1", "2", ""]


def test_who_handed_in_nothing_that_can_be_judged_has_one_row_and_a_file_beside_others_has_none() -> (
    None
):
    marked = mark(
        [verdict("in/ada/hw.py", "update", "conforms"), verdict("in/b.py", None, "error")]
    )
    skipped = (
        *("in/README.txt (no .py or .ipynb)", "in/ada/notes.txt (no .py or .ipynb)"),
        *("in/lea/a.txt (no .py or .ipynb)", "in/lea/b.txt (no .py or .ipynb)"),
        "in/max/__pycache__ (left by a tool)",
    )
    *_, last = found = rows(marked, skipped)
    assert [row[0] for row in found[1:]] == ["in/ada/hw.py", "in/b.py", "in/lea"]
    assert last[1] == "-"
    assert last[-1] == "not judged: a.txt (no .py or .ipynb)"


def test_no_name_is_a_formula_or_a_second_row() -> None:
    marked = mark([verdict("=cmd()\nb.py,conforms", "update", "violates")])
    found = rows(marked, ("@notes/a.txt (a symbolic link)",))
    assert len(found) == 3
    assert found[1][0] == "'=cmd()\\nb.py,conforms"
    assert found[2][0] == "'@notes"


SCHEME = """
title = "Homework 3"
partial = "calls"
at_most = 0.5

[exercises.update]
points = 4

[exercises.loss_fn]
points = 2
partial = "shapes"
at_most = 1

[exercises.init_params]
points = 3
required = false
partial = "none"
"""


def test_points_follow_the_rule_that_is_stated(tmp_path: Path) -> None:
    counts = {"right_calls": 90, "drawn_calls": 100, "right_shapes": 6, "drawn_shapes": 8}
    marked = mark(
        [
            verdict("a.py", "update", "violates", **counts),
            verdict("a.py", "loss_fn", "violates", **counts),
            verdict("a.py", "init_params", "violates", **counts),
            verdict("b.py", "update", "conforms", **counts),
            verdict("b.py", "init_params", "conforms", **counts),
            verdict("c.py", None, "timeout"),
            verdict("d.py", "update", "violates", **{**counts, "right_calls": 25}),
        ],
        marking(SCHEME, tmp_path),
    )
    assert (marked.title, marked.possible) == ("Homework 3", 6.0)
    assert [[each.points for each in row.marks] for row in marked.rows] == [
        [2.0, 1.5, 0.0],  # 0.9 is cut to a half; 6 of 8 shapes; nothing for a part
        [4.0, 0.0, 3.0],
        [0.0, 0.0, 0.0],
        [1.0, 0.0, 0.0],
    ]
    assert [row.points for row in marked.rows] == [3.5, 7.0, 0.0, 1.0]
    head, first, second, *_ = rows(marked)
    assert head[4:-1] == [
        *("conforming", "of", "extra_conforming", "extra_of"),
        *("points update", "points loss_fn", "points init_params (extra)"),
        *("points", "max_points"),
    ]
    assert first[4:-1] == ["0", "2", "0", "1", "2", "1.5", "0", "3.5", "6"]
    assert second[4:-1] == ["1", "2", "1", "1", "4", "0", "3", "7", "6"]
    shown = list(table.lines(marked))
    assert shown[1].split()[:4] == ["a.py", "3.5", "of", "6"]
    assert shown[-1].split() == ["mean", "2.88", "of", "6"]


@pytest.mark.parametrize(
    ("right_calls", "worth", "round_to", "points"),
    [
        (1, 2, None, 0.0),  # 0.02 of 2 is chance
        (60, 2, None, 1.0),
        (62, 2, None, 1.0),
        (63, 2, None, 1.25),
        (99, 2, None, 1.75),  # what is wrong never has all points
        (99, 1, None, 0.75),
        (99, 0.5, None, 0.495),  # a share of less than a point
        (30, 10, 1, 3.0),
        (99, 10, 1, 9.0),
        (70, 1, 0.1, 0.7),  # which binary fractions hold a little too small
        (1, 2, 0, 0.02),
        (99, 2, 5, 0.0),
    ],
)
def test_partial_credit_comes_in_steps(
    right_calls: int, worth: float, round_to: float | None, points: float
) -> None:
    exercises = {"update": ExerciseMarking(points=worth)}
    stated = Marking(exercises=exercises, partial="calls", round_to=round_to)
    counts = {"right_calls": right_calls, "drawn_calls": 100}
    said = [verdict("a.py", "update", "violates", **counts)]
    assert mark(said, stated).rows[0].points == pytest.approx(points, abs=1e-9)
    right = [verdict("a.py", "update", "conforms", **counts)]
    assert mark(right, stated).rows[0].points == worth


def test_a_verdict_without_counts_gets_no_part(tmp_path: Path) -> None:
    scheme = marking("partial = 'calls'\n[exercises.update]", tmp_path)
    assert mark([verdict("a.py", "update", "crashed")], scheme).rows[0].points == 0.0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "missing required field `exercises`"),
        ("exercises = {}", "length >= 1"),
        (
            "[exercises.update]\npoint = 2",
            "exercise update: Object contains unknown field `point`; there may be points, ",
        ),
        ("[exercises.update]\npoints = -1", ">= 0"),
        ("[exercises.update]\npoints = '2'", "Expected `float`, got `str`"),
        ("[exercises.update]\npoints = nan", ""),
        ("[exercises.update]\npartial = 'half'", "Invalid enum value 'half'"),
        ("round_to = -1\n[exercises.update]", ">= 0"),
        ("at_most = 2\n[exercises.update]", "<= 1"),
        ("[exercises", "is not TOML"),
    ],
)
def test_what_is_malformed_is_said_in_one_line(text: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidMarking) as problem:
        marking(text, tmp_path)
    message = str(problem.value)
    assert str(tmp_path / "exercises.toml") in message
    assert says in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("points", "written"), [(0, "0"), (10, "10"), (2.5, "2.5"), (1 / 3, "0.33"), (100.0, "100")]
)
def test_points_are_written_short(points: float, written: str) -> None:
    assert number(points) == written
