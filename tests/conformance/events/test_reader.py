"""What was written is read again; what was cut short is accepted, and what is no log is refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings

from conformance.events.completeness import incomplete, status
from conformance.events.outcomes import CONFORMING
from conformance.events.reader import LogError, read, read_all
from conformance.events.records import Footer, Record, Result
from conformance.events.writer import LogWriter, to_line

from .conftest import every_record, header, result

Logged = Callable[..., LogWriter]

HEADER = to_line(header())
RESULT = json.loads(to_line(result("holds")))
VIOLATED = json.loads(to_line(every_record()[3]))
OBSERVED = {"type": "observation", "cell": "a", "key": "k"}
VERDICT = json.loads(to_line(every_record()[-1]))
FOOTER = {"type": "footer", "cell": "a", "counts": {"holds": 1}, "seconds": 0.5}
ARRAY = {"dtype": "float32", "shape": [1], "data": "AAAAAA=="}


def test_every_record_comes_back_as_written(logged: Logged) -> None:
    log = logged(*every_record())
    assert log.path is not None
    assert read(log.path) == log.records
    assert {type(record) for record in log.records} == set(Record.__args__)
    outcomes = {r.outcome: 1 for r in log.records if isinstance(r, Result)}
    assert log.records[-1].counts == {**outcomes, "violates": 1}  # type: ignore[union-attr]


def test_unknown_fields_are_ignored(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text(HEADER + "\n" + json.dumps({**RESULT, "later": [1]}) + "\n")
    assert read(path) == [header(), result("holds")]


def test_a_last_line_cut_short_is_dropped(logged: Logged) -> None:
    log = logged(header(), result("holds"))
    assert log.path is not None
    content = log.path.read_bytes()
    last = len(content.splitlines()[-1])
    for cut in range(1, last):
        log.path.write_bytes(content[: -1 - cut])
        assert read(log.path) == log.records[:-1]
    assert incomplete(read(log.path)) == ["a"]
    log.path.write_bytes(content[:-1])
    assert read(log.path) == log.records


def test_joined_logs_are_read_as_one(logged: Logged, tmp_path: Path) -> None:
    one, two = logged(header(), result("holds")), logged(*every_record("b"), name="b.jsonl")
    assert one.path is not None
    assert two.path is not None
    joined = tmp_path / "joined.jsonl"
    joined.write_bytes(one.path.read_bytes() + two.path.read_bytes())
    assert read(joined) == read_all([one.path, two.path]) == one.records + two.records
    with pytest.raises(LogError, match=r"both contain the run 'a': give each log once"):
        read_all([one.path, joined])


def lines(*events: Any) -> bytes:
    """A log of these events after a header."""
    texts = [event if isinstance(event, str) else json.dumps(event) for event in events]
    return "".join(text + "\n" for text in [HEADER, *texts]).encode()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "contains no event"),
        (b"\n \n", "contains no event"),
        (b'{"type": "hea', "contains no event"),
        (b"hello", "line 1, is not JSON"),
        (b'hello\n{"type": "header"}\n', "line 1, is not JSON"),
        (lines('{"ty', FOOTER), "line 2, is not JSON"),
        (lines('{"type": "footer", "cell": "a", "counts": {}, "seconds": NaN}'), "is not JSON"),
        (lines() + b'{"a": "\xff"}\n', "line 2, is not UTF-8"),
        (b"\xff\xfe\x00", "line 1, is not UTF-8"),
        (b"\xef\xbb\xbf" + lines(), "byte order mark"),
        (lines('{"a":' * 100_000), "nested too deeply"),
        (lines([1, 2]), "line 2, is not an event (expected 'object', got 'array')"),
        (lines('"text"'), "line 2, is not an event"),
        (lines({"law": "a"}), "line 2, lacks the field 'type'"),
        (lines({"type": "observation"}), "line 2, lacks the field 'cell'"),
        (lines({"type": ["x"], "cell": "a"}), "line 2, field 'type': expected 'str'"),
        (
            lines({**RESULT, "type": "results"}),
            "field 'type': invalid value 'results', which is none",
        ),
        (lines({**RESULT, "law": None}), "line 2, field 'law': expected 'str', got 'null'"),
        (lines({**RESULT, "law": "Nope"}), "field 'law'"),
        (lines({**RESULT, "subject": None}), "field 'subject'"),
        (
            lines({**RESULT, "outcome": "odd"}),
            "field 'outcome': invalid enum value 'odd', which is none",
        ),
        (lines({**RESULT, "seconds": "1"}), "field 'seconds': expected 'float', got 'str'"),
        (lines({**RESULT, "seconds": -1}), "field 'seconds'"),
        (lines('{"type": "footer", "cell": "a", "counts": {}, "seconds": 1e999}'), "out of range"),
        (lines({**RESULT, "examples": -1}), "field 'examples': expected 'int' >= 0"),
        (lines({**RESULT, "examples": 0}), "field 'examples': 'holds' needs at least one example"),
        (lines({**RESULT, "detail": {}}), "field 'detail': expected 'null'"),
        (lines({**RESULT, "outcome": "violated"}), "field 'detail': expected 'object', got 'null'"),
        (lines({**RESULT, "outcome": "crashed", "detail": 7}), "field 'detail': expected 'object'"),
        (
            lines({**RESULT, "outcome": "crashed", "detail": {"reason": "r"}}),
            "lacks the field 'detail.output'",
        ),
        (
            lines({**RESULT, "outcome": "not-applicable", "detail": {"reason": 1, "source": "s"}}),
            "field 'detail.reason': expected 'str', got 'int'",
        ),
        (
            lines({**VIOLATED, "detail": {**VIOLATED["detail"], "got": {**ARRAY, "data": ""}}}),
            "field 'detail.got': an array of float32[1] has 0 bytes of data, not 4",
        ),
        (
            lines({**VIOLATED, "detail": {**VIOLATED["detail"], "call": {"kind": "module"}}}),
            "lacks the field 'detail.call.subject_name'",
        ),
        (
            lines({**OBSERVED, "value": {"x": {**ARRAY, "dtype": "f33"}}}),
            "field 'value.x': the dtype",
        ),
        (lines({**OBSERVED, "value": [{**ARRAY, "shape": [10**40]}]}), "field 'value[0]'"),
        (lines({**OBSERVED, "key": None, "value": 1}), "field 'key'"),
        (lines(OBSERVED), "lacks the field 'value'"),
        (lines({**VERDICT, "verdict": "fine"}), "field 'verdict'"),
        (lines({**VERDICT, "counterexample": []}), "field 'counterexample'"),
        (lines({**FOOTER, "counts": []}), "field 'counts': expected 'object', got 'array'"),
        (lines({**FOOTER, "counts": {"holds": "1"}}), "field 'counts[...]'"),
        (lines(FOOTER, FOOTER), "line 3, follows the footer of its run 'a'"),
        (lines(FOOTER, RESULT), "line 3, follows the footer of its run 'a'"),
        (lines(HEADER), "line 2, is a second header of the run 'a'"),
        (lines({**FOOTER, "cell": "b"}), "line 2, belongs to the run 'b', which has no header"),
        (
            (json.dumps(RESULT) + "\n").encode(),
            "line 1, belongs to the run 'a', which has no header",
        ),
    ],
)
def test_what_is_no_log_is_refused_in_one_sentence(
    tmp_path: Path, content: bytes, complaint: str
) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(content)
    with pytest.raises(LogError) as caught:
        read(path)
    assert complaint in str(caught.value)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_directory_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.jsonl", tmp_path):
        with pytest.raises(LogError, match="cannot be read"):
            read(path)


@pytest.mark.parametrize(
    ("schema", "complaint"),
    [
        (2, "has schema 2, this version reads 1: upgrade vmap-conformance"),
        (0, "has schema 0, this version reads 1: run again with this version"),
        ("two", "field 'schema'"),
        (True, "field 'schema'"),
    ],
)
def test_another_schema_is_refused_with_a_remedy(
    tmp_path: Path, schema: Any, complaint: str
) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text(json.dumps({**json.loads(HEADER), "schema": schema, "seed": "new"}) + "\n")
    with pytest.raises(LogError) as caught:
        read(path)
    assert complaint in str(caught.value)


ODD: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats()
    | st.text(max_size=5)
    | st.just(ARRAY),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


def mutate(data: st.DataObject, value: Any) -> Any:
    """The value with one place of it changed, removed or replaced."""
    if isinstance(value, dict) and value and data.draw(st.integers(0, 5)):
        key = data.draw(st.sampled_from(sorted(value)))
        if data.draw(st.integers(0, 4)) == 0:
            return {k: v for k, v in value.items() if k != key}
        return {**value, key: mutate(data, value[key])}
    if isinstance(value, list) and value and data.draw(st.integers(0, 3)):
        place = data.draw(st.integers(0, len(value) - 1))
        return [*value[:place], mutate(data, value[place]), *value[place + 1 :]]
    return data.draw(ODD)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_a_mutated_log_gives_records_or_one_sentence(tmp_path: Path, data: st.DataObject) -> None:
    events = [msgspec.to_builtins(record) for record in every_record()]
    place = data.draw(st.integers(0, len(events) - 1))
    texts = [json.dumps(event) for event in events]
    texts[place] = json.dumps(mutate(data, events[place]))
    content = bytearray("\n".join([*texts, ""]).encode("utf-8", "surrogatepass"))
    for _ in range(data.draw(st.integers(0, 2))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "log.jsonl"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)) | st.just(len(content)))])
    try:
        records, complaint = read(path), ""
    except LogError as error:
        records, complaint = [], str(error)
    assert bool(records) != bool(complaint)
    assert "\n" not in complaint
    for record in records:
        assert isinstance(record, Record)
        # What was accepted can be written, and is the same again.
        again = msgspec.json.decode(to_line(record), type=Record)
        assert to_line(again) == to_line(record)


def events(*outcomes: str, cell: str = "a", footer: bool = True) -> list[Record]:
    """A run with these outcomes."""
    details = {r.outcome: r.detail for r in every_record() if isinstance(r, Result)}
    records: list[Record] = [header(cell)]
    records += [result(outcome, details[outcome], cell) for outcome in outcomes]  # type: ignore[index]
    return records + [Footer(cell=cell, counts={}, seconds=0)] * footer


@pytest.mark.parametrize("outcome", sorted(CONFORMING - {"conforms"}))
def test_status_is_zero_where_all_conforms(outcome: str) -> None:
    assert status(events("holds", outcome)) == 0


@pytest.mark.parametrize("outcome", ["violated", "crashed", "timed-out"])
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
    assert status([every_record()[-1]]) == 1
