"""Dictionaries as events, for the writers and readers that do not take records yet."""

import contextlib
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any

import msgspec

from conformance.events.arrays import decode, encode
from conformance.events.outcomes import CONFORMING, NOT_CHECKED
from conformance.events.reader import LogError, read
from conformance.events.records import SCHEMA, Record
from conformance.events.writer import new_cell

__all__ = [
    "CONFORMING",
    "NOT_CHECKED",
    "SCHEMA",
    "Event",
    "EventLog",
    "LogError",
    "decode",
    "encode",
    "incomplete",
    "read",
    "status",
    "to_records",
]

Event = Any
"""A record, or a dictionary with its fields."""


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


def incomplete(events: Iterable[Event]) -> list[str]:
    """The cells that have no footer: their run was stopped, or lost."""
    begun: dict[str, bool] = {}
    for event in events:
        begun[event["cell"]] = begun.get(event["cell"], False) or event["type"] == "footer"
    return [cell for cell, finished in begun.items() if not finished]


def status(events: Iterable[Event]) -> int:
    """The exit status: 0 everything conforms, 1 something does not, 3 the log is incomplete."""
    events = list(events)
    outcomes = [event.get("outcome") or event.get("verdict") for event in events]
    if any(outcome is not None and outcome not in CONFORMING for outcome in outcomes):
        return 1
    return 3 if incomplete(events) else 0
