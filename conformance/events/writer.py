"""Writing a log: each record on the disk as soon as it is known, and shown to listeners."""

import contextlib
import json
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO

import msgspec

from conformance.events.records import Footer, Record, Result, Verdict
from conformance.events.text import well_formed


def new_cell() -> str:
    """A name for a run, unlike that of any other log it may be joined with."""
    return uuid.uuid4().hex[:8]


def to_line(record: Record) -> str:
    """The record as one line of JSON, without the line break."""
    fields = msgspec.to_builtins(record)
    text = json.dumps(fields, allow_nan=False)
    if "\\ud" in text:
        text = json.dumps(well_formed(fields), allow_nan=False)
    return text


class LogWriter:
    """Writes the records of one cell. Without a path it only keeps them.

    Args:
        path: the file.
        listeners: are given every record, too.
        began: when the cell began, by `time.monotonic`; None for now.

    """

    def __init__(
        self,
        path: Path | None,
        listeners: Iterable[Callable[[Record], object]] = (),
        began: float | None = None,
    ) -> None:
        self.path = path
        self.records: list[Record] = []
        self._listeners = list(listeners)
        self._counts: Counter[str] = Counter()
        self._began = time.monotonic() if began is None else began
        self._file: IO[str] | None = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("w", encoding="utf-8", buffering=1)

    def write(self, record: Record) -> None:
        """Write one record. Raises OSError where the disk does not take it."""
        self.records.append(record)
        if self._file is not None:
            try:
                self._file.write(to_line(record) + "\n")
            except OSError:
                with contextlib.suppress(OSError):
                    self.close()
                raise
        if isinstance(record, Result):
            self._counts[record.outcome] += 1
        elif isinstance(record, Verdict):
            self._counts[record.verdict] += 1
        for listener in self._listeners:
            listener(record)

    def finish(self, cell: str) -> None:
        """Write the footer, which says that the log is complete, and close."""
        seconds = round(time.monotonic() - self._began, 3)
        self.write(Footer(cell=cell, counts=dict(self._counts), seconds=seconds))
        self.close()

    def close(self) -> None:
        """Close the file; a log without a footer is incomplete."""
        file, self._file = self._file, None
        if file is not None:
            file.close()
