"""Pages, JUnit and Gradescope results of verdicts: complete, self-contained, and escaped."""

from __future__ import annotations

import io
import json
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conformance.events.records import Counterexample, Verdict
from conformance.reporting.verdicts import gradescope, html, junit, table
from conformance.reporting.verdicts import text as words
from conformance.reporting.verdicts.marking import ExerciseMarking, Marking
from conformance.reporting.verdicts.marks import mark

EVIL = (
    "</pre></script><script>alert(1)</script><img src=x onerror=alert(1)>"
    "\"'&\x1b[2J\u202e\n\x00\udc80{{ 7*7 }}"
)
MARKING = Marking(
    exercises={"update": ExerciseMarking(points=4), "extra": ExerciseMarking(required=False)}
)


def verdict(candidate: str, exercise: str | None, outcome: str, **more: Any) -> Verdict:
    fields: dict[str, Any] = {"law": None, "diagnosis": None, "counterexample": None, **more}
    return Verdict(
        cell="c", candidate=candidate, exercise=exercise, verdict=outcome, seconds=0.1, **fields
    )


def full(text: str, candidate: str = "a.py") -> Verdict:
    return verdict(
        candidate,
        "update",
        "violates",
        diagnosis=text,
        words=text,
        advice=[text, text],
        error={"type": text, "message": text, "frames": [["3", text, text]]},
        printed=text,
        printed_bytes=9,
        remarks=[text],
        task=text,
        lift=text,
        reading=["https://example.org/read", f"javascript:{text}"],
        counterexample=Counterexample(
            arguments={"x": np.ones(2, np.float32), text: (0, 1)}, expected=1.5, got=text
        ),
    )


class Tags(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


@pytest.mark.parametrize("text", ["some plain text", EVIL])
def test_pages_are_self_contained_and_nothing_in_them_acts(text: str, tmp_path: Path) -> None:
    hostile = full(text, f"../../{text}/x.py")
    marked = mark([hostile, full(text), verdict("b.py", None, "error", words=text)], MARKING)
    html.write_pages(tmp_path / "out", marked, None, (text,))
    students = sorted((tmp_path / "out" / "students").iterdir())
    assert len(students) == 3
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out"]
    for path in [tmp_path / "out" / "index.html", *students]:
        page = path.read_text(encoding="utf-8")
        tags = Tags(page).tags
        assert "script" not in {tag for tag, _ in tags}
        assert "img" not in {tag for tag, _ in tags}
        assert "default-src 'none'" in page
        assert "\x1b" not in page
        assert "\u202e" not in page
        assert not [n for _, found in tags for n in found if n.startswith("on") or n == "src"]
        links = [found["href"] or "" for tag, found in tags if tag == "a"]
        assert links
        assert all(re.match(r"https://|#|students/[\w-]+\.html$", link) for link in links)
        assert not [tag for tag, _ in tags if tag == "link"]


def test_the_class_page_leads_to_every_student_and_says_the_points(tmp_path: Path) -> None:
    said = [verdict("a/hw.py", "update", "conforms"), full("why", "b/hw.py")]
    html.write_pages(tmp_path, mark(said, MARKING), None)
    index = (tmp_path / "index.html").read_text()
    pages = [found["href"] or "" for tag, found in Tags(index).tags if tag == "a"]
    for page in pages[1:]:
        assert (tmp_path / page).is_file()
    assert len(pages) == 3
    assert "4 of 4" in index
    assert "0 of 4" in index
    assert "prefers-color-scheme: dark" in index
    student = (tmp_path / pages[2]).read_text()
    assert "b/hw.py" in student
    assert "a/hw.py" not in student
    order = ["The task", "counterexample", "What happened", "What to change", "Read on"]
    places = [student.index(words) for words in order]
    assert places == sorted(places)


def test_a_page_keeps_its_name_and_goes_with_its_file(tmp_path: Path) -> None:
    ann, bob, cat = (
        verdict(f"{name}/hw.py", "update", "conforms") for name in ("ann", "bob", "cat")
    )
    students = tmp_path / "students"
    html.write_pages(tmp_path, mark([ann, bob, cat], MARKING), None)
    before = {path.name for path in students.iterdir()}
    (students / "notes.html").write_text("<p>a teacher's own</p>")
    again = mark([cat, bob], MARKING)
    html.write_pages(tmp_path, again, None, judged=["bob", "cat"])
    assert len(list(students.iterdir())) == 4  # the control: ann was not judged
    html.write_pages(tmp_path, again, None, judged=["."])
    after = {path.name for path in students.iterdir()} - {"notes.html"}
    html.write_pages(tmp_path, mark([ann], MARKING), None, judged=["."], present=["bob/hw.py"])
    assert {path.name[:3] for path in students.iterdir()} == {"ann", "bob", "not"}
    html.write_pages(tmp_path, again, None, judged=["."])
    assert len(before) == 3
    assert after < before
    assert {name[:3] for name in after} == {"bob", "cat"}
    assert (students / "notes.html").exists()


@pytest.mark.parametrize(
    ("judged", "others"),
    [
        (["in/ann"], ["in/anna/hw.py", 'in/b "<&>/hw.py', "old.html"]),
        (["in"], ["old.html"]),
        (["./in/"], ["old.html"]),
        (["in/anna/hw.py", "other"], ["in/ann/hw.py", 'in/b "<&>/hw.py', "old.html"]),
    ],
)
def test_pages_of_others_are_known(judged: list[str], others: list[str], tmp_path: Path) -> None:
    names = ("in/ann/hw.py", "in/anna/hw.py", 'in/b "<&>/hw.py')
    said = [verdict(name, "update", "conforms") for name in names]
    html.write_pages(tmp_path, mark(said, MARKING), None)
    (tmp_path / "students" / "notes.html").write_text("<p>a teacher's own</p>")
    (tmp_path / "students" / "old.html").write_text(html.MARKER)  # it does not say whose it is
    assert html.pages_of_others(tmp_path, judged) == others


def test_two_paths_have_two_pages(tmp_path: Path) -> None:
    said = [verdict(name, "update", "conforms") for name in ("a-b/c.py", "a/b-c.py", "A/b-c.py")]
    html.write_pages(tmp_path, mark(said, MARKING), None)
    names = [path.name.lower() for path in (tmp_path / "students").iterdir()]
    assert len(set(names)) == 3


def test_the_class_page_names_causes_and_no_seed(tmp_path: Path) -> None:
    index = html.class_page(mark([full("use `relu` <b>")], MARKING), ["a.html"], None)
    assert "most frequent causes" in index
    assert "use <code>relu</code> &lt;b&gt; (1)" in index
    assert "seed" not in index


def test_the_lines_in_which_jax_names_the_sizes_are_shown() -> None:
    sizes = "\n  * one axis had size 4: axis 0 of argument x\n  * one axis had size 2: axis 0 of b"
    message = f"vmap got inconsistent sizes for array axes to be mapped:{sizes}"
    assert words.shortened(message).endswith("* one axis had size 2: axis 0 of b")
    assert words.shortened("\n".join("abcdefgh")) == "a b c d e ..."
    assert words.message("\n".join("abcdefgh")) == ["a", "b", "c", "d", "e ..."]
    forged = words.lines(
        verdict("a.py", "update", "error", words="first\nb.py: update  conforms\n")
    )
    assert forged[1:3] == ["  first", "    | b.py: update  conforms"]


@pytest.mark.parametrize("text", ["some plain text", EVIL])
def test_junit_has_a_suite_for_each_file(text: str) -> None:
    said = [
        full(text),
        verdict("a.py", "extra", "conforms"),
        verdict("b.py", None, "timeout", words=text),
    ]
    root = ET.fromstring(junit.render(said).encode())
    counts = [(suite.get("tests"), suite.get("failures"), suite.get("errors")) for suite in root]
    assert counts == [("2", "1", "0"), ("1", "0", "1")]
    (failure,) = root[0][0]
    assert failure.tag == "failure"
    assert "counterexample" in (failure.text or "")
    assert not list(root[0][1])


@pytest.mark.parametrize("text", ["some plain text", EVIL])
def test_gradescope_gets_what_its_format_asks_for(text: str) -> None:
    said = [full(text), verdict("b.py", "update", "conforms"), verdict("b.py", "extra", "conforms")]
    results = json.loads(gradescope.render(mark(said, MARKING)))
    assert results["visibility"] == "visible"
    assert isinstance(results["output"], str)
    assert [(t["name"], t["score"], t["max_score"], t["status"]) for t in results["tests"]] == [
        ("update", 4.0, 4.0, "passed"),
        ("extra", 1.0, 0.0, "passed"),
    ]
    alone = json.loads(gradescope.render(mark([full(text)], MARKING)))
    failed, absent = alone["tests"]
    assert (failed["score"], failed["status"]) == (0.0, "failed")
    assert "counterexample" in failed["output"]
    assert absent["output"] == "There is no function extra."


def test_a_students_page_says_what_verdicts_and_points_mean() -> None:
    exercises = {"update": ExerciseMarking(points=4)}
    wrong, right = full("why"), verdict("b.py", "update", "conforms")
    partly = Marking(exercises=exercises, partial="calls", at_most=0.5)
    marked = mark([wrong, right], partly)
    page = html.student_page(marked, marked.rows[0])
    assert "violates: an answer is wrong, or against the task." in page
    assert "the share of the calls that it answered rightly" in page
    assert "at most 50% of them, rounded down to a multiple of 0.25 points" in page
    assert "0 of 1 exercises are right" in page
    page = html.student_page(marked, marked.rows[1])
    assert "against the task" not in page
    marked = mark([wrong], Marking(exercises=exercises))
    page = html.student_page(marked, marked.rows[0])
    assert "where every answer is right, and else none" in page
    assert "share of" not in page


@pytest.mark.parametrize(
    ("outcome", "advice", "told"),
    [("violates", None, True), ("violates", ["why"], False), ("error", None, False)],
)
def test_a_students_page_says_where_nothing_explains_an_answer(
    outcome: str, advice: list[str] | None, told: bool
) -> None:
    said = verdict("a.py", "update", outcome, **({"advice": advice} if advice else {}))
    marked = mark([said], MARKING)
    assert (words.UNKNOWN in html.student_page(marked, marked.rows[0])) is told


def test_what_is_extra_is_not_lacking() -> None:
    said = [verdict("a.py", "update", "conforms"), verdict("a.py", "extra", "violates")]
    marked = mark(said, MARKING)
    (_, line, _) = table.lines(marked)
    assert "4 of 4 points  1 of 1 right, 0 of 1 extra  (" in line
    page = html.student_page(marked, marked.rows[0])
    assert "1 of 1 exercises are right, 0 of 1 extra: 4 of 4 points." in page
    assert 'class="verdict good"' in page
    equal = mark([*said, verdict("b.py", "update", "conforms")])  # the control: both are required
    assert list(table.lines(equal))[1:] == ["  a.py  1 of 2 right", "  b.py  1 of 2 right"]
    assert 'class="verdict bad"' in html.student_page(equal, equal.rows[0])


def test_the_files_of_one_student_make_one_page_and_one_row(tmp_path: Path) -> None:
    said = [
        verdict("ada/new.py", "update", "conforms", student="ada"),
        verdict("ada/old.py", "update", "violates", student="ada"),
        verdict("ada/helpers.py", None, "missing", student="ada"),
        verdict("ben/hw.py", "update", "violates", student="ben"),
    ]
    marked = mark(said)
    assert [row.student for row in marked.rows] == ["ada", "ben"]
    page = html.student_page(marked, marked.rows[0])
    assert "<code>new.py</code>" in page
    assert "old.py" not in page
    assert junit.render(said).count("<testsuite ") == 2
    assert list(table.lines(marked)) == ["marks", "  ada  1 of 1 right", "  ben  0 of 1 right"]
    assert list(table.lines(mark(said[:3]))) == []


def test_who_handed_in_nothing_that_is_judged_counts_in_every_view() -> None:
    said = [
        verdict("in/ada/hw.py", "update", "conforms", student="in/ada"),
        verdict("in/ben/hw.py", "update", "violates", student="in/ben"),
    ]
    skipped = ["in/cy/hw.pdf (no .py or .ipynb)", "in/dan/ (empty)", "in/ada/notes.txt (no .py)"]
    marked = mark(said, MARKING)
    *_, cy, dan, mean = table.lines(marked, skipped)
    assert " ".join(cy.split()) == "in/cy 0 of 4 points not judged: hw.pdf (no .py or .ipynb)"
    assert " ".join(dan.split()) == "in/dan 0 of 4 points not judged: (empty)"
    assert mean.split() == ["mean", "1", "of", "4"]  # of four students
    written = io.StringIO()
    table.write_csv(written, marked, skipped)
    assert len(written.getvalue().splitlines()) == 1 + 4
    page = html.class_page(marked, ["ada.html", "ben.html"], None, skipped)
    assert "4 students" in page
    assert "in/cy</th>" in page
    # The control: what lies beside a solution makes no student.
    assert len(list(table.lines(marked, skipped[2:]))) == 1 + 2 + 1
    assert "2 students" in html.class_page(marked, ["ada.html", "ben.html"], None, skipped[2:])


def test_what_nobody_handed_in_is_named_last_and_the_rest_counted() -> None:
    left = [f"in/{n:02}/.git (left by a tool)" for n in range(12)]
    lines = words.not_judged([*left, "in/zoe/hw.pdf (no .py or .ipynb)"])
    assert lines[:2] == ["not judged: 13 entries", "  in/zoe/hw.pdf (no .py or .ipynb)"]
    assert lines[-1] == "  ... and 3 more"


def test_the_place_of_packages_on_the_judges_machine_is_not_told() -> None:
    place = (
        "/srv/judge/.venv/lib/python3.11/site-packages/jax/_src/a.py:3: RuntimeWarning: overflow"
    )
    found = verdict("a.py", "update", "violates", printed=f"{place}\n/home/me/hw.py:2: here\n")
    assert words.printed(found) == [
        "jax/_src/a.py:3: RuntimeWarning: overflow",
        "/home/me/hw.py:2: here",
    ]
