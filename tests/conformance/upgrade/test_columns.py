"""Logs side by side."""

from typing import Any

import msgspec

from conformance.events.records import Record
from conformance.upgrade.columns import gather

VERSIONS = ("jaxlib", "numpy", "chex", "hypothesis")


def cell(name: str, asked: str, *, results: int = 1, **versions: str) -> list[Record]:
    there = {"jax": "0.10.2", "flax": "0.12.8", "python": "3.11.7", **dict.fromkeys(VERSIONS)}
    header = {
        "type": "header",
        "schema": 1,
        "suite": "0",
        "profile": "quick",
        "seed": 0,
        "shard": [1, 1],
        "command": [],
        "asked": asked,
        "environment": {**there, **versions},
    }
    result = {
        "type": "result",
        "law": "mapping.axis-size",
        "transform": "jax.vmap",
        "subject": "square",
        "outcome": "holds",
        "seconds": 1.0,
        "detail": None,
        "examples": 1,
        "compilations": 0,
    }
    footer = {"type": "footer", "seconds": 1.0, "counts": {"holds": 1}}
    events: list[dict[str, Any]] = [header, *[result] * results, footer]
    return [msgspec.convert({"cell": name, **event}, Record) for event in events]


def test_environments_of_equal_versions_are_told_apart_by_what_was_asked_for() -> None:
    events = [*cell("a", "installed"), *cell("b", "2026-11-01"), *cell("c", "jax", jax="0.9.0")]
    labels = [column.label for column in gather(events).columns]
    same = "jax 0.10.2, flax 0.12.8, Python 3.11.7"
    assert labels == [
        f"{same} (installed)",
        f"{same} (2026-11-01)",
        "jax 0.9.0, flax 0.12.8, Python 3.11.7",
    ]


def test_a_cell_without_results_that_ran_to_its_end_is_compared() -> None:
    whole = [*cell("a", "installed"), *cell("b", "jax", results=0, jax="0.9.0")]
    assert [found is None for found in gather(whole).differences] == [False]
    cut_off = whole[:-1]
    assert [found is None for found in gather(cut_off).differences] == [True]
