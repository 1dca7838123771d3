"""`run` in a process of its own: where it stops, what it prints where, and completion."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conformance.events.completeness import incomplete
from conformance.events.reader import read
from conformance.events.records import Result

CHOSEN = ("--law", "mapping.*", "--transform", "jax.vmap", "--subject", "square", "-n", 0)
REVERSED = (
    "from conformance.transforms import TRANSFORMS\n"
    "from properties.mutants import MUTANTS\n"
    'TRANSFORMS["jax.vmap"] = MUTANTS["batch-reversed"].mutate(TRANSFORMS["jax.vmap"])\n'
)


@pytest.mark.parametrize(("flags", "most"), [(["-x"], 1), (["--max-failures", 2], 2)])
def test_a_run_stops_at_the_failures_it_may_have(
    ran: Callable[..., Any],
    breaking: Callable[[str], dict[str, str]],
    tmp_path: Path,
    flags: list[Any],
    most: int,
) -> None:
    log = tmp_path / "log.jsonl"
    got = ran("run", *CHOSEN, *flags, "--log", log, **breaking(REVERSED))
    assert got.status == 1
    records = read(log)
    failures = [r for r in records if isinstance(r, Result) and r.outcome == "violated"]
    assert len(failures) == most
    assert len(incomplete(records)) == 1
    assert "This log is incomplete" in got.out
    assert "✗ 1 fault: " in got.out
    assert "square: examples in reverse order" in got.out


def test_json_is_alone_on_stdout_and_one_broken_transform_is_one_fault(
    ran: Callable[..., Any], breaking: Callable[[str], dict[str, str]], tmp_path: Path
) -> None:
    log = tmp_path / "log.jsonl"
    got = ran("run", *CHOSEN, "--format", "json", "--log", log, **breaking(REVERSED))
    found = json.loads(got.out)
    assert (got.status, found["status"], found["log"]) == (1, 1, str(log))
    (fault,) = found["runs"][0]["faults"]
    assert fault["subject"] == "square"
    assert len(fault["laws"]) > 1
    assert Path(fault["replay"]).exists()
    assert "violated: mapping.equals-per-example, jax.vmap of square" in got.err


def test_names_are_completed(ran: Callable[..., Any]) -> None:
    words = {"COMP_WORDS": "vmap-conformance run --law mapping.eq", "COMP_CWORD": "3"}
    got = ran(_VMAP_CONFORMANCE_COMPLETE="bash_complete", **words)
    assert (got.status, got.out) == (0, "plain,mapping.equals-per-example\n")
