"""The schema in the package describes what is written, and refuses what is not."""

import copy
import json
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import attrs
import jsonschema
import msgspec
import numpy as np
import pytest

from conformance import events
from conformance.events import schema
from conformance.events.reader import read
from conformance.judge.feedback import data
from conformance.judge.verdict import Counterexample, Diagnosis, Verdict
from tests.conformance.logs import EventLog

SCHEMA = json.loads((resources.files(events) / "schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
NAMES = {"law": "axes.in-axes-permute", "transform": "jax.vmap", "subject": "sort"}

VERDICT = Verdict(
    candidate="solution.py",
    exercise="nn_vmap_forward",
    verdict="violates",
    message="wrong",
    law="sharing.no-batch-axis",
    observed=True,
    diagnosis=Diagnosis("ensemble-params", "each got its own", "share them"),
    counterexample=Counterexample(
        {"x": np.ones((2, 3), np.float32), "features": 3},
        expected={"y": np.ones(2, np.float32)},
        got=None,
        difference="values",
        ulps=float("inf"),
    ),
    error={"frames": [[3, "f", "x"]], "type": "ValueError"},
    printed="hello",
    printed_bytes=5,
    remarks=("one",),
    further_reading=("two",),
    calls=3,
    shapes=2,
    isolation="process",
    lacks=("memory",),
    seconds=0.5,
)


def assert_valid(events: list[Any]) -> None:
    assert events
    for event in map(msgspec.to_builtins, events):
        VALIDATOR.validate(json.loads(json.dumps(event)))
        named = SCHEMA["$defs"][event["type"].capitalize()]["properties"]
        assert set(event) <= set(named), "a field that the schema does not name"


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_the_schema_is_that_of_the_records() -> None:
    assert schema.PATH.read_text(encoding="utf-8") == schema.text(), (
        "run `python -m conformance.events.schema`"
    )


def test_a_log_of_every_outcome_is_valid(written: Callable[..., Path]) -> None:
    died = {"reason": "the process that ran it died", "output": ""}
    details = {
        "holds": None,
        "known-defect": {"defect": "d"},
        "fixed-defect": {"defect": "d"},
        "not-applicable": {"reason": "no pmap", "source": "suite"},
        "not-sampled": {"reason": "the seed", "source": "suite"},
        "crashed": died,
        "timed-out": died,
    }
    results = [{**NAMES, "outcome": o, "detail": detail} for o, detail in details.items()]
    assert_valid(read(written(*results)))


@pytest.mark.parametrize(
    ("mutant", "subject", "law", "transform"),
    [
        ("batch-reversed", "square", "mapping.equals-per-example", "jax.vmap"),
        ("batch-reversed", "tanh-mlp", "mapping.equals-per-example", "jax.vmap"),
        ("in-axes-off-by-one", "matrix-add", "axes.in-axes-permute", "jax.vmap"),
        (
            "ensemble-where-sharing-was-asked",
            "dense",
            "sharing.no-batch-axis",
            "flax.linen.vmap",
        ),
    ],
)
def test_what_the_runner_writes_of_a_violation_is_valid(
    violation: Callable[..., Any], mutant: str, subject: str, law: str, transform: str
) -> None:
    event = msgspec.to_builtins(violation(mutant, subject, law, transform))
    assert_valid([event])
    assert set(event["detail"]) == set(SCHEMA["$defs"]["Violation"]["properties"])
    assert set(event["detail"]["call"]) <= set(SCHEMA["$defs"]["Call"]["properties"])


@pytest.mark.parametrize(
    "verdict",
    [VERDICT, Verdict("s.py", None, "missing"), attrs.evolve(VERDICT, verdict="conforms")],
    ids=lambda verdict: verdict.verdict,
)
def test_what_the_judge_writes_is_valid(verdict: Verdict) -> None:
    log = EventLog(None)
    log.write("verdict", **data(verdict))
    log.finish()
    assert_valid(log.events)


def test_what_design_promises_for_later_is_valid() -> None:
    rules = {"registered": 226, "exempt": {"name": "why"}, "exercised": ["add"], "missing": []}
    log = EventLog(None)
    log.write("observation", key="linen/dense/init/kernel", value=np.ones(3))
    log.write("coverage", batching_rules=rules)
    assert_valid(log.events)


RESULT = {"type": "result", "cell": "a", **NAMES, "outcome": "holds", "examples": 1}
RESULT |= {"seconds": 0.5, "compilations": 0, "detail": None}
FOOTER = {"type": "footer", "cell": "a", "counts": {"holds": 1}, "seconds": 0.5}


@pytest.mark.parametrize(
    ("event", "change"),
    [
        (RESULT, {"outcome": "passed"}),
        (RESULT, {"outcome": "violated"}),
        (RESULT, {"outcome": "crashed", "detail": {"output": ""}}),
        (RESULT, {"outcome": "not-applicable", "detail": {"reason": "", "source": "suite"}}),
        (RESULT, {"outcome": "not-sampled", "detail": {"reason": ""}}),
        (RESULT, {"outcome": "not-sampled"}),
        (RESULT, {"outcome": "known-defect"}),
        (RESULT, {"examples": -1}),
        (RESULT, {"examples": 0}),
        (RESULT, {"law": "NoSuch"}),
        (RESULT, {"cell": None}),
        (RESULT, {"type": "results"}),
        (RESULT, {"seconds": {"dtype": "float64", "shape": [], "data": "AAAAAAAA8H8="}}),
        (FOOTER, {"counts": {"holds": "1"}}),
        (FOOTER, {"seconds": None}),
        (FOOTER, {"type": "header"}),
    ],
)
def test_what_is_not_so_is_invalid(event: dict[str, Any], change: dict[str, Any]) -> None:
    VALIDATOR.validate(event)
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate({**copy.deepcopy(event), **change})


@pytest.mark.parametrize("field", ["law", "transform", "subject", "outcome", "detail", "cell"])
def test_a_field_that_is_missing_is_invalid(field: str) -> None:
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate({k: v for k, v in RESULT.items() if k != field})
