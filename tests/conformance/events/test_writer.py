"""A record is on the disk at once, and the footer says what there was."""

import json
from pathlib import Path

import pytest

from conformance.events.reader import read
from conformance.events.records import Observation, Record
from conformance.events.writer import LogWriter, new_cell, to_line

from .conftest import every_record, header


def test_each_record_is_on_the_disk_at_once_and_shown_to_listeners(tmp_path: Path) -> None:
    shown: list[Record] = []
    log = LogWriter(tmp_path / "deep" / "log.jsonl", listeners=[shown.append])
    for count, record in enumerate(every_record(), 1):
        log.write(record)
        assert read(tmp_path / "deep" / "log.jsonl") == shown == log.records
        assert len(shown) == count
    log.close()


def test_fields_that_are_not_set_are_not_written() -> None:
    assert set(json.loads(to_line(header()))) == {
        *("type", "cell", "schema", "suite", "environment", "profile", "seed", "shard", "command")
    }


def test_a_line_is_ascii_whatever_a_value_says() -> None:
    value = {"\ud800": ["ä\u2028\n", "\U0001f600", "\udfff"]}
    line = to_line(Observation(cell="a", key="k", value=value))
    assert line.isascii()
    assert "\n" not in line
    assert json.loads(line)["value"] == {"?": ["ä\u2028\n", "\U0001f600", "?"]}


def test_cells_are_told_apart() -> None:
    assert len({new_cell() for _ in range(1000)}) > 995


def test_a_full_disk_is_an_oserror() -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    log = LogWriter(full)
    with pytest.raises(OSError, match="No space left"):
        log.write(header())
