"""Annotations of GitHub Actions: what is wrong, shown beside the job and, where a line is known, in the diff.

The commands and what must be escaped in them:
https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
"""

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import attrs

from conformance.reporting import layout
from conformance.reporting.faults import Fault
from conformance.reporting.printable import printable

SHOWN = 10
"""How many errors GitHub shows of one step; it drops the rest."""


@attrs.frozen
class Annotation:
    """One error."""

    title: str
    message: str
    file: str = ""
    """Relative to the root of the repository; empty where there is no place."""
    line: int = 0


def is_wanted() -> bool:
    """Whether this process is a step of a workflow."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def of_faults(faults: Iterable[Fault]) -> Iterator[Annotation]:
    """One annotation per cause."""
    for fault in faults:
        laws = layout.count(len(fault.laws), "law")
        transforms = ", ".join(fault.transforms)
        place = _place(getattr(fault.example.detail, "cause", None) or "")
        yield Annotation(fault.subject, f"{fault.symptom} ({laws}; {transforms})", *place)


_PLACE = re.compile(r"(?P<file>[^\s(),]+\.py), (?:\w+ \()?line (?P<line>\d+)\)")
"""How a cause names a line of the user's code."""


def _place(cause: str) -> tuple[str, int]:
    """The file from the root of the repository on, and the line; ("", 0) where none is below it."""
    root = Path(os.environ.get("GITHUB_WORKSPACE") or Path.cwd())
    for found in _PLACE.finditer(cause):
        file = Path.cwd() / found["file"]
        if file.is_file() and file.is_relative_to(root):
            return file.relative_to(root).as_posix(), int(found["line"])
    return "", 0


def commands(annotations: Iterable[Annotation]) -> list[str]:
    """The lines to print, at most `SHOWN`; the last says how many more there are."""
    given = list(annotations)
    if len(given) > SHOWN:
        more = len(given) - SHOWN + 1
        given = [*given[: SHOWN - 1], Annotation("more", f"{more} more, in the log of this step")]
    return [_command(each) for each in given]


def _command(annotation: Annotation) -> str:
    properties = {"file": annotation.file, "line": str(annotation.line or "")}
    properties["title"] = f"vmap-conformance: {annotation.title}"
    given = ",".join(f"{name}={_property(value)}" for name, value in properties.items() if value)
    return f"::error {given}::{_data(annotation.message)}"


def _data(text: str) -> str:
    escaped = printable(text).replace("%", "%25")
    return escaped.replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
