"""Any name of a user's subject reaches the log, the files beside it and the views as it is."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conformance.events.details import Casualty
from conformance.events.reader import read
from conformance.events.records import Result, Started

NAMES = (
    "größe",
    "a|b",
    "a/b",
    "a b",
    "A b",
    "x" * 300,
    "x" * 301,
    "new\nline",
    "-dash",
    "..",
    "\U0001f600",
    "[0]::test_law[1]",
    "nul\0",
)
LAW = "mapping.equals-per-example"

MODULE = """
import os, sys
import jax.numpy as jnp
from conformance import own

def sine(x):
    return jnp.sin(x)

def leaves(x):
    if "PYTEST_CURRENT_TEST" in os.environ:
        sys.exit(0)
    return x

def vanishes(x):
    if "PYTEST_CURRENT_TEST" in os.environ:
        os._exit(0)
    return x

SUBJECTS = [own.function(name, {function}, inputs=[(3,)]) for name in {names!r}]
"""

BROKEN = """
from conformance.transforms import TRANSFORMS
from properties.mutants import MUTANTS

TRANSFORMS["jax.vmap"] = MUTANTS["batch-reversed"].mutate(TRANSFORMS["jax.vmap"])
"""


@pytest.fixture
def run_mine(ran: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    """Run the law on subjects of these names; the exit status and output, and the log's records."""

    def run(function: str, names: tuple[str, ...], workers: int, **environment: str) -> Any:
        # A name of its own: the generic ones may be taken.
        module = MODULE.replace("{function}", function).replace("{names!r}", repr(names))
        (tmp_path / "subjects_of_this_test.py").write_text(module, encoding="utf-8")
        log = tmp_path / "run.jsonl"
        chosen = ["run", "--law", LAW, "--transform", "jax.vmap", "-n", workers, "--log", log]
        for name in names:
            chosen += ["--subject", "".join(f"[{c}]" if c in "[]*?" else c for c in name)]
        chosen = [text.replace("\0", "?") if isinstance(text, str) else text for text in chosen]
        got = ran(*chosen, "--subjects", "subjects_of_this_test", **environment)
        return got, read(log)

    return run


def test_violations_of_any_name_are_logged_and_saved(
    run_mine: Callable[..., Any], breaking: Callable[[str], dict[str, str]], tmp_path: Path
) -> None:
    environment = breaking(BROKEN)
    environment["PYTHONPATH"] += f":{tmp_path}"
    got, records = run_mine("sine", NAMES, 1, **environment)
    assert got.status == 1, got.err
    assert "Traceback" not in got.err
    results = {r.subject: r for r in records if isinstance(r, Result)}
    assert set(results) == {r.subject for r in records if isinstance(r, Started)} == set(NAMES)
    assert {r.outcome for r in results.values()} == {"violated"}
    assert not any(isinstance(r.defect, str) for r in results.values())
    files = sorted((tmp_path / "run-violations").iterdir())
    assert len(files) == 2 * len(NAMES)
    stored = [json.loads(file.read_text()) for file in files if file.suffix == ".json"]
    assert {case["call"]["subject_name"] for case in stored} == set(NAMES)
    for file in files:
        assert len(file.name) < 200
        assert file.name.isascii()
        assert not file.name.startswith(("-", "."))


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize(
    ("function", "words"),
    [("leaves", "sys.exit(0) was called"), ("vanishes", "os._exit(0) was called")],
)
def test_a_subject_that_ends_its_process_fails_by_its_name(
    run_mine: Callable[..., Any], function: str, words: str, workers: int
) -> None:
    got, records = run_mine(function, ("größe|/1", "größe|/2"), workers)
    assert got.status == 1, got
    results = {r.subject: r for r in records if isinstance(r, Result)}
    assert set(results) == {"größe|/1", "größe|/2"}
    for result in results.values():
        assert result.outcome == "crashed"
        assert isinstance(result.detail, Casualty)
        if (function, workers) == ("vanishes", 1):
            words = "the process that ran it died"
        assert words in result.detail.reason
