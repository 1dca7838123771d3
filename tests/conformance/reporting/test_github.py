"""Annotations of GitHub Actions: one per cause, escaped, no more than GitHub shows."""

from pathlib import Path

import msgspec
import pytest

from conformance.reporting.faults import group_by_cause
from conformance.reporting.github import SHOWN, Annotation, commands, of_faults
from tests.conformance.reporting.test_faults import RIGHT, values


def test_a_fault_is_one_error_however_many_laws_show_it() -> None:
    moved = RIGHT[[1, 2, 0]]
    faults = group_by_cause(
        [values(moved), msgspec.structs.replace(values(moved), transform="jax.pmap")]
    )
    (only,) = commands(of_faults(faults))
    assert only.startswith("::error title=vmap-conformance%3A square::examples moved")
    assert only.endswith("(1 law; jax.vmap, jax.pmap)")


@pytest.mark.parametrize(
    ("cause", "place"),
    [
        ("its own rule, _ (mine.py, line 7): it must", "file=ci/mine.py,line=7,"),
        ("TypeError is raised in mine.py, rule (line 41), by jax", "file=ci/mine.py,line=41,"),
        ("its own rule, _ (gone.py, line 7): it must", ""),
        ("out_axes is ignored", ""),
    ],
)
def test_a_place_in_the_users_code_is_given(
    cause: str, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ci").mkdir()
    (tmp_path / "ci" / "mine.py").write_text("")
    monkeypatch.chdir(tmp_path / "ci")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    wrong = values(RIGHT[[1, 2, 0]])
    detail = msgspec.structs.replace(wrong.detail, cause=cause)
    faults = group_by_cause([msgspec.structs.replace(wrong, detail=detail)])
    (only,) = commands(of_faults(faults))
    assert only.startswith(f"::error {place}title=")


def test_a_run_that_holds_has_none() -> None:
    assert commands(of_faults(group_by_cause([]))) == []


def test_what_acts_in_a_command_is_escaped() -> None:
    hostile = Annotation("a, b: c\n::error::x", "100 %\n\x1b[31m::error::y", "d,e.py", 3)
    (only,) = commands([hostile])
    place, title, message = "file=d%2Ce.py,line=3", "a%2C b%3A c%0A%3A%3Aerror%3A%3Ax", "100 %25%0A"
    assert (
        only == f"::error {place},title=vmap-conformance%3A {title}::{message}\\x1b[31m::error::y"
    )


def test_the_last_says_how_many_more_there_are() -> None:
    given = [Annotation(str(number), "wrong") for number in range(SHOWN + 5)]
    made = commands(given)
    assert len(made) == SHOWN
    assert made[-1].endswith("::6 more, in the log of this step")
    assert len(commands(given[:SHOWN])) == SHOWN
    assert "more" not in commands(given[:SHOWN])[-1]
