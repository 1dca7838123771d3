"""What is said of how a file was loaded, whatever its functions answer."""

from __future__ import annotations

import re
from collections.abc import Sequence

from conformance.judge.missing_package import lies_beside
from conformance.judge.sandbox import stand_ins
from conformance.judge.submissions import Submission
from conformance.judge.worker_run import Failure, Loaded

MAX_PLACES = 3
"""Cells that a note names."""
LONGEST = 160
"""Characters of an exception's message that a note repeats."""


def of(loaded: Loaded, submission: Submission) -> list[str]:
    """Notes on packages that are not installed, on cells that have raised, and on settings of JAX.

    Args:
        loaded: what a worker said of the file.
        submission: the file.

    """
    elsewhere = [n for n in loaded.stood_in if n in stand_ins.ELSEWHERE]
    absent = [
        n for n in loaded.absent if not lies_beside(n, submission)
    ]  # else the verdict says so
    drawing = [n for n in loaded.stood_in if n not in stand_ins.ELSEWHERE]
    notes = [
        _not_installed(elsewhere, "nothing is loaded or saved by it"),
        _not_installed(drawing, "nothing is drawn or shown"),
        _not_installed(absent, "what uses it raises"),
    ]
    if loaded.failed_cells:
        notes.append(_on_cells(loaded.failed_cells, submission))
    if loaded.ended:
        notes.append(
            f"{_place(loaded.ended, submission)} ended the program: what is defined above it was judged, and "
            "nothing below it was run. Put it under `if __name__ == '__main__':`"
        )
    if loaded.settings:
        names = " and ".join(loaded.settings)
        notes.append(f"the file sets {names}: it was judged with JAX's default, as all files are")
    return [note for note in notes if note]


def _on_cells(failed: Sequence[Failure], submission: Submission) -> str:
    places = [_place(failure, submission) for failure in failed]
    first = _first_line(failed[0].message)
    if len(places) == 1:
        return f"{places[0]} raised {first}: the rest of the cell was left out, the other cells were run"
    others = " and others" if len(places) > MAX_PLACES else ""
    return (
        f"{' and '.join(places[:MAX_PLACES])}{others} raised, the first {first}: the rest of each cell "
        "was left out, the other cells were run"
    )


def _place(failure: Failure, submission: Submission) -> str:
    """The cell's own line that raised."""
    frames = (failure.error or {}).get("frames") or [["", "", ""]]
    place = submission.location(frames[0][0])
    return f"line {place}" if place.isdecimal() else place or "a cell"


def _first_line(message: str) -> str:
    line = (message.splitlines() or [""])[0]
    return _OF_SOURCE.sub("", line)[:LONGEST]


_OF_SOURCE = re.compile(r" \([^()]*, line \d+\)$")
"""Where Python says a syntax error is: in all cells one after another, which nobody has seen."""


def _not_installed(names: Sequence[str], end: str) -> str:
    if not names:
        return ""
    verb = "is" if len(names) == 1 else "are"
    end = end if len(names) == 1 else end.replace(" it", " them")
    return f"{' and '.join(names)} {verb} not installed where the files are judged: {end}"
