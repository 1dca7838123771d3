"""What is written is read again; what was cut short is accepted, and what is no log is refused."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from conformance.events.log import (
    CONFORMING,
    EventLog,
    LogError,
    decode,
    encode,
    incomplete,
    read,
    status,
)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=np.float32).reshape(2, 3).T,
        np.array([2**63 - 1, -(2**63)], np.int64),
        np.array([np.nan, np.inf, -0.0, 1e-45], np.float32),
        np.array([[1.5, -2.0]], jnp.bfloat16),
        np.array([True, False]),
        np.zeros((0, 3), np.uint8),
        np.float64(0.1),
        np.arange(3, dtype=">i4"),
    ],
    ids=lambda array: array.dtype.name,
)
def test_an_array_is_the_same_bits_again(array: Any) -> None:
    text = json.dumps(encode({"a": [array]}), allow_nan=False)
    again = decode(json.loads(text))["a"][0]
    assert again.shape == array.shape
    assert again.dtype.name == array.dtype.name
    assert again.tobytes() == array.astype(array.dtype.newbyteorder("=")).tobytes()


def test_bytes_are_little_endian_base64() -> None:
    assert encode(np.array([1], ">u2")) == {"dtype": "uint16", "shape": [1], "data": "AQA="}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_json_lacks_is_not_written_bare(value: float) -> None:
    text = json.dumps(encode({"x": value}), allow_nan=False)
    np.testing.assert_equal(float(decode(json.loads(text))["x"]), value)


def test_events_come_back_as_written(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "deep" / "log.jsonl", cell="abcd")
    log.write("header", schema=1, seed=2**32 - 1, environment={}, profile="ci")
    log.write("observation", key="Größe", value={"x": np.float32(1.5), "none": None})
    log.finish()
    events = read(tmp_path / "deep" / "log.jsonl")
    assert events == log.events
    assert [event["type"] for event in events] == ["header", "observation", "footer"]
    assert {event["cell"] for event in events} == {"abcd"}
    assert decode(events[1]["value"])["x"] == 1.5


def test_each_event_is_on_the_disk_at_once_and_shown_to_listeners(tmp_path: Path) -> None:
    shown: list[Any] = []
    log = EventLog(tmp_path / "log.jsonl", listeners=[shown.append])
    log.write("header", schema=1, seed=0, environment={}, profile="ci")
    log.write("started", law="a.b", transform="t", subject="s")
    assert read(tmp_path / "log.jsonl") == shown == log.events
    log.close()


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


def test_a_last_line_cut_short_is_dropped(written: Callable[..., Path]) -> None:
    path = written({"law": "a.b", "transform": "t", "subject": "s", "outcome": "holds"})
    whole = read(path)
    text = path.read_text()
    for cut in (1, 10, len(text.splitlines()[-1])):
        path.write_text(text[: len(text) - 1 - cut])
        assert read(path) == whole[:-1]
    assert incomplete(read(path)) == ["c311"]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "holds no event"),
        (b"\n", "holds no event"),
        (b'{"type": "hea', "holds no event"),
        (b'hello\n{"type": "header"}\n', "line 1, is not JSON: not an event log"),
        (b'{"type": "x", "cell": "a"}\n{"ty\n{}\n', "line 2, is not JSON"),
        (b'{"type": "result", "cell": "a", "law": "b"}\n', "line 1, lacks detail, outcome, sec"),
        (b'{"type": ["x"], "cell": "a"}\n', "line 1, is not an event"),
        (b"[1, 2]\n", "line 1, is not an event"),
        (b'{"law": "a"}\n', "line 1, is not an event"),
        (b'{"type": "observation"}\n', "line 1, lacks cell"),
        (b'"text"\n', "line 1, is not an event"),
        (b"\xff\xfe\x00", "cannot be read"),
    ],
)
def test_what_is_no_log_is_refused_in_one_sentence(
    tmp_path: Path, content: bytes, complaint: str
) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(content)
    with pytest.raises(LogError, match=complaint) as caught:
        read(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LogError, match="cannot be read"):
        read(tmp_path / "none.jsonl")


def test_a_newer_schema_is_refused_with_a_remedy(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    for schema in (2, "two"):
        path.write_text(json.dumps({"type": "header", "cell": "a", "schema": schema}) + "\n")
        with pytest.raises(LogError, match=f"schema {schema}, this version reads 1: upgrade"):
            read(path)


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
