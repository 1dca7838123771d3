"""Where a way of going wrong shows, if it does in some calls only: an `if` for one example."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
import numpy as np

from conformance.judge.compare import GivenAnswer, fits
from conformance.judge.exercises.exercise import Exercise
from conformance.judge.expected_answers import Call, compute
from conformance.judge.verdict import Diagnosis

SIZES = ("examples", "devices", "inputs", "outputs")
"""Sizes of a shape that are named, the likeliest condition first."""

Answered = tuple[Call, GivenAnswer]


def qualified(
    found: Diagnosis,
    reference: Callable[..., Any],
    exercise: Exercise,
    wrong: Sequence[Call],
    right: Sequence[Answered],
) -> Diagnosis:
    """The diagnosis, with where it holds, if other calls were answered otherwise and right.

    Args:
        found: what explains every wrong answer.
        reference: gives the wrong answer to any call.
        exercise: whose shapes the calls have.
        wrong: the calls that were answered wrong.
        right: calls that were answered right, and the answers.

    """
    others: dict[int, Call] = {}
    for call, given in right:
        if call.shape not in others and _is_other(reference, call, given):
            others[call.shape] = call
    if not others:
        return found
    where = _where(exercise, wrong, list(others.values()))
    return attrs.evolve(
        found,
        symptom=f"{where}: {found.symptom[0].lower()}{found.symptom[1:]}",
        fix=f"{found.fix} The other calls are right: look for an `if` that tells these from them, and for "
        "what stays from one call to the next.",
    )


def _is_other(reference: Callable[..., Any], call: Call, given: GivenAnswer) -> bool:
    """Whether this way of going wrong has another answer to the call than the one given."""
    try:
        with np.errstate(all="ignore"):
            return not fits(given, compute(reference, call.arguments))
    except Exception:  # this way has no answer to it
        return False


def _where(exercise: Exercise, wrong: Sequence[Call], right: Sequence[Call]) -> str:
    ours, theirs = (
        [_sizes(exercise.shapes[call.shape]) for call in calls] for calls in (wrong, right)
    )
    for name in SIZES:
        size = ours[0].get(name)
        if size is None or any(each.get(name) == size for each in theirs):
            continue
        if all(each.get(name) == size for each in ours):
            are = f"is one {name[:-1]}" if size == 1 else f"are {size} {name}"
            return f"Where there {are}"
    return "In some calls"


def _sizes(shape: Mapping[str, Any]) -> dict[str, int]:
    return {name: size for name, size in shape.items() if isinstance(size, int)}
