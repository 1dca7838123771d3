"""Marks of a class as a table: one row for each student, as CSV and for the terminal."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO

from conformance.reporting.verdicts import LEFT_BY_A_TOOL
from conformance.reporting.verdicts.marks import CONFORMS, Class, Row, number, out_of, right
from conformance.reporting.verdicts.text import one_line, shortened

NOT_JUDGED = "-"
FIRST = ("file", "student")
"""Heads of the first column: the second where some student has a directory."""
MARK = ("conforming", "of")
"""Heads of how many of the required exercises conform."""
LAST = "message"
"""The head of the last one."""
MOST_HEADS = 100_000
"""Characters of the longest first line that is read."""


def write_csv(target: IO[str], marked: Class, skipped: Sequence[str] = ()) -> None:
    """Write one row for each student: the verdict on each exercise, and the mark.

    The mark is how many of the required exercises conform, and of the extra ones where there are some; where
    a teacher states points, those, too. A directory of which nothing was judged has a row: its student
    handed in something else.

    Args:
        target: an open text file.
        marked: the students and their marks.
        skipped: what lay in a directory and was not judged.

    """
    points = marked.marking is not None
    extra = _extra(marked)
    counted = marked.columns[: marked.counted]
    required = str(len(counted) - len(extra))
    writer = csv.writer(target)
    heads = [FIRST[any(row.is_directory for row in marked.rows)], *marked.columns, *MARK]
    heads += ["extra_conforming", "extra_of"] if extra else []
    if points:
        heads += [f"points {name}{' (extra)' if name in extra else ''}" for name in counted]
        heads += ["points", "max_points"]
    writer.writerow([*heads, LAST])
    for row in marked.rows:
        cells = [_cell(row.student), *(mark.outcome for mark in row.marks)]
        cells += [_conforming(marked, row, extra=False), required]
        if extra:
            cells += [_conforming(marked, row, extra=True), str(len(extra))]
        if points:
            cells += [number(mark.points) for mark in row.marks[: marked.counted]]
            cells += [number(row.points), number(marked.possible)]
        writer.writerow([*cells, _cell(shortened(row.whole.words or "")) if row.whole else ""])
    for directory, what in without_rows(marked, skipped).items():
        cells = [_cell(directory), *[NOT_JUDGED] * len(marked.columns), "0", required]
        cells += ["0", str(len(extra))] if extra else []
        if points:
            cells += [*["0"] * len(counted), "0", number(marked.possible)]
        writer.writerow([*cells, _cell(f"not judged: {what}")])


def _extra(marked: Class) -> list[str]:
    """The exercises that are no part of the maximum."""
    if marked.marking is None:
        return []
    return [name for name in marked.marking.exercises if name not in marked.marking.required]


def without_rows(marked: Class, skipped: Sequence[str]) -> dict[str, str]:
    """The directories in and below which nothing was judged, and the first thing that lies in each."""
    judged = [Path(one_line(row.student)) for row in marked.rows]
    found: dict[str, str] = {}
    for each in skipped:
        path = Path(one_line(each))
        if not each.endswith(LEFT_BY_A_TOOL) and not any(
            mine.is_relative_to(path.parent) or path.is_relative_to(mine) for mine in judged
        ):
            found.setdefault(str(path.parent), path.name.strip())
    return found


def is_ours(path: Path) -> bool:
    """Whether the file is empty or a table of marks. Raises OSError where it cannot be read."""
    with path.open(encoding="utf-8", errors="replace") as file:
        line = file.readline(MOST_HEADS).rstrip("\n")
    heads = line.split(",")  # names of functions: nothing in them is quoted
    return not line or (heads[0] in FIRST and heads[-1] == LAST and "conforming" in heads)


def _conforming(marked: Class, row: Row, extra: bool) -> str:
    marks = row.marks[: marked.counted]
    return str(sum(mark.outcome == CONFORMS for mark in marks if mark.required != extra))


def lines(marked: Class, skipped: Sequence[str] = ()) -> Iterable[str]:
    """How many exercises conform and the points of each student, as lines of plain text.

    Where no points are stated, a single student needs no table.

    Args:
        marked: the students and their marks.
        skipped: what lay in a directory and was not judged.

    """
    stated = marked.marking is not None
    others = without_rows(marked, skipped)
    if not marked.counted or not marked.rows or not (stated or len(marked.rows) + len(others) > 1):
        return []
    names = [one_line(row.student) for row in marked.rows]
    width = min(max(map(len, [*names, *others])), 60)
    points = [out_of(row.points, marked.possible) for row in marked.rows] if stated else []
    shown = ["marks"]
    for place, (name, row) in enumerate(zip(names, marked.rows, strict=True)):
        of_all = right(row.marks[: marked.counted])
        line = f"  {name:<{width}}  "
        if stated:
            each = "  ".join(
                f"{mark.exercise} {number(mark.points)}" for mark in row.marks[: marked.counted]
            )
            line += f"{points[place]:>{max(map(len, points))}} points  {of_all}  ({each})"
        shown.append(line if stated else line + of_all)
    nothing = f"{out_of(0.0, marked.possible):>{max(map(len, points))}} points  " if stated else ""
    shown += [f"  {who:<{width}}  {nothing}not judged: {what}" for who, what in others.items()]
    if stated:
        mean = sum(row.points for row in marked.rows) / (len(marked.rows) + len(others))
        shown.append(f"  {'mean':<{width}}  {out_of(mean, marked.possible)}")
    return shown


def _cell(value: str) -> str:
    """Text that a spreadsheet does not take for a formula."""
    line = one_line(value)
    return f"'{line}" if line[:1] in ("=", "+", "-", "@") else line
