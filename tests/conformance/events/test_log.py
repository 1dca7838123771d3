"""What is written is read again; what was cut short is accepted, and what is no log is refused."""

from pathlib import Path
from typing import Any

import pytest

from conformance.events.log import (
    CONFORMING,
    EventLog,
    incomplete,
    status,
)


def test_the_footer_counts_outcomes_and_verdicts() -> None:
    log = EventLog(None)
    for outcome in ("holds", "holds", "crashed"):
        log.write("result", outcome=outcome)
    log.write("verdict", verdict="conforms")
    log.finish()
    assert log.events[-1]["counts"] == {"holds": 2, "crashed": 1, "conforms": 1}
    assert log.events[-1]["seconds"] >= 0


def test_cells_are_told_apart() -> None:
    assert len({EventLog(None).cell for _ in range(50)}) > 45


def events(*outcomes: str, cell: str = "a", footer: bool = True) -> list[dict[str, Any]]:
    log = EventLog(None, cell)
    log.write("header", schema=1)
    for outcome in outcomes:
        log.write("result", outcome=outcome)
    if footer:
        log.finish()
    return log.events


@pytest.mark.parametrize("outcome", sorted(CONFORMING))
def test_status_is_zero_where_all_conforms(outcome: str) -> None:
    assert status(events("holds", outcome)) == 0


@pytest.mark.parametrize("outcome", ["violated", "crashed", "timed-out", "violates", "missing"])
def test_status_is_one_where_something_does_not(outcome: str) -> None:
    assert status(events("holds", outcome)) == 1
    assert status(events("holds", outcome, footer=False)) == 1


def test_status_is_three_where_a_cell_is_incomplete() -> None:
    stopped = events("holds", cell="b", footer=False)
    assert status(stopped) == 3
    assert incomplete(events("holds") + stopped) == ["b"]
    assert status(events("holds") + stopped) == 3
    assert status(events("holds") + events("holds", cell="c")) == 0


def test_a_verdict_counts_as_an_outcome() -> None:
    log = EventLog(None)
    log.write("verdict", verdict="violates")
    log.finish()
    assert status(log.events) == 1


def test_a_full_disk_is_an_oserror() -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    log = EventLog(full)
    with pytest.raises(OSError, match="No space left"):
        log.write("header", schema=1)
