"""Marks of a class: one row for each file, as CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from typing import IO

from conformance.judge.feedback import one_line
from conformance.judge.verdict import CONFORMS, MISSING, Verdict

NOT_JUDGED = "-"


def write_csv(
    target: IO[str], verdicts: Iterable[Verdict], required: Sequence[str], skipped: Sequence[str]
) -> None:
    """Write one row for each file: its verdict on each exercise, and its mark.

    The mark is how many exercises conform; of the required ones where there are any.

    Args:
        target: an open text file.
        verdicts: what came of the files, in the order of the rows.
        required: the exercises that count. None: every one that some file has a function for.
        skipped: what lay in a directory and was not judged; a row each.

    """
    rows: dict[str, dict[str | None, Verdict]] = {}
    for verdict in verdicts:
        rows.setdefault(verdict.candidate, {})[verdict.exercise] = verdict
    names = {name for row in rows.values() for name in row if name is not None}
    counted = list(dict.fromkeys(required)) or sorted(names)
    columns = [*counted, *sorted(names - set(counted))]
    writer = csv.writer(target)
    writer.writerow(["file", *columns, "conforming", "of", "message"])
    for candidate, row in rows.items():
        given = [_outcome(row, name) for name in columns]
        conforming = sum(_outcome(row, name) == CONFORMS for name in counted)
        writer.writerow([_cell(candidate), *given, conforming, len(counted), _message(row)])
    for each in skipped:
        writer.writerow([_cell(each), *[NOT_JUDGED] * len(columns), 0, len(counted), "not judged"])


def _outcome(row: dict[str | None, Verdict], name: str) -> str:
    if name in row:
        return row[name].verdict
    return row[None].verdict if None in row else MISSING


def _message(row: dict[str | None, Verdict]) -> str:
    """What the file as a whole is told, if anything."""
    return _cell(row[None].message) if None in row else ""


def _cell(value: str) -> str:
    """Text that a spreadsheet does not take for a formula."""
    line = one_line(value)
    return f"'{line}" if line[:1] in ("=", "+", "-", "@") else line
