"""Of several files of one student, each exercise counts where it is best."""

from __future__ import annotations

from typing import Any

from conformance.events.completeness import status
from conformance.events.counted import counted
from conformance.events.records import Footer, Verdict


def verdict(file: str, exercise: str | None, outcome: str, **more: Any) -> Verdict:
    given = {"law": None, "diagnosis": None, "counterexample": None, "seconds": 0.1, **more}
    if "/" in file:
        given["student"] = file.partition("/")[0]
    return Verdict(cell="c", candidate=file, exercise=exercise, verdict=outcome, **given)


def kept(*verdicts: Verdict) -> list[tuple[str, str | None]]:
    return [(each.candidate, each.exercise) for each in counted(verdicts)]


def test_what_conforms_counts_else_what_is_right_most_often() -> None:
    few = {"right_calls": 1, "drawn_calls": 9}
    found = kept(
        verdict("a/old.py", "update", "violates"),
        verdict("a/new.py", "update", "conforms"),
        verdict("a/new.py", "loss_fn", "violates", **few),
        verdict("a/old.py", "loss_fn", "violates", **{**few, "right_calls": 5}),
        verdict("b/new.py", "update", "violates"),
    )
    assert found == [("a/new.py", "update"), ("a/old.py", "loss_fn"), ("b/new.py", "update")]


def test_a_file_without_functions_counts_only_where_no_file_has_one() -> None:
    helper = verdict("a/helpers.py", None, "missing", words="the file defines none of: a, b, c")
    near = verdict("a/hw.py", None, "missing", words="there is no function a")
    assert kept(helper, verdict("a/hw.py", "update", "conforms")) == [("a/hw.py", "update")]
    assert kept(helper, near) == [("a/hw.py", None)]
    assert kept(verdict("a.py", None, "missing"), verdict("b.py", "update", "conforms")) == [
        ("a.py", None),
        ("b.py", "update"),
    ]


def test_a_file_that_cannot_be_judged_counts() -> None:
    broken = verdict("a/hw.py", None, "error")
    right = verdict("a/other.py", "update", "conforms")
    assert kept(broken, right) == [("a/hw.py", None), ("a/other.py", "update")]


def test_the_exit_status_is_that_of_what_counts() -> None:
    end = Footer(cell="c", counts={}, seconds=0.1)
    old, new = verdict("a/old.py", "update", "violates"), verdict("a/new.py", "update", "conforms")
    assert status([old, new, end]) == 0
    assert status([old, end]) == 1
    assert status([verdict("b.py", "update", "violates"), new, end]) == 1
