"""The JSON document: as its schema says, and the schema as the classes say."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from conformance.events.reader import read
from conformance.reporting import document
from conformance.reporting.summary import summarise
from tests.conformance.reporting.test_views import EQUALS, RESULTS


def in_any_order(schema: Any) -> Any:
    """The schema with its alternatives sorted: releases of msgspec order them differently."""
    if isinstance(schema, dict):
        plain = {key: in_any_order(value) for key, value in schema.items()}
        if "anyOf" in plain:
            plain["anyOf"] = sorted(plain["anyOf"], key=json.dumps)
        return plain
    return [in_any_order(each) for each in schema] if isinstance(schema, list) else schema


def test_the_schema_is_what_the_classes_say() -> None:
    kept = json.loads(document.PATH.read_text())
    assert in_any_order(kept) == in_any_order(document.schema()), (
        "run python -m conformance.reporting.document"
    )


@pytest.fixture
def run(written: Callable[..., Path]) -> Any:
    known = {
        **RESULTS[-1],
        "outcome": "known-defect",
        "defect": "pmap-negative-axis-wrong-answer",
        "detail": {"defect": "pmap-negative-axis-wrong-answer"},
    }
    summary = summarise(read(written(*RESULTS, known)))
    scripts = {f"{EQUALS} | flax.linen.vmap | square": "violations/square.py"}
    found = document.run("jax 0.10.2", summary, scripts=scripts)
    text = document.text(document.Document(status=1, runs=[found]))
    made = json.loads(text)
    jsonschema.Draft202012Validator(document.schema()).validate(made)
    return made["runs"][0]


def test_it_has_every_outcome_and_the_faults(run: Any) -> None:
    assert sum(run["counts"].values()) == len(RESULTS) + 1
    assert sum(sum(cell["counts"].values()) for cell in run["cells"]) == len(RESULTS) + 1
    assert [fault["subject"] for fault in run["faults"]] == ["square", "linear", "matmul"]
    first = run["faults"][0]
    assert first["replay"] == "violations/square.json"
    assert first["call"]["sizes"] == {"batch": 3, "m": 2}
    assert first["laws"] == [EQUALS]
    assert run["complete"] is True
    assert run["missing_shards"] == []


def test_a_known_defect_has_its_effect(run: Any) -> None:
    assert run["known_defects"] == [
        {"id": "pmap-negative-axis-wrong-answer", "effect": "silently wrong"}
    ]
    assert run["fixed_defects"] == ["pmap-negative-axis"]
