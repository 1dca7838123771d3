"""How far `check` is, on stderr: files judged, of how many, and the time left."""

from __future__ import annotations

import sys
import time

from conformance.reporting.progress import EVERY, line

_ERASE = "\r\x1b[K"


class FileProgress:
    """A line on a terminal that each verdict replaces; elsewhere a line every half minute.

    Args:
        total: the number of files. Of a single one nothing is said.

    """

    def __init__(self, total: int) -> None:
        self._total, self._done = total, 0
        self._terminal = sys.stderr.isatty()
        self._began = self._spoke = time.monotonic()

    def hide(self) -> None:
        """Take the line away, so that something else can be printed."""
        if self._terminal and self._done:
            self._write(_ERASE)

    def judged(self, done: int) -> None:
        """So many files are judged by now, shown or not: one that takes long holds up those after it."""
        self._done = done
        if done in (0, self._total):
            return
        now = time.monotonic()
        words = line(self._done, self._total, now - self._began, "files")
        if self._terminal:
            self._write(_ERASE + words)
        elif now - self._spoke >= EVERY:
            self._spoke = now
            self._write(f"{words}\n")

    def _write(self, text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()
