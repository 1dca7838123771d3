"""Two mistakes at once: one of the exercise's pitfalls, and an operation on what comes of it."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np

from conformance.judge.compare import compare
from conformance.judge.diagnosis import COLUMN, NOT_FLATTENED, WrongAnswer, to_diagnosis
from conformance.judge.exercises.exercise import Exercise, Pitfall
from conformance.judge.expected_answers import compute
from conformance.judge.nearly_right import AXES_IN_ANOTHER_ORDER, of_nearly_right
from conformance.judge.one_operation_off import RESHAPED, of_one_operation
from conformance.judge.scaled_arrays import of_scaled_arrays
from conformance.judge.verdict import Diagnosis

SECOND = ("activation-added", "scaled", "sign-reversed", AXES_IN_ANOTHER_ORDER.pitfall)
"""What may have been done to the answers of a pitfall; a reshape is told in the words of its own kind."""
AT_ONE_SHAPE = 3
"""Calls of the largest shape by which most pitfalls are ruled out."""
SHAPES = 4
"""Shapes at which both mistakes together have to give the answers."""


def of_two_mistakes(exercise: Exercise, wrong: Sequence[WrongAnswer]) -> Diagnosis | None:
    """The pitfall and the operation on its answers that together explain the wrong answers.

    Args:
        exercise: whose pitfalls are tried.
        wrong: the wrong answers, the smallest call first; nothing else explains them.

    """
    if any(each.given.unfit is not None or not each.given.arrays for each in wrong):
        return None
    shapes = list(dict.fromkeys(each.call.shape for each in wrong))[-SHAPES:]
    groups = [[e for e in wrong if e.call.shape == shape][:AT_ONE_SHAPE] for shape in shapes[::-1]]
    if len(groups) < SHAPES:
        return None
    for pitfall in exercise.pitfalls:
        if pitfall.reference is None or _after(pitfall, groups[0]) is None:
            continue
        found = _after(pitfall, [each for group in groups for each in group])
        if found is not None:
            return _both(to_diagnosis(pitfall), found)
    return None


def _after(pitfall: Pitfall, wrong: Sequence[WrongAnswer]) -> Diagnosis | None:
    """What all answers differ by from those that the pitfall gives; None where that is no one thing."""
    moved = []
    for each in wrong:
        try:
            assert pitfall.reference is not None
            with np.errstate(all="ignore"):
                answer = compute(pitfall.reference, each.call.arguments)
        except Exception:  # this way of going wrong has no answer to this call
            return None
        mismatch = compare(each.given, answer)
        if mismatch is not None:
            moved.append(attrs.evolve(each, expected=answer, mismatch=mismatch))
    if len(moved) < AT_ONE_SHAPE:
        return None
    found = of_nearly_right(moved) or of_scaled_arrays(moved) or of_one_operation(moved)
    if found is RESHAPED:
        return _reshaped(moved)
    return found if found is not None and found.pitfall in SECOND else None


def _reshaped(moved: Sequence[WrongAnswer]) -> Diagnosis:
    """What a reshape is called: a vector that came with more axes, or any other."""
    pairs = [(each.given.arrays[0].shape, each.expected.leaves[0].value.shape) for each in moved]
    if any(
        len(right) != 1 or len(each.given.arrays) != 1
        for (_, right), each in zip(pairs, moved, strict=True)
    ):
        return RESHAPED
    return COLUMN if all(got == (*right, 1) for got, right in pairs) else NOT_FLATTENED


def _both(first: Diagnosis, second: Diagnosis) -> Diagnosis:
    then = f"{second.symptom[0].lower()}{second.symptom[1:]}"
    return Diagnosis(
        f"{first.pitfall}-and-{second.pitfall}",
        f"Two things are wrong. (1) {first.symptom} (2) Once that is right: {then}",
        f"(1) {first.fix} (2) {second.fix}",
    )
