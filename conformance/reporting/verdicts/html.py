"""Verdicts as HTML: one page for the class, one for each student, each self-contained."""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from html import unescape
from pathlib import Path
from typing import Any

from conformance.events.records import Header, Verdict
from conformance.reporting.html.page import fill
from conformance.reporting.verdicts import table, text
from conformance.reporting.verdicts.marking import Marking
from conformance.reporting.verdicts.marks import (
    CONFORMS,
    MISSING,
    Class,
    Mark,
    Row,
    number,
    out_of,
    right,
)

PACKAGE = "conformance.reporting.verdicts"
LONGEST_NAME = 80
FREQUENT = 3
"""Diagnoses of an exercise that the class's page names."""
_OURS = ("http://", "https://")
MARKER = '<meta name="generator" content="vmap-conformance check">'
"""What a page that was written here has, and no other."""
_STUDENT = re.compile('<meta name="student" content="([^"]*)">')
"""Where a student's page says whose it is."""


def write_pages(
    directory: Path,
    marked: Class,
    header: Header | None,
    skipped: Sequence[str] = (),
    judged: Iterable[str] = (),
    present: Sequence[str] = (),
) -> None:
    """Write `index.html` for the class, and `students/*.html`, a page for each student.

    Pages of a run before, of students who are not there any more, are removed: their feedback is out of date.
    Those of students who were not judged stay.

    Args:
        directory: made if it is not there; pages that were written here before are written over.
        marked: the students and their marks.
        header: what the log says of the run; None where it has lost it.
        skipped: what lay in a directory and was not judged.
        judged: the paths that were judged, each with all below it.
        present: students whose pages stay though they have no row.

    Raises:
        OSError: A page cannot be written.

    """
    students = directory / "students"
    students.mkdir(parents=True, exist_ok=True)
    pages = _names([row.student for row in marked.rows])
    for row, name in zip(marked.rows, pages, strict=True):
        (students / name).write_text(student_page(marked, row), encoding="utf-8")
    index = class_page(marked, pages, header, skipped)
    (directory / "index.html").write_text(index, encoding="utf-8")
    kept = {*pages, *_names(present)}
    for page, student in _student_pages(directory):
        if page.name not in kept and _is_below(student, judged):
            page.unlink()


def pages_of_others(directory: Path, judged: Iterable[str]) -> list[str]:
    """The students who have a page in the directory and lie below none of the paths.

    Args:
        directory: where pages may have been written.
        judged: the paths that are judged, each with all below it.

    Raises:
        OSError: A page cannot be read.

    """
    return sorted(
        student or page.name
        for page, student in _student_pages(directory)
        if not _is_below(student, judged)
    )


def _student_pages(directory: Path) -> Iterator[tuple[Path, str]]:
    """The students' pages that were written here, and whose each is; "" where it does not say so."""
    for page in (directory / "students").glob("*.html"):
        if is_ours(page):
            found = _STUDENT.search(page.read_text(encoding="utf-8", errors="replace"))
            yield page, unescape(found[1]) if found else ""


def _is_below(student: str, paths: Iterable[str]) -> bool:
    """Whether one of the paths is the student's, or a directory above it."""
    place, *above = (_absolute(path) for path in (student, *paths))
    return bool(student) and any(place.is_relative_to(path) for path in above)


def _absolute(path: str) -> Path:
    return Path(os.path.normpath(Path.cwd() / text.one_line(path)))


def is_ours(page: Path) -> bool:
    """Whether the page was written here. Raises OSError where it cannot be read."""
    return MARKER in page.read_text(encoding="utf-8", errors="replace")


def _names(students: Sequence[str]) -> list[str]:
    """A file name for each student, of the path alone, so that a link stays that of the same student.

    Nothing in it means a path, and two students have two names.
    """
    names = []
    for student in students:
        plain = re.sub(r"[^A-Za-z0-9]+", "-", student).strip("-")[-LONGEST_NAME:].strip("-")
        digest = hashlib.sha256(student.encode(errors="surrogatepass")).hexdigest()[:6]
        names.append(f"{plain or 'file'}-{digest}.html")
    return names


def class_page(
    marked: Class, pages: Sequence[str], header: Header | None, skipped: Sequence[str] = ()
) -> str:
    """The page of the class: the marks, and what was wrong how often.

    Args:
        marked: the students and their marks.
        pages: the file name of each row's page.
        header: what the log says of the run.
        skipped: what was not judged.

    """
    said = [verdict for row in marked.rows for verdict in row.verdicts]
    counts = Counter(verdict.verdict for verdict in said)
    return fill(
        "class.html.jinja",
        PACKAGE,
        heading=text.one_line(marked.title) or "Marks",
        conditions=_conditions(header),
        counts=sorted(counts.items()),
        remarks=[],
        rule=_rule(marked),
        columns=marked.columns,
        worth={name: _worth(marked, name) for name in marked.columns},
        rows=[
            _class_row(marked, row, f"students/{page}")
            for row, page in zip(marked.rows, pages, strict=True)
        ]
        + [_row_of_nothing(marked, who) for who in table.without_rows(marked, skipped)],
        exercises=[_exercise(marked, place) for place in range(len(marked.columns))],
        skipped=[text.one_line(each) for each in skipped],
    )


def _conditions(header: Header | None) -> list[str]:
    if header is None:
        return []
    # Not the seed: who has it can draw the calls, and a teacher may show this page.
    return [header.profile] if header.profile else []


def _rule(marked: Class) -> str:
    if marked.marking is None:
        return "Each exercise that counts is worth one point."
    rules = {(w.partial or marked.marking.partial) for w in marked.marking.exercises.values()}
    if rules == {"none"}:
        return "A function gets its points where every answer is right, and else none."
    parts = [_SHARES[rule] for rule in ("calls", "shapes") if rule in rules]
    own = ", as its exercise says" if len(rules) > 1 else ""
    caps = {
        marked.marking.at_most if worth.at_most is None else worth.at_most
        for worth in marked.marking.exercises.values()
    }
    most = f", at most {max(caps):.0%} of them" if max(caps) < 1 else ""
    return (
        "A function gets its points where every answer is right. "
        f"Else it gets a part of them, {' or '.join(parts)}{own}{most}{_steps(marked.marking)}."
    )


def _steps(marking: Marking) -> str:
    steps = {marking.step(worth.points) for worth in marking.exercises.values()} - {0.0}
    return f", rounded down to a multiple of {number(min(steps))} points" if steps else ""


_SHARES = {
    "calls": "the share of the calls that it answered rightly (9 of 10 calls are 90 %)",
    "shapes": "the share of the input sizes at which all its answers are right (3 of 4 are 75 %)",
}
"""What partial credit is a share of, for a student."""


def _worth(marked: Class, name: str) -> str:
    worth = None if marked.marking is None else marked.marking.exercises.get(name)
    if worth is None:
        return ""
    return f"{number(worth.points)}{'' if worth.required else ' extra'}"


def _class_row(marked: Class, row: Row, page: str) -> dict[str, Any]:
    stated = marked.marking is not None
    return {
        "student": text.one_line(row.student),
        "page": page,
        "points": out_of(row.points, marked.possible),
        "cells": [
            {
                "outcome": mark.outcome,
                "points": number(mark.points) if stated and mark.possible else "",
            }
            for mark in row.marks
        ],
    }


def _row_of_nothing(marked: Class, student: str) -> dict[str, Any]:
    """The row of a student who handed in nothing that can be judged: there is no page of it."""
    cells = [{"outcome": MISSING, "points": ""} for _ in marked.columns]
    return {
        "student": student,
        "page": "",
        "points": out_of(0.0, marked.possible),
        "cells": cells,
    }


def _exercise(marked: Class, place: int) -> tuple[str, int, list[tuple[str, int]]]:
    marks = [row.marks[place] for row in marked.rows]
    found = Counter(
        text.one_line((mark.verdict.advice or [mark.verdict.diagnosis])[0]).rstrip(".")
        for mark in marks
        if mark.verdict is not None and mark.verdict.diagnosis
    )
    conforming = sum(mark.outcome == CONFORMS for mark in marks)
    return marked.columns[place], conforming, found.most_common(FREQUENT)


def student_page(marked: Class, row: Row) -> str:
    """The page of one student: marks and feedback, and nothing of any other student."""
    places = {id(verdict): f"verdict-{n}" for n, verdict in enumerate(row.verdicts)}
    counted = row.marks[: marked.counted]
    required = [mark for mark in counted if mark.required] or counted
    lead = right(counted, "exercises are right") or "No exercise is right"
    if marked.marking is not None:
        lead += f": {out_of(row.points, marked.possible)} points"
    return fill(
        "student.html.jinja",
        PACKAGE,
        heading=text.one_line(row.student),
        good=bool(required) and all(mark.outcome == CONFORMS for mark in required),
        lead=f"{lead}.",
        marks=[_student_mark(mark, places) for mark in row.marks],
        meanings=text.meanings(mark.outcome for mark in row.marks),
        rule="" if marked.marking is None else _rule(marked),
        verdicts=[_verdict(verdict, places[id(verdict)]) for verdict in row.verdicts],
    )


def _student_mark(mark: Mark, places: dict[int, str]) -> dict[str, Any]:
    return {
        "exercise": mark.exercise,
        "outcome": mark.outcome,
        "points": out_of(mark.points, mark.possible) if mark.possible else "-",
        "place": places.get(id(mark.verdict), ""),
    }


def _place(verdict: Verdict) -> str:
    """Where in its student's directory the file lies; "" where it is all of the student's."""
    return verdict.candidate.removeprefix(f"{verdict.student}/") if verdict.student else ""


def _verdict(verdict: Verdict, place: str) -> dict[str, Any]:
    symptom, *fix = verdict.advice or [""]
    conforms = verdict.verdict == CONFORMS
    if verdict.verdict == "violates" and not verdict.advice:
        fix = [text.UNKNOWN]
    return {
        "place": place,
        "name": text.one_line(verdict.exercise or "The file"),
        "file": text.one_line(_place(verdict)),
        "outcome": verdict.verdict,
        "task": text.one_line(verdict.task or ""),
        "calls": f"{verdict.calls} calls over {verdict.shapes} shapes." if conforms else "",
        "example": "\n".join(text.example(verdict.counterexample)),
        "message": text.message(verdict.words or ""),
        "frames": "\n".join(text.frames(verdict)),
        "symptom": text.one_line(symptom),
        "fix": [text.one_line(sentence) for sentence in fix],
        "lift": "" if conforms else text.one_line(verdict.lift or "")[: text.LONGEST],
        "remarks": [text.one_line(remark) for remark in verdict.remarks or ()],
        "printed": "\n".join(text.printed(verdict)),
        "warned": text.only_warned(verdict),
        "reading": [] if conforms else [a for a in verdict.reading or () if a.startswith(_OURS)],
    }
