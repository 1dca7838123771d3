"""How far `check` is, on stderr: files judged, of how many, and the time left."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from conformance.reporting.progress import EVERY, line
from conformance.reporting.verdicts.text import one_line

SLOW = 10.0
"""Seconds after which the file that is waited for is named: an honest one takes about three."""
_ERASE = "\r\x1b[K"


class FileProgress:
    """A line on a terminal that each verdict replaces; elsewhere a line every half minute.

    Args:
        total: the number of files. Of the first one something is said only once it is slow.

    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._shown = False
        self._terminal = sys.stderr.isatty()
        self._began = self._spoke = self._since = time.monotonic()
        self._first_left: Path | None = None

    def hide(self) -> None:
        """Take the line away, so that something else can be printed."""
        if self._shown:
            self._write(_ERASE)
            self._shown = False

    def judged(self, done: int, first_left: Path | None = None) -> None:
        """So many files are judged by now, shown or not; the first of those left may hold up the others.

        Args:
            done: the number of files.
            first_left: the first file that is not judged; it is named once it took `SLOW` seconds.

        """
        now = time.monotonic()
        if first_left != self._first_left:
            self._first_left, self._since = first_left, now
        if done == self._total:
            return
        words = [line(done, self._total, now - self._began, "files")] if done else []
        if first_left is not None and now - self._since >= SLOW:
            words.append(f"{one_line(first_left)} takes {now - self._since:.0f} s so far")
        if not words:
            return
        text = "; ".join(words)
        if self._terminal:
            self._write(_ERASE + text)
            self._shown = True
        elif now - self._spoke >= EVERY:
            self._spoke = now
            self._write(f"{text}\n")

    def _write(self, text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()
