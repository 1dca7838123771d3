"""Python source from Jupyter notebooks and from files that were exported from one."""

from __future__ import annotations

import json
import re
from typing import Any

import attrs

KEPT_MAGICS = ("time", "timeit", "capture", "prun")
"""Cell magics whose cell is Python all the same."""

_MAGIC = re.compile(r"\s*[%!?]|\s*[\w.]+\?{1,2}\s*$")
_OTTER = re.compile(
    r"\s*(?:import otter\b|from otter\b|\w+\s*=\s*otter\.Notebook\(|grader\.(?:check|check_all|export)\()"
)
_CALLS_THE_JUDGE = re.compile(r"^\s*(?:import|from) conformance\b", re.MULTILINE)
_TARGET = r"(\s*(?:[\w, ]+=\s*)?)"
_MAGIC_ASSIGNED = re.compile(r"(\s*[\w, ]+=\s*)([%!])")
_TIMES = r"(?:time|prun)"
_TIMED = re.compile(rf"\s*[\w, ]+=\s*%{_TIMES}\s+(?!-)\S|\s*%{_TIMES}\s+[\w, ]+=(?!=)")
"""Magics that run an assignment in the notebook itself: what it defines may be used later."""
_DROPPED = (_MAGIC, _OTTER)
_CALLED = re.compile(
    _TARGET + r"get_ipython\(\)\.(run_line_magic|run_cell_magic|magic|system|getoutput)\("
)
_TIMED_CALL = re.compile(
    rf"(\s*)get_ipython\(\)\.run_line_magic\('{_TIMES}', (['\"])([\w, ]+=(?!=).+)\2\)\s*$"
)
_NO_BRACKETS = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"|#.*")
_EXPORTED = re.compile(r"^# (?:%%|In ?\[[\d ]*\]:|COMMAND -{10})", re.MULTILINE)


class InvalidNotebook(Exception):
    """A file that is no notebook; the message says what is wrong with it."""


@attrs.frozen
class Source:
    """A notebook's code as one module.

    Attributes:
        source: the Python source.
        lines: for each of its lines the cell, counted over all code cells, and the line in it.
        notes: what was dropped.
        cells: the lines on which its cells begin, from 0.

    """

    source: str
    lines: tuple[tuple[int, int], ...] = ()
    notes: tuple[str, ...] = ()
    cells: tuple[int, ...] = ()


def from_json(content: bytes) -> Source:
    """The code cells of an .ipynb in their order, magics and tests dropped. Raises InvalidNotebook."""
    lines: list[str] = []
    places: list[tuple[int, int]] = []
    starts: list[int] = []
    dropped = tests = 0
    for number, (cell, is_test) in enumerate(_code_cells(content), 1):
        if is_test:
            tests += 1
            continue
        kept, lost = _without_magics(cell.splitlines())
        dropped += lost
        starts.append(len(lines))
        lines += kept
        places += [(number, line) for line in range(1, len(kept) + 1)]
    return Source("\n".join(lines) + "\n", tuple(places), _notes(dropped, tests), tuple(starts))


def _code_cells(content: bytes) -> list[tuple[str, bool]]:
    """The text of every code cell, and whether it tests the solution."""
    try:
        notebook = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as problem:
        raise InvalidNotebook(f"it is not JSON: {problem}") from None
    found: Any = notebook.get("cells") if isinstance(notebook, dict) else None
    if found is None and isinstance(notebook, dict):  # format 3
        sheets = notebook.get("worksheets")
        found = sheets[0].get("cells") if sheets and isinstance(sheets[0], dict) else None
    if not isinstance(found, list):
        raise InvalidNotebook("it has no list of cells")
    cells = []
    for cell in found:
        if isinstance(cell, dict) and cell.get("cell_type") == "code":
            text = cell.get("source", cell.get("input", ""))
            source = "".join(map(str, text)) if isinstance(text, list) else str(text)
            cells.append((source, _is_test(cell, source)))
    return cells


def _is_test(cell: dict[str, Any], source: str) -> bool:
    """Whether a cell is a test of nbgrader's, or calls the judge, which a candidate cannot."""
    metadata = cell.get("metadata")
    marks = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    graded = isinstance(marks, dict) and bool(marks.get("grade")) and not marks.get("solution")
    return graded or _CALLS_THE_JUDGE.search(source) is not None


def _without_magics(lines: list[str]) -> tuple[list[str], int]:
    """A cell's lines with `pass` or nothing in place of magics, and how many were dropped."""
    first = next((line for line in lines if line.strip()), "").strip()
    dropped = 0
    if first.startswith("%%"):
        if first[2:].split(maxsplit=1)[0:1] not in [[name] for name in KEPT_MAGICS]:
            return ["" for _ in lines], len(lines)
        lines = ["" if line.strip() == first else line for line in lines]
        dropped = 1
    kept = []
    depth = _Depth()
    for line in lines:
        replaced = None if depth.inside else _in_place_of_magic(line)
        if replaced is not None:
            kept.append(replaced)
            dropped += 1
            continue
        if not depth.inside and _TIMED.match(line):
            line = re.sub(rf"%{_TIMES}\s+", "", line, count=1)
        depth.read(line)
        kept.append(line)
    return kept, dropped


def _in_place_of_magic(line: str) -> str | None:
    """What stands for a line that is dropped; None for a line that stays, or stays in part."""
    if _TIMED.match(line):
        return None
    assigned = _MAGIC_ASSIGNED.match(line)
    if assigned:
        return _assigned(assigned[1], "[]" if assigned[2] == "!" else "None")
    if any(each.match(line) for each in _DROPPED):
        return f"{line[: len(line) - len(line.lstrip())]}pass" if line.strip() else ""
    return None


def _assigned(target: str, value: str) -> str:
    """An assignment with `value` in place of a magic, so that the names can be used later.

    Args:
        target: the line up to the value: its indent, and the names with `=` if there are any.
        value: an expression.

    """
    if "=" not in target:
        return target + "pass"
    places = [name for name in target.strip(" \t=").split(",") if name.strip()]
    return target + ", ".join([value] * len(places))


class _Depth:
    """Whether a line continues a string or a bracket, where `%` and `?` are no magics."""

    def __init__(self) -> None:
        self.inside = False
        self._text = ""

    def read(self, line: str) -> None:
        """Take in one more line."""
        self._text += line + "\n"
        quotes = [self._text.count(mark) for mark in ('"""', "'''")]
        code = _NO_BRACKETS.sub("", self._text)
        brackets = sum(code.count(each) for each in "([{")
        closed = sum(code.count(each) for each in ")]}")
        continued = line.rstrip().endswith("\\")
        self.inside = any(count % 2 for count in quotes) or brackets > closed or continued
        if not self.inside:
            self._text = ""


def from_export(text: str | None) -> Source | None:
    """A .py file exported from a notebook with its calls of IPython dropped; None for another file."""
    if text is None or (not _EXPORTED.search(text) and "get_ipython()" not in text):
        return None
    lines, called = [], 0
    for line in text.split("\n"):
        timed, made = _TIMED_CALL.match(line), _CALLED.match(line)
        if timed:
            line = timed[1] + timed[3].replace(f"\\{timed[2]}", timed[2])  # as it was exported
        elif made:
            line = _assigned(made[1], "[]" if made[2] == "getoutput" else "None")
            called += 1
        lines.append(line)
    if not _EXPORTED.search(text):
        return Source("\n".join(lines), (), _notes(called))
    kept, dropped = _without_magics(lines)
    starts = [number for number, line in enumerate(kept) if number == 0 or _EXPORTED.match(line)]
    return Source("\n".join(kept), (), _notes(dropped + called), tuple(starts))


def _notes(dropped: int, tests: int = 0) -> tuple[str, ...]:
    notes = []
    if dropped:
        lines = "1 line" if dropped == 1 else f"{dropped} lines"
        were = "was" if dropped == 1 else "were"
        notes.append(f"{lines} of notebook magics or shell commands {were} left out")
    if tests:
        cells = "1 cell that tests" if tests == 1 else f"{tests} cells that test"
        notes.append(f"{cells} the solution {'was' if tests == 1 else 'were'} left out")
    return tuple(notes)
