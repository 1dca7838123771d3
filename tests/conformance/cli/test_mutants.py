"""`vmap-conformance mutants`: the tables it writes, and the exit status where a control fails."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conformance.mutation import kill_matrix
from conformance.mutation.kill_matrix import mutate_transform

Run = Callable[..., Any]

ON_THE_WAY = """
import conformance.transforms as t
from properties.mutants import MUTANTS
t.TRANSFORMS["jax.vmap"] = MUTANTS["batch-reversed"].mutate(t.TRANSFORMS["jax.vmap"])
"""


def test_the_rules_that_are_named_are_broken(ran: Run, tmp_path: Path) -> None:
    table = tmp_path / "table.md"
    rules = ("--rules", "neg", "--rules", "asin")
    found = ran("mutants", *rules, "-n", "1", "--markdown", table)
    assert (found.status, found.out.split(" pairs")[0]) == (0, "8 of 8"), found.err
    assert "| asin | - | lax.asin |" in table.read_text()


def test_a_control_that_fails_is_exit_status_1(
    ran: Run, breaking: Callable[[str], dict[str, str]]
) -> None:
    found = ran("mutants", "--rules", "neg", "-n", "1", **breaking(ON_THE_WAY))
    assert found.status == 1, found.err
    assert "the batching rule neg, which is not broken, fails on lax.neg" in found.err
    assert "| neg | lax.neg |" in found.out


def test_one_pair_of_law_and_transform(
    main: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pair = ("sharing.metadata", "flax.nnx.vmap")
    monkeypatch.setattr(kill_matrix, "pairs", lambda shard: [pair] if shard == (2, 2) else [])
    monkeypatch.setattr(
        "conformance.mutation.processes.run_in_processes",
        lambda function, tasks, workers: [each for t in tasks.values() for each in function(*t)],
    )
    assert mutate_transform is kill_matrix.mutate_transform
    table = tmp_path / "matrix.md"
    found = main("mutants", "--shard", "2/2", "--markdown", table)
    assert found.status == 0, found.err
    assert re.search(r"^\d+ of \d+ triples .* every control passes\.$", found.out, re.MULTILINE)
    assert "| none | - |" in table.read_text()


def test_a_rule_that_is_not_there_is_a_usage_error(main: Run) -> None:
    found = main("mutants", "--rules", "nosuch")
    assert found.status == 2
    assert found.err == "Error: no batching rule that is reached matches nosuch\n"


def test_a_seed_without_a_sample_is_a_usage_error(main: Run) -> None:
    found = main("mutants", "--source", "nosuch", "--seed", "1")
    assert found.status == 2
    assert "give --sample with their number" in found.err
    found = main("mutants", "--source", "nosuch", "--sample", "3", "--seed", "1")
    assert found.err == "Error: no function that maps matches nosuch\n"
