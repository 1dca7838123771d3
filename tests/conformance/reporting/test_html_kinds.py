"""Each kind of violation on the pages of run, report and upgrade: drawn, in words, and escaped."""

import re
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from msgspec import UNSET
from packaging.version import Version

from conformance.cli.app import cli
from conformance.events.arrays import encode
from conformance.reporting.html import page as run_page
from conformance.reporting.html.pictures import pictures
from conformance.reporting.html.runs import Run
from conformance.reporting.summary import summarise
from conformance.upgrade.columns import gather
from conformance.upgrade.html import page as comparison_page
from conformance.upgrade.html.timeline import timeline
from conformance.violations.recheck import ONLY_FROM_CACHE
from tests.conformance.conftest import ENVIRONMENT
from tests.conformance.logs import EventLog, to_records

HOSTILE = "<img src=x onerror=alert(1)></title></svg>&{{ 7 * 7 }}"
RIGHT = np.arange(12, dtype=np.float32).reshape(3, 4)
AXES = [{"in_axes": [0], "out_axes": 0}]


def call(subject: str, **sizes: int) -> dict[str, Any]:
    plain = {"kind": "function", "dtype": "float32", "seed": 1}
    return {**plain, "subject_name": subject, "sizes": {"batch": 3, **sizes}, "axes": AXES}


def violation(subject: str, message: str, expected: Any, got: Any) -> dict[str, Any]:
    words = {"what": "map", "path": "", "cause": None, "script": f"print('{subject} {HOSTILE}')"}
    worst = {"max_ulps": 2.0, "error": 4.0, "bound": 1e-6}
    shown = {"expected": encode(expected), "got": encode(got)}
    return {"call": call(subject, n=4), "message": message, **shown, **words, **worst}


KINDS = {
    "raised": violation(
        "sort", f"it raised TypeError('{HOSTILE}')", RIGHT, f"TypeError({HOSTILE})"
    ),
    "structure": violation("transpose", "differs in shape", "float32[3,4]", "float32[4,3]"),
    "accepted": violation("matmul", f"accepted {HOSTILE}", "ValueError", "accepted"),
    "value": violation("square", "differs in value", RIGHT, np.roll(RIGHT, 1, 0)),
}
"""The detail of each kind of violation; a crash has no such detail."""


def results() -> list[dict[str, Any]]:
    law = "mapping.equals-per-example"
    found = [
        {
            "law": law,
            "subject": detail["call"]["subject_name"],
            "outcome": "violated",
            "detail": detail,
        }
        for detail in KINDS.values()
    ]
    died = {"reason": f"the process died {HOSTILE}", "output": f"Fatal {HOSTILE}"}
    found.append({"law": law, "subject": "fft", "outcome": "crashed", "detail": died})
    again = {**found[3], "law": "mapping.concatenates"}
    found += [again, {"law": law, "subject": "relu", "outcome": "holds", "detail": None}]
    mine = {"law": law, "subject": "mine", "outcome": "holds", "detail": None}
    return [*found, mine]


def write(path: Path, jax: str = "0.10.2", problem: bool = True) -> list[Any]:
    log = EventLog(path)
    mine = {"mine": {"module": "my.subjects", "error": None}}
    error = {"type": "AttributeError", "line": f"no {HOSTILE}"}
    log.write(
        "header",
        schema=1,
        environment={**ENVIRONMENT, "jax": jax},
        suite="0.1.0",
        profile="quick",
        seed=7,
        shard=(1, 1),
        command=["run"],
        asked=jax,
        subjects={**mine, "broken": {"module": "my.subjects", "error": error}},
    )
    for result in results():
        plain = {"examples": 2, "compilations": 3, "seconds": 1.0, "transform": "jax.vmap"}
        held = {"outcome": "holds", "detail": None}
        log.write("result", **plain, **({**result, **held} if not problem else result))
    log.finish()
    return to_records(log.events)


def of_run(tmp_path: Path) -> str:
    records = write(tmp_path / "log.jsonl")
    return run_page.render(Run("jax 0.10.2", None, summarise(records)))


def of_report(tmp_path: Path) -> str:
    write(tmp_path / "log.jsonl")
    to = tmp_path / "page.html"
    arguments = ["report", str(tmp_path / "log.jsonl"), "--html", str(to)]
    assert cli.main(arguments, standalone_mode=False) == 1
    return to.read_text(encoding="utf-8")


def of_upgrade(tmp_path: Path) -> str:
    before = write(tmp_path / "before.jsonl", "0.9.0", problem=False)
    return comparison_page.render(gather([*before, *write(tmp_path / "after.jsonl")]))


@pytest.fixture(params=[of_run, of_report, of_upgrade])
def page(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return request.param(tmp_path)


def test_every_kind_has_a_card_with_its_words(page: str) -> None:
    titles = re.findall(r'<h[34] id="fault-\d-\d-title">(.*?)</h[34]>', page)
    expected = {
        "square: examples moved by one",
        "transpose: batch axis one place too far",
        "sort: raises TypeError",
        "fft: the process dies",
    }
    (accepted,) = set(titles) - expected
    assert accepted.startswith("matmul: accepted &lt;img")
    assert len(titles) == len(KINDS) + 1
    assert "1 more check shows it" in page


def test_text_of_others_is_escaped(page: str) -> None:
    assert "<img" not in page
    assert "{{ 7" in page
    assert page.count("</title>") == page.count("<title")
    assert page.count("</svg>") == page.count("<svg")


def test_values_are_drawn_as_three_maps_and_shapes_as_boxes(page: str) -> None:
    for title in ("Heat map: expected", "Heat map: got", "Heat map: difference"):
        assert page.count(f">{title}<") == 1
    assert "batch axis 0 &darr;" in page
    assert "12 of 12 values differ, in rows 0, 1, 2" in page
    assert page.count(">Shape: ") == 2
    assert "float32 of shape [4, 3], the batch axis is axis 1" in page


@pytest.mark.parametrize(
    "given", [["--subjects", "my.maps"], ["--subjects=my.maps"], ["--subjects", "my.maps"] * 2]
)
def test_the_command_that_runs_it_again_names_modules_that_list_maps_only(
    given: list[str], tmp_path: Path
) -> None:
    header, *rest = write(tmp_path / "log.jsonl")
    header = msgspec.structs.replace(header, command=["run", *given, "--html", "p"], subjects=UNSET)
    text = run_page.render(Run("jax 0.10.2", None, summarise([header, *rest])))
    assert "vmap-conformance run --subjects my.maps --law mapping" in text
    assert "--subjects my.maps --subjects" not in text


def of_cache_and_defect(path: Path) -> list[Any]:
    """A violation that comes only from the compilation cache, and a known defect met in silence."""
    header, *_ = write(path)
    log = EventLog(path)
    log.write(
        "header",
        **{k: v for k, v in msgspec.to_builtins(header).items() if k not in ("type", "cell")},
    )
    plain = {"examples": 2, "compilations": 3, "seconds": 1.0, "law": "mapping.equals-per-example"}
    wrong = violation("square", "differs in value", RIGHT, np.roll(RIGHT, 1, 0))
    cached = {**wrong, "cause": ONLY_FROM_CACHE}
    log.write(
        "result", **plain, transform="jax.vmap", subject="square", outcome="violated", detail=cached
    )
    defect = "pmap-negative-axis-wrong-answer"
    known = {"defect": defect, "effect": "silently wrong"}
    log.write(
        "result",
        **plain,
        transform="jax.pmap",
        subject="square",
        outcome="known-defect",
        defect=defect,
        detail=known,
    )
    log.finish()
    return to_records(log.events)


def test_a_violation_of_the_cache_and_a_known_defect_are_said_as_what_they_are(
    tmp_path: Path,
) -> None:
    records = of_cache_and_defect(tmp_path / "log.jsonl")
    before = write(tmp_path / "before.jsonl", "0.9.0", problem=False)
    pages = (
        run_page.render(Run("jax 0.10.2", None, summarise(records))),
        comparison_page.render(gather([*before, *records])),
    )
    for text in pages:
        (card,) = re.findall(r'<article[^>]*class="[^"]*card.*?</article>', text, re.DOTALL)
        assert "only from the compilation cache" in card
        assert "--no-cache" in card
        assert "pmap-negative-axis-wrong-answer" not in card
        assert "pmap-negative-axis-wrong-answer" in text
        assert "silently wrong" in text


def test_own_subjects_have_a_row_each(page: str) -> None:
    own = page[page.index('id="own"') :]
    own = own[: own.index("</section>")]
    assert "conforms" in own
    assert "cannot be made" in own
    assert own.index('id="own"') < own.index("broken")


def test_failures_come_before_what_passes(tmp_path: Path) -> None:
    text = of_run(tmp_path)
    places = [text.index(f'<section id="{name}"') for name in ("faults", "matrix", "cost", "items")]
    assert places == sorted(places)


def detail_of(tmp_path: Path, expected: Any, got: Any) -> Any:
    detail = violation("square", "differs in value", expected, got)
    log = EventLog(None)
    names = {"law": "mapping.concatenates", "transform": "jax.vmap", "subject": "square"}
    spent = {"examples": 1, "seconds": 1.0, "compilations": 0}
    log.write("result", **names, **spent, outcome="violated", detail=detail)
    (record,) = to_records(log.events)
    return record.detail


def test_a_large_array_is_drawn_where_it_is_worst(tmp_path: Path) -> None:
    right = np.zeros((3, 400), np.float32)
    wrong = right.copy()
    wrong[2, 350] = 9
    drawn = pictures(detail_of(tmp_path, right, wrong))
    assert drawn.note == "The 3 by 16 values around the worst place, of 3 by 400."
    assert [square.shade for square in drawn.maps[2].squares].count("d3") == 1
    assert drawn.maps[2].words.startswith("1 of 48 values differ, in rows 2.")


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        (np.float32(1), np.float32("nan")),
        (np.array([1, np.inf, 3]), np.array([1, 2, np.nan])),
        (np.array([True, False, True]), np.array([True, True, True])),
        (np.array([1 + 2j, 3, 4]), np.array([1 + 2j, 3, -9j])),
        (np.array([1, 2, 3]), np.array([1, 2, 4])),
    ],
)
def test_scalars_infinities_booleans_and_complex_numbers_are_drawn(
    tmp_path: Path, expected: Any, got: Any
) -> None:
    drawn = pictures(detail_of(tmp_path, np.asarray(expected), np.asarray(got)))
    assert len(drawn.maps) == 3
    assert any(square.shade.startswith("d") for square in drawn.maps[2].squares)


def test_words_are_not_drawn(tmp_path: Path) -> None:
    drawn = pictures(detail_of(tmp_path, "ValueError", "accepted"))
    assert (drawn.maps, drawn.shapes) == ((), ())


def test_an_upgrade_says_which_release_began_and_ended_known_defects(tmp_path: Path) -> None:
    old, new = write(tmp_path / "old.jsonl", "0.7.2"), write(tmp_path / "new.jsonl", "0.10.2")
    text = comparison_page.render(gather([*old, *new]))
    found = timeline(old[0], new[0])
    assert [release.version for release in found] == sorted(
        (release.version for release in found), key=Version
    )
    begun = {c.defect.id: (r.version, c.begins) for r in found for c in r.changes}
    assert begun["pmap-negative-axis-wrong-answer"] == ("0.8.0", True)
    assert begun["pmap-in-jit-zeros"] == ("0.8.0", False)
    assert "vmap-ref-write-transposed" in begun
    assert "vmap-dce-sink" in text[text.index('class="timeline"') :]
    assert timeline(old[0], old[0]) == []
