"""Answers that stay the same whatever one of the arrays is that the function is given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np

from conformance.judge.diagnosis import Ask, WrongAnswer, same
from conformance.judge.exercises.exercise import Exercise
from conformance.judge.expected_answers import Call, compute
from conformance.judge.value_ranges import is_usual
from conformance.judge.verdict import Diagnosis

SHAPES = 3
"""Shapes at which the answer has to stay the same: a few numbers may cancel."""
TOLERANCE = 2e-2
KINDS = {2: "weights", 1: "biases"}
"""What the arrays of so many axes in `params` are."""


def of_ignored_arguments(
    exercise: Exercise, wrong: Sequence[WrongAnswer], ask: Ask
) -> Diagnosis | None:
    """Which array changes no answer when it is changed, where it changes what is right.

    Args:
        exercise: whose reference says whether the array matters.
        wrong: the wrong answers, the smallest call first.
        ask: makes a call of the candidate's function.

    """
    finite = [e for e in wrong if e.given.arrays and all(map(_is_finite, e.given.arrays))]
    by_shape = {each.call.shape: each for each in reversed(finite) if is_usual(each.call)}
    if len(by_shape) < SHAPES:
        return None
    largest = sorted(by_shape.values(), key=lambda each: each.call.shape)[-SHAPES:]
    for name in exercise.parameters:
        if all(_is_ignored(exercise, each, name, ask) for each in largest):
            return _ignored(name, f"`{name}` is", f"`{name}`")
    if "params" not in exercise.parameters:
        return None
    for ndim, kind in KINDS.items():
        if all(_is_ignored(exercise, each, "params", ask, ndim) for each in largest):
            return _ignored(kind, f"the {kind} in `params` are", f"the {kind} in `params`")
    return None


def _ignored(name: str, which: str, what: str) -> Diagnosis:
    return Diagnosis(
        f"{name.replace('_', '-')}-ignored",
        f"The answer stays the same whatever {which}.",
        f"Compute it from {what}, which the function is given: look for an array that is made or "
        "drawn in its place, and for another variable that has its name.",
    )


def _is_finite(array: np.ndarray) -> bool:
    return array.dtype.kind in "fiu" and bool(np.all(np.isfinite(array)))


def _is_ignored(
    exercise: Exercise, wrong: WrongAnswer, name: str, ask: Ask, ndim: int | None = None
) -> bool:
    """Whether other arrays, all or those of `ndim` axes, leave the answer though another one is right."""
    call = _with_others(wrong.call, name, ndim)
    if call is None:
        return False
    try:
        right = compute(exercise.reference, call.arguments)
    except Exception:  # a call that a teacher's own exercise does not have
        return False
    pairs = list(zip(right.leaves, wrong.expected.leaves, strict=False))
    if all(
        a.value.shape == b.value.shape and np.allclose(a.value, b.value, rtol=TOLERANCE)
        for a, b in pairs
    ):
        return False
    again = ask(call)
    return again is not None and same(again, wrong.given)


def _with_others(call: Call, name: str, ndim: int | None) -> Call | None:
    """The call with other numbers in the argument's arrays of floats; None where it has none."""
    changed = _others(call.arguments[name], ndim)
    if changed is None:
        return None
    return attrs.evolve(call, arguments={**call.arguments, name: changed})


def other_numbers(array: np.ndarray) -> np.ndarray:
    """An array of the same kind of which hardly a number is that of the given one."""
    return np.asarray(0.25 - array / 2).astype(array.dtype)


def _others(value: Any, ndim: int | None) -> Any:
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        changed = ndim is None or value.ndim == ndim
        return other_numbers(value) if changed else value
    if isinstance(value, (list, tuple)) and value:
        parts = [_others(each, ndim) for each in value]
        return None if any(part is None for part in parts) else type(value)(parts)
    return None
