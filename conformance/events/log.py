"""The event log: JSON lines, one event each. A run writes it; every view reads it."""

import base64
import contextlib
import json
import math
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

SCHEMA = 1
CONFORMING = frozenset({"holds", "known-defect", "fixed-defect", "not-applicable", "conforms"})

NEEDED: dict[Any, set[str]] = {
    "header": {"environment", "profile", "seed"},
    "started": {"law", "transform", "subject"},
    "result": {"law", "transform", "subject", "outcome", "seconds", "detail"},
    "verdict": {"candidate", "exercise", "verdict"},
    "footer": {"seconds"},
}
"""What readers rely on; the whole of it is in ``schema.json``."""

Event = dict[str, Any]


class LogError(Exception):
    """A log that cannot be read, in one sentence."""


class EventLog:
    """Writes the events of one cell, each as soon as it is known, and shows them to listeners."""

    def __init__(
        self,
        path: Path | None,
        cell: str | None = None,
        listeners: Iterable[Callable[[Event], None]] = (),
    ) -> None:
        self.cell = cell or uuid.uuid4().hex[:4]
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
        event = {"type": type, "cell": self.cell, **encode(fields)}
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


def encode(value: Any) -> Any:
    """JSON-ready data: arrays as {dtype, shape, data}, floats that JSON lacks as such arrays."""
    if isinstance(value, Mapping):
        return {str(k): encode(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [encode(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        value = np.float64(value)
    if isinstance(value, np.ndarray | np.generic):
        array = np.asarray(value)
        little = array.astype(array.dtype.newbyteorder("<"), order="C")
        data = base64.b64encode(little.tobytes()).decode()
        return {"dtype": array.dtype.name, "shape": list(array.shape), "data": data}
    return value


def decode(value: Any) -> Any:
    """The inverse of `encode`, tuples as lists."""
    if isinstance(value, Mapping):
        if set(value) == {"dtype", "shape", "data"}:
            import jax.numpy as jnp

            dtype = jnp.dtype(value["dtype"])
            return np.frombuffer(base64.b64decode(value["data"]), dtype).reshape(value["shape"])
        return {k: decode(v) for k, v in value.items()}
    if isinstance(value, list):
        return [decode(v) for v in value]
    return value


def read(path: Path) -> list[Event]:
    """The events of a log, or of several logs joined. Raises `LogError` for what is none.

    A last line that was cut short is dropped: the run was stopped there.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise LogError(f"{path} cannot be read: {error}") from None
    events: list[Event] = []
    for number, line in enumerate(lines, 1):
        try:
            event = json.loads(line)
        except ValueError:
            if number == len(lines):
                break
            raise LogError(f"{path}, line {number}, is not JSON: not an event log") from None
        if not isinstance(event, dict) or not isinstance(event.get("type"), str):
            raise LogError(f"{path}, line {number}, is not an event")
        if event["type"] == "header" and event.get("schema") != SCHEMA:
            raise LogError(
                f"{path} has schema {event.get('schema')}, this version reads {SCHEMA}: "
                "upgrade vmap-conformance"
            )
        lacking = ({"cell"} | NEEDED.get(event["type"], set())) - set(event)
        if lacking:
            raise LogError(f"{path}, line {number}, lacks {', '.join(sorted(lacking))}")
        events.append(event)
    if not events:
        raise LogError(f"{path} holds no event")
    return events


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
