"""Views of a log: nothing lost, nothing invented; JUnit is XML, Markdown a table."""

import xml.etree.ElementTree as ET
from collections.abc import Callable
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path
from typing import Any

import attrs
import msgspec
import numpy as np
import pytest

from conformance.events.reader import read
from conformance.events.records import Header
from conformance.reporting import junit, markdown, progress, summary, terminal
from conformance.reporting.console import Console
from conformance.reporting.summary import Summary, summarise
from conformance.reporting.terminal import conclusion, matrix

CALL = {
    "kind": "function",
    "subject_name": "square",
    "sizes": {"batch": 3, "m": 2},
    "axes": [{"in_axes": [None, -1], "out_axes": 0}],
    "dtype": "float32",
    "seed": 1,
    "special": False,
    "eager": True,
}
VIOLATION = {
    "call": CALL,
    "what": "map",
    "message": "values differ at index (0,): expected 1, got 2 (8.39e+06 ULP)",
    "path": "",
    "expected": np.array([1.0, 5.0]),
    "got": np.array([2.0, 5.0], np.float32),
    "max_ulps": 2.0**23,
    "error": 1.0,
    "bound": 2e-7,
    "cause": "the examples come out in reverse order (batch-reversed)",
    "script": "print('<they differ>')",
}
EQUALS, PERMUTE = "mapping.equals-per-example", "axes.in-axes-permute"
RESULTS = [
    {"law": PERMUTE, "transform": "jax.vmap", "subject": "sort", "outcome": "holds"},
    {
        "law": EQUALS,
        "transform": "flax.linen.vmap",
        "subject": "square",
        "outcome": "violated",
        "detail": VIOLATION,
    },
    {"law": EQUALS, "transform": "jax.vmap", "subject": "sort", "outcome": "holds"},
    {
        "law": EQUALS,
        "transform": "jax.pmap",
        "subject": "sort",
        "outcome": "not-applicable",
        "detail": {"reason": "jax 9 has no pmap", "source": "suite"},
    },
    {
        "law": EQUALS,
        "transform": "jax.pmap",
        "subject": "linear",
        "outcome": "not-sampled",
        "detail": {"reason": "one in 3", "source": "suite"},
    },
    {
        "law": EQUALS,
        "transform": "jax.vmap",
        "subject": "linear",
        "outcome": "crashed",
        "detail": {"reason": "the process that ran it died", "output": "Fatal <signal> & 11"},
    },
    {
        "law": EQUALS,
        "transform": "jax.vmap",
        "subject": "matmul",
        "outcome": "timed-out",
        "detail": {"reason": "no result within 120 s", "output": ""},
    },
    {
        "law": PERMUTE,
        "transform": "jax.pmap",
        "subject": "square",
        "defect": "pmap-negative-axis",
        "outcome": "fixed-defect",
        "detail": {"defect": "pmap-negative-axis"},
    },
]


@pytest.fixture
def gathered(written: Callable[..., Path]) -> Summary:
    return summarise(read(written(*RESULTS)))


def names(law: str, transform: str, subject: str) -> dict[str, str]:
    return {"law": law, "transform": transform, "subject": subject}


FILES = {f"{EQUALS} | flax.linen.vmap | square": "violations/square.py"}


def shown(summary: Summary, files: Any = None, width: int = 80, verbosity: int = 0) -> str:
    out = StringIO()
    console = Console(width=width, file=out, color_system=None)
    terminal.show(console, summary, verbosity=verbosity, files=files)
    return out.getvalue()


@pytest.mark.parametrize("verbosity", [-1, 0, 1, 2])
def test_terminal_is_as_it_was(gathered: Summary, snapshot: Any, verbosity: int) -> None:
    text = shown(gathered, FILES, verbosity=verbosity)
    assert text == snapshot
    if verbosity < 2:
        assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("width", [60, 80])
@pytest.mark.parametrize("verbosity", [0, 1])
def test_a_narrow_terminal_breaks_no_word(gathered: Summary, width: int, verbosity: int) -> None:
    text = shown(gathered, width=width, verbosity=verbosity)
    assert max(map(len, text.splitlines())) <= width
    for name in ("jax.vmap", "jax.pmap", "linen.vmap"):
        assert name in text.split()


def test_a_quiet_run_is_one_line(gathered: Summary) -> None:
    (line,) = shown(gathered, verbosity=-1).splitlines()
    assert line.startswith("✗ 3 faults: 3 of 5 checks fail ·")


def test_a_good_run_names_the_dangerous_defects(
    written: Callable[..., Path], snapshot: Any
) -> None:
    known = [
        {
            **names("errors.axis-out-of-range", "jax.pmap", "square"),
            "defect": defect,
            "outcome": "known-defect",
            "detail": {"defect": defect},
        }
        for defect in (
            "pmap-axis-out-of-range",
            "pmap-out-axes-none-unchecked",
            "pmap-negative-axis-wrong-answer",
            "vmap-empty-reduction-dies",
            "vmap-dce-sink",
            "of-a-later-version",
        )
    ]
    good = [each for each in RESULTS if each["outcome"] in ("holds", "not-sampled")]
    summary = summarise(read(written(*good, *known)))
    assert shown(summary) == snapshot(name="groups")
    assert shown(summary, verbosity=1) == snapshot(name="laws")
    assert shown(summary, verbosity=-1) == snapshot(name="quiet")


def test_a_large_array_is_shown_short(written: Callable[..., Path]) -> None:
    large = np.arange(8 * 50 * 60.0).reshape(8, 50, 60)
    detail = {**VIOLATION, "expected": large, "got": large + 1}
    text = shown(summarise(read(written({**RESULTS[1], "detail": detail}))))
    assert len(text.splitlines()) < 40
    assert max(map(len, text.splitlines())) <= 80


def test_an_output_without_unicode_gets_words(gathered: Summary) -> None:
    file = TextIOWrapper(BytesIO(), encoding="ascii")
    terminal.show(Console(width=80, file=file, color_system=None), gathered)
    file.seek(0)
    assert "mapping    x 2        -         x 1" in file.read()


def test_markdown_is_as_it_was(gathered: Summary, snapshot: Any) -> None:
    assert markdown.render(gathered) == snapshot


def test_junit_is_as_it_was(gathered: Summary, snapshot: Any) -> None:
    assert junit.render(gathered) == snapshot


def test_every_result_counts_once(gathered: Summary) -> None:
    assert sum(gathered.counts.values()) == len(RESULTS)
    cells = [gathered.cell(law, t) for law in gathered.laws for t in gathered.transforms]
    assert sum(sum(cell.values()) for cell in cells) == len(RESULTS)
    assert [f.outcome for f in gathered.failures] == ["violated", "crashed", "timed-out"]
    assert gathered.total("examples") == 2 * len(RESULTS)


def test_the_digest_is_of_all_calls_in_any_order(written: Callable[..., Path]) -> None:
    drawn = [{**RESULTS[i], "digest": digest} for i, digest in enumerate(("0000002a", "0000002b"))]
    one, turned, other = (
        summarise(read(written(*results)))
        for results in (drawn, drawn[::-1], [drawn[0], {**drawn[1], "digest": "0000002c"}])
    )
    assert one.digest == turned.digest != other.digest
    assert f"(digest {one.digest})" in shown(one)


def test_laws_and_transforms_stand_in_the_order_of_the_promise(gathered: Summary) -> None:
    assert gathered.laws == [EQUALS, PERMUTE]
    assert gathered.transforms == ["jax.vmap", "jax.pmap", "flax.linen.vmap"]


def test_a_failure_shows_all_that_a_person_needs(gathered: Summary) -> None:
    text = shown(gathered, FILES, width=110)
    for needed in (
        "Mapping a function gives the results of applying it to each example, stacked.",
        "square with batch=3, m=2; in_axes=(None, -1), out_axes=0; float32; without jit",
        "values differ at index (0,): expected 1, got 2\n",
        "[1. 5.]",
        "[2. 5.]",
        "allowed 2e-07",
        "likely cause: the examples come out in reverse order",
        "script: violations/square.py",
        "vmap-conformance replay violations/square.json",
    ):
        assert needed in text


@pytest.mark.parametrize("ulps", [np.inf, np.nan])
def test_a_distance_without_end_is_shown_too(written: Callable[..., Path], ulps: float) -> None:
    detail = {**VIOLATION, "max_ulps": ulps, "error": ulps, "bound": np.inf}
    text = shown(summarise(read(written({**RESULTS[1], "detail": detail}))))
    assert f"error {ulps}, allowed inf" in text
    assert "ULP" not in text


def test_shapes_that_differ_are_shown_without_arrays(written: Callable[..., Path]) -> None:
    detail = {
        **VIOLATION,
        "message": "shapes differ: expected float32[3,2], got float32[2]",
        "expected": "float32[3,2]",
        "got": "float32[2]",
        **dict.fromkeys(("max_ulps", "error", "bound", "cause")),
    }
    gathered = summarise(read(written({**RESULTS[1], "detail": detail})))
    assert "shapes differ: expected float32[3,2], got float32[2]" in shown(gathered)
    assert "Likely cause" not in markdown.render(gathered)


def test_an_incomplete_log_says_so_and_names_what_was_begun(written: Callable[..., Path]) -> None:
    begun = {"law": EQUALS, "transform": "jax.vmap", "subject": "matmul"}
    gathered = summarise(read(written(RESULTS[0], begun, complete=False)))
    assert gathered.incomplete == ("c311",)
    name = "mapping.equals-per-example | jax.vmap | matmul"
    for text in (shown(gathered), markdown.render(gathered).replace("\\", "")):
        assert "This log is incomplete" in text
        assert name in text
    assert "in an interrupted run" in shown(gathered)


def test_an_item_begun_twice_in_two_cells_is_not_confused(written: Callable[..., Path]) -> None:
    begun = {"law": EQUALS, "transform": "jax.vmap", "subject": "sort"}
    first = read(written(begun, cell="aaaa", complete=False, name="a.jsonl"))
    second = read(written(RESULTS[2], cell="bbbb", name="b.jsonl"))
    gathered = summarise(first + second)
    assert [started.cell for started in gathered.unfinished] == ["aaaa"]
    assert gathered.seconds == 4.0


def test_a_fixed_defect_is_good_news(gathered: Summary) -> None:
    assert "The known defect pmap-negative-axis is gone in this release." in shown(gathered)


@pytest.mark.parametrize(("jaxlib", "said"), [("0.5.0", False), ("0.6.0", True), ("0.6.1", False)])
def test_a_run_without_the_cache_says_why(
    jaxlib: str, said: bool, written: Callable[..., Path]
) -> None:
    header, *others = read(written(RESULTS[0]))
    assert isinstance(header, Header)
    environment = msgspec.structs.replace(header.environment, jaxlib=jaxlib)
    header = msgspec.structs.replace(header, environment=environment)
    text = shown(summarise([header, *others]))
    assert (f"jaxlib {jaxlib} reads some loops back wrongly" in text) == said


def test_junit_is_xml_that_counts_as_junit_does(gathered: Summary) -> None:
    suite = ET.fromstring(junit.render(gathered).encode())
    counts = {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "8", "failures": "1", "errors": "2", "skipped": "2"}
    assert len(suite.findall("testcase")) == 8
    assert [len(suite.findall(f"testcase/{tag}")) for tag in ("failure", "error", "skipped")] == [
        1,
        2,
        2,
    ]
    assert suite.findtext("testcase/failure") == VIOLATION["script"]


def test_junit_survives_characters_that_xml_lacks(written: Callable[..., Path]) -> None:
    detail = {**VIOLATION, "message": "it raised ValueError: \x1b[31m\x00 bad"}
    ET.fromstring(junit.render(summarise(read(written({**RESULTS[1], "detail": detail})))))


def test_markdown_is_one_table_with_a_row_for_each_law(gathered: Summary) -> None:
    lines = markdown.render(gathered).splitlines()
    table = [line for line in lines if line.startswith("|")]
    assert len(table) == 2 + len(gathered.laws)
    assert len({line.count("|") for line in table}) == 1


def test_progress_names_what_does_not_conform_at_once(written: Callable[..., Path]) -> None:
    with open("/dev/null", "w") as nowhere:
        console = Console(file=nowhere, record=True, width=110)
        with progress.live(console) as live:
            live.watch(lambda: 2)
            for record in read(written(*RESULTS[:2])):
                live(record)
    text = console.export_text()
    first, *others = text.splitlines()
    assert first.startswith("first result after")
    assert first.endswith("of sort: holds")
    assert others == ["violated: mapping.equals-per-example, flax.linen.vmap of square"]


def test_order_names_every_outcome_once() -> None:
    assert set(summary.ORDER) == set(matrix.STYLE)
    assert len(set(summary.ORDER)) == len(summary.ORDER)


@pytest.mark.parametrize(("entries", "said"), [(400, True), (0, False)])
def test_a_cache_that_gave_nothing_although_filled_is_said(
    written: Callable[..., Path], entries: int, said: bool
) -> None:
    numbers = {"compilations": 60, "cache_hits": 0}
    gathered = summarise(read(written({**RESULTS[0], **numbers})))
    header = msgspec.structs.replace(gathered.headers[0], cache_entries=entries)
    text = shown(attrs.evolve(gathered, headers=(header,)))
    assert ("The compilation cache gave nothing" in text) is said


def test_what_a_newer_release_cannot_do_is_named(written: Callable[..., Path]) -> None:
    def lacks(subject: str, source: str) -> dict[str, Any]:
        detail = {"reason": "jax 99 does not do it unmapped: AttributeError", "source": source}
        return {**RESULTS[0], "subject": subject, "outcome": "not-applicable", "detail": detail}

    of_release = [lacks(f"lax.f{n}", "release") for n in range(10)]
    said = " ".join(conclusion.remarks(summarise(read(written(*of_release)))))
    assert "lax.f7 and 2 more. Nothing of it was checked" in said
    known = [lacks("lax.f1", "suite"), lacks("lax.f1", "jax")]
    assert conclusion.remarks(summarise(read(written(*known)))) == []
