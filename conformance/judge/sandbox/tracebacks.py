"""Tracebacks inside a text: a library's own frames, and the judge's, say nothing to a student."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable

LONGEST = 20_000
"""Characters of a text that are looked at."""
_FRAME = re.compile(
    r'^(?P<indent> *)File "(?P<file>[^"\n]*)", line (?P<line>\d+)(?:, in (?P<function>[^\n]*))?(?:\n|\Z)'
    r'(?:(?P=indent)  +(?!File ")[^\n]*(?:\n|\Z))*',
    re.MULTILINE,
)
_HEADING = re.compile(r"Traceback \(most recent call last\):\n")


def without_foreign(text: str) -> str:
    """What a program printed, without the frames of Python's and installed files, and of the judge's."""
    return _FRAME.sub(lambda found: "" if _is_foreign(found["file"]) else found[0], text[:LONGEST])


def condensed(text: str, is_own: Callable[[str], bool]) -> tuple[str, list[tuple[str, int, str]]]:
    """An exception's message without the traceback in it, as that of a callback has one.

    Args:
        text: the message.
        is_own: whether a file is the student's.

    Returns:
        The message, and of the frames that are the student's own the file, line and function.

    """
    text = text[:LONGEST]
    if _HEADING.search(text) is None:
        return text, []
    own = [
        (found["file"], int(found["line"]), found["function"] or "")
        for found in _FRAME.finditer(text)
        if is_own(found["file"])
    ]
    return _HEADING.sub("", _FRAME.sub("", text)), own


def _is_foreign(file: str) -> bool:
    if "/site-packages/" in file or "/dist-packages/" in file or file.startswith("<"):
        return True
    return file.startswith(_PLACES)


_SUITE = __file__.rpartition("/judge/sandbox/")[0]
_PLACES = tuple(
    f"{place}/" for place in {sys.prefix, sys.base_prefix, _SUITE, "/suite"} if place.strip("/")
)
"""Python, what is installed there, and the judge's own code, as it lies here and in a worker's view."""
