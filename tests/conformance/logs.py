"""Logs for tests: written from dictionaries, which may be partial, and read by type of record."""

import contextlib
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any, TypeVar

import msgspec

from conformance.events.arrays import encode
from conformance.events.reader import read
from conformance.events.records import Record, Result
from conformance.events.writer import new_cell

Event = dict[str, Any]
Kind = TypeVar("Kind")


def of_type(kind: type[Kind], records: Iterable[Any]) -> list[Kind]:
    """The records of one class."""
    return [record for record in records if isinstance(record, kind)]


def results(path: Path) -> dict[str, Result]:
    """The results of a log, by subject."""
    return {result.subject: result for result in of_type(Result, read(path))}


class EventLog:
    """Writes the events of one cell, each as soon as it is known, and shows them to listeners."""

    def __init__(
        self,
        path: Path | None,
        cell: str | None = None,
        listeners: Iterable[Callable[[Event], None]] = (),
    ) -> None:
        self.cell = cell or new_cell()
        self.path = path
        self.events: list[Event] = []
        self._listeners = list(listeners)
        self._counts: Counter[str] = Counter()
        self._began = time.monotonic()
        self._file: IO[str] | None = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("w", encoding="utf-8", buffering=1)

    def write(self, type: str, **fields: Any) -> Event:
        """Write one event. Raises OSError where the disk does not take it."""
        event = msgspec.to_builtins({"type": type, "cell": self.cell, **encode(fields)})
        self.events.append(event)
        if self._file is not None:
            try:
                self._file.write(json.dumps(event, allow_nan=False) + "\n")
            except OSError:
                with contextlib.suppress(OSError):
                    self.close()
                raise
        outcome = fields.get("outcome") or fields.get("verdict")
        if outcome is not None:
            self._counts[outcome] += 1
        for listener in self._listeners:
            listener(event)
        return event

    def finish(self) -> None:
        """Write the footer, which says that the log is complete, and close."""
        self.write(
            "footer", counts=dict(self._counts), seconds=round(time.monotonic() - self._began, 3)
        )
        self.close()

    def close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()


def to_records(events: Iterable[Event]) -> list[Record]:
    """The events as records. Raises `msgspec.ValidationError` for a malformed dictionary."""
    return [
        msgspec.convert(event, Record) if isinstance(event, dict) else event for event in events
    ]
