"""A log of every type of event, as the writers write them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conformance.events.arrays import encode, quantity
from conformance.events.details import (
    Call,
    CallAxes,
    Casualty,
    KnownDefect,
    NotApplicable,
    NotSampled,
    Violation,
)
from conformance.events.records import (
    BatchingRules,
    Counterexample,
    Coverage,
    Environment,
    Header,
    Observation,
    Record,
    Result,
    Started,
    Verdict,
)
from conformance.events.writer import LogWriter

ENVIRONMENT = Environment(
    python="3.11.7",
    jax="0.10.2",
    jaxlib="0.10.2",
    flax="0.12.8",
    numpy="2.4.6",
    chex=None,
    hypothesis="6.170.15",
    platform="cpu",
    devices=8,
)


def header(cell: str = "a", **changes: Any) -> Header:
    """The header of a run."""
    fields: dict[str, Any] = {
        "cell": cell,
        "schema": 1,
        "suite": "0.1.0",
        "environment": ENVIRONMENT,
        "profile": "ci",
        "seed": 2**32 - 1,
        "shard": (1, 1),
        "command": ["run"],
    }
    return Header(**{**fields, **changes})


def result(outcome: Any, detail: Any = None, cell: str = "a", **changes: Any) -> Result:
    """The result of an item."""
    fields: dict[str, Any] = {
        "cell": cell,
        "law": "axes.in-axes-permute",
        "transform": "jax.vmap",
        "subject": "Größe | x",
        "outcome": outcome,
        "examples": 1,
        "seconds": 0.5,
        "compilations": 2,
        "detail": detail,
    }
    return Result(**{**fields, **changes})


CALL = Call(
    kind="function",
    subject_name="square",
    sizes={"batch": 3},
    axes=[CallAxes(in_axes=[0, None], out_axes=-1, options=(("axis_size", 3),))],
    dtype="float32",
    seed=7,
    special=False,
    eager=True,
)

VIOLATION = Violation(
    call=CALL,
    what="map",
    message="values differ",
    path="",
    expected=encode({"y": np.ones((2, 3), np.float32)}),
    got=encode([np.float32(np.nan)]),
    max_ulps=quantity(float("inf")),
    error=0.5,
    bound=None,
    cause=None,
    script="print()",
)


def every_record(cell: str = "a") -> list[Record]:
    """A record of each type, and a result of each outcome, without the footer."""
    died = Casualty(reason="the process that ran it died", output="")
    outcomes = {
        "holds": None,
        "violated": VIOLATION,
        "known-defect": KnownDefect(defect="d", effect="raises"),
        "fixed-defect": KnownDefect(defect="d"),
        "not-applicable": NotApplicable(reason="no pmap", source="suite"),
        "not-sampled": NotSampled(reason="the seed"),
        "crashed": died,
        "timed-out": died,
    }
    rules = BatchingRules(registered=2, exempt={"x": "why"}, exercised=["add"], missing=[])
    example = Counterexample(arguments=encode({"x": np.arange(3)}), ulps=2.0)
    return [
        header(cell),
        Started(cell=cell, law="a.b", transform="t", subject="s", defect="d"),
        *(result(outcome, detail, cell) for outcome, detail in outcomes.items()),
        Observation(cell=cell, key="Größe", value=encode({"x": np.float32(1.5), "none": None})),
        Coverage(cell=cell, batching_rules=rules),
        Verdict(
            cell=cell,
            candidate="s.py",
            exercise="f",
            verdict="violates",
            law="sharing.no-batch-axis",
            diagnosis="ensemble-params",
            counterexample=example,
            seconds=0.1,
            error={"frames": [[3, "f", "x"]], "type": "ValueError"},
        ),
    ]


@pytest.fixture
def logged(tmp_path: Path) -> Callable[..., LogWriter]:
    """Write records to a log, complete or not."""

    def write(*records: Record, complete: bool = True, name: str = "log.jsonl") -> LogWriter:
        log = LogWriter(tmp_path / name)
        for record in records:
            log.write(record)
        if complete:
            log.finish(records[0].cell)
        log.close()
        return log

    return write
