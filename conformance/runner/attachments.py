"""What a worker attaches to a test's report for the controller, and the names of the tests it collected."""

import os
from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest
from msgspec import Struct

from conformance.events.records import Environment, Observation, Result, Started
from conformance.events.text import well_formed
from conformance.events.user_code import UserSubject

_PROPERTY = "vmap-conformance"
_TABLE = "collected.json"


class Attachment(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Facts of one test; what it does not speak of is empty."""

    results: list[Result] = []
    observations: list[Observation] = []
    environment: Environment | None = None
    """Of the first test of each process."""
    subjects: dict[str, UserSubject] = {}
    """The user's, of the first test of each process."""
    registered_rules: list[str] | None = None
    """Batching rules that JAX had when the process began; None where its table is unknown."""
    covered_rules: list[str] = []
    """Batching rules that this test was the first of its process to exercise."""

    @property
    def records(self) -> list[Result | Observation]:
        """What goes into the log as it is."""
        return [*self.results, *self.observations]

    def attach(self, item: pytest.Item) -> None:
        """Send it with the test's reports."""
        item.user_properties.append((_PROPERTY, to_text(self)))


class Collected(Struct, frozen=True, kw_only=True):
    """What each test of the run is about, by node id."""

    items: dict[str, Started]
    groups: dict[str, str]
    """Groups of observations."""


def to_text(attachment: Attachment) -> str:
    """The attachment as JSON."""
    return _to_bytes(attachment).decode()


def _to_bytes(record: Attachment | Collected) -> bytes:
    try:
        return msgspec.json.encode(record)
    except UnicodeEncodeError:
        return msgspec.json.encode(well_formed(msgspec.to_builtins(record)))


def attached(properties: Iterable[tuple[str, object]]) -> list[Attachment]:
    """The attachments among a report's `user_properties`."""
    return [
        msgspec.json.decode(str(value), type=Attachment)
        for name, value in properties
        if name == _PROPERTY
    ]


def save_collected(collected: Collected, directory: Path) -> None:
    """Leave the table for the controller; every worker collects the same, so the first one counts."""
    path = directory / _TABLE
    if path.exists():
        return
    partial = directory / f"{_TABLE}.{os.getpid()}"
    partial.write_bytes(_to_bytes(collected))
    partial.replace(path)


def load_collected(directory: Path) -> Collected:
    """The table that a worker left."""
    return msgspec.json.decode((directory / _TABLE).read_bytes(), type=Collected)
