"""Symptoms in words, and failures grouped by cause."""

from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pytest

from conformance.events.arrays import encode, quantity
from conformance.events.details import Call, CallAxes, Casualty, Violation
from conformance.events.records import Result
from conformance.reporting.faults import group_by_cause
from conformance.reporting.symptom import symptom

RIGHT = np.array([[1.0, 2.0], [5.0, 7.0], [11.0, 13.0]])


def plus(*offsets: float) -> Callable[[Any], Any]:
    """Add one of these to each example."""
    return lambda x: x + np.array(offsets)[:, None]


def violation(expected: Any, got: Any, message: str, batch: int = 3, **more: Any) -> Violation:
    call = Call(
        kind="function",
        subject_name="square",
        sizes={"batch": batch, "m": 2},
        axes=[CallAxes(in_axes=[0], out_axes=0)],
        dtype="float32",
        seed=1,
    )
    fields = {"cause": None, "call": call, **more}
    numbers = {name: quantity(1.0) for name in ("max_ulps", "error", "bound")}
    return Violation(
        what="map",
        message=message,
        path="",
        expected=encode(expected),
        got=encode(got),
        script="x",
        **numbers,
        **fields,
    )


def result(detail: Any, law: str = "mapping.equals-per-example", **names: Any) -> Result:
    fields = {"transform": "jax.vmap", "subject": "square", "outcome": "violated", **names}
    return Result(
        cell="a", law=law, examples=1, seconds=0.0, compilations=0, detail=detail, **fields
    )


def values(got: Any, **more: Any) -> Result:
    return result(
        violation(RIGHT, np.asarray(got, np.float32), "values differ at index (0,)", **more)
    )


def test_what_a_function_gives_of_a_whole_batch_is_a_fault_of_its_own() -> None:
    moved = values(np.roll(RIGHT, 1, 0))
    whole = msgspec.structs.replace(values(RIGHT - 1), law="mapping.whole-batch")
    assert symptom(whole) == "of a whole batch: wrong values in every example"
    assert [fault.symptom for fault in group_by_cause([moved, whole])] == [
        "examples moved by one",
        "of a whole batch: wrong values in every example",
    ]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda x: np.roll(x, 1, 0), "examples moved by one"),
        (lambda x: np.roll(x, -1, 0), "examples moved by one back"),
        (lambda x: x[::-1], "examples in reverse order"),
        (lambda x: x[[0, 0, 0]], "every example gets the first one's result"),
        (lambda x: x[[2, 2, 2]], "every example gets the last one's result"),
        (lambda x: np.broadcast_to(x.sum(0), x.shape), "summed over the examples"),
        (lambda x: np.broadcast_to(x.mean(0), x.shape), "averaged over the examples"),
        (lambda x: -x, "the opposite sign"),
        (lambda x: x / 2, "0.5 times the right answer"),
        (lambda x: 0 * x, "all zeros"),
        (lambda x: x + np.nan, "all NaN"),
        (plus(0, 1, 0), "wrong values in example 1 of 3"),
        (plus(0, 1, 1), "wrong values in examples 1, 2 of 3"),
        (plus(1, 3, 1), "wrong values in every example"),
        (lambda x: x * (1 + 1e-6), "values beyond rounding"),
    ],
)
def test_wrong_values_in_words(change: Callable[[Any], Any], words: str) -> None:
    assert symptom(values(change(RIGHT))) == words


@pytest.mark.parametrize(
    ("expected", "got", "words"),
    [
        ("float32[3,2,4]", "float32[2,3,4]", "batch axis one place too far"),
        ("float32[3,2,4]", "float32[2,4,3]", "batch axis two places too far"),
        ("float32[3,2,4]", "float32[2,4]", "no batch axis in the result"),
        ("float32[3]", "bfloat16[3]", "gives bfloat16 instead of float32"),
        ("float32[3,2]", "float32[3,5]", "gives shape [3, 5] instead of [3, 2]"),
    ],
)
def test_wrong_shapes_in_words(expected: str, got: str, words: str) -> None:
    message = f"shapes differ: expected {expected}, got {got}"
    assert symptom(result(violation(expected, got, message))) == words


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("it raised NotImplementedError('no rule')", "raises NotImplementedError"),
        (
            "expected ValueError; it raised IndexError('tuple index')",
            "raises IndexError instead of ValueError",
        ),
        ("the name of the axis is lost", "the name of the axis is lost"),
    ],
)
def test_other_violations_in_words(message: str, words: str) -> None:
    assert symptom(result(violation("ValueError", "IndexError()", message))) == words


def test_a_known_cause_says_more_than_wrong_values() -> None:
    wrong = values(plus(1, 3, 1)(RIGHT), cause="the axis name is lost (name-lost)")
    assert symptom(wrong) == "the axis name is lost"


def test_a_casualty_in_words() -> None:
    died = Casualty(reason="the process that ran it died", output="")
    late = Casualty(reason="no result within 120 s", output="")
    assert symptom(result(died, outcome="crashed")) == "the process dies"
    assert symptom(result(late, outcome="timed-out")) == "no result within 120 s"


def test_one_broken_rule_is_one_fault_however_many_laws_show_it() -> None:
    moved = np.roll(RIGHT, 1, 0)
    laws = ("mapping.equals-per-example", "axes.in-axes-permute", "nesting.twice")
    failures = [
        result(
            violation(RIGHT, moved.astype(np.float32), "values differ at index (0,)"),
            law=law,
            transform=transform,
        )
        for law in laws
        for transform in ("jax.vmap", "flax.nnx.vmap")
    ]
    (fault,) = group_by_cause(failures)
    assert (fault.subject, fault.symptom) == ("square", "examples moved by one")
    assert fault.laws == list(laws)
    assert set(fault.transforms) == {"jax.vmap", "flax.nnx.vmap"}
    assert len(fault.results) == 6


def test_three_broken_rules_are_three_faults_and_an_error_is_a_fourth() -> None:
    moved = np.roll(RIGHT, 1, 0).astype(np.float32)
    wrong = violation(RIGHT, moved, "values differ at index (0,)")
    raised = violation(RIGHT, "ValueError('x')", "it raised ValueError('x')")
    failures = [result(wrong, subject=name) for name in ("sort", "cumsum", "gather")]
    failures.append(result(raised, subject="sort"))
    faults = group_by_cause(failures)
    assert {(fault.subject, fault.symptom) for fault in faults} == {
        ("sort", "examples moved by one"),
        ("cumsum", "examples moved by one"),
        ("gather", "examples moved by one"),
        ("sort", "raises ValueError"),
    }


def test_the_smallest_call_is_shown() -> None:
    large, small = (
        values(RIGHT[::-1], batch=3),
        result(violation("float32[2]", "float32[2,2]", "values differ", batch=2)),
    )
    (fault,) = group_by_cause([large, small])
    assert fault.example is small


def test_variants_of_an_operation_are_one_fault() -> None:
    names = (
        "lax.cumsum.rounded",
        "lax.cumsum",
        "lax.cumsum.reverse.rounded",
        "lax.cumsum2",
        "lax.sin",
    )
    moved = violation(RIGHT, np.roll(RIGHT, 1, 0).astype(np.float32), "values differ at index (0,)")
    faults = group_by_cause([result(moved, subject=name) for name in names])
    assert {fault.subject: fault.variants for fault in faults} == {
        "lax.cumsum": ["lax.cumsum.rounded", "lax.cumsum.reverse.rounded"],
        "lax.cumsum2": [],
        "lax.sin": [],
    }


def test_an_empty_call_is_shown_only_where_there_is_no_other() -> None:
    empty, full = (
        result(violation("float32[0]", "float32[1]", "shapes differ", batch=0)),
        values(RIGHT[::-1], batch=3),
    )
    assert group_by_cause([empty])[0].example is empty
    shapes = result(violation("float32[3]", "float32[1]", "shapes differ", batch=3))
    (fault,) = group_by_cause([empty, shapes])
    assert fault.example is shapes
    assert len(group_by_cause([empty, full])) == 2
