"""Two mistakes at once: one of the exercise's pitfalls, and an operation on what comes of it."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np

from conformance.judge.compare import compare
from conformance.judge.diagnosis import (
    COLUMN,
    NOT_FLATTENED,
    TOO_MANY_AXES,
    WrongAnswer,
    to_diagnosis,
)
from conformance.judge.exercises.exercise import Exercise, Pitfall
from conformance.judge.expected_answers import compute
from conformance.judge.nearly_right import AXES_IN_ANOTHER_ORDER, of_nearly_right
from conformance.judge.one_operation_off import RESHAPED, close, of_one_operation
from conformance.judge.scaled_arrays import of_scaled_arrays
from conformance.judge.verdict import Diagnosis

SECOND = (
    "activation-added",
    "joined-over-an-axis",
    "scaled",
    "sign-reversed",
    AXES_IN_ANOTHER_ORDER.pitfall,
    TOO_MANY_AXES.pitfall,
)
"""What may have been done to the answers of a pitfall; a reshape is told in the words of its own kind."""
AT_ONE_SHAPE = 3
"""Calls of the largest shape by which most pitfalls are ruled out."""
AT_LEAST = 2
"""Shapes at which the second mistake has to show."""
NO_AXIS_OF_DEVICES = "params-not-returned-per-device"
SHAPES, MOST = 4, 6
"""Shapes at which both mistakes together have to give the answers, and up to how many are tried."""


def of_two_mistakes(exercise: Exercise, wrong: Sequence[WrongAnswer]) -> Diagnosis | None:
    """The pitfall and the operation on its answers that together explain the wrong answers.

    Args:
        exercise: whose pitfalls are tried.
        wrong: the wrong answers, the smallest call first; nothing else explains them.

    """
    if any(each.given.unfit is not None or not each.given.arrays for each in wrong):
        return None
    shapes = list(dict.fromkeys(each.call.shape for each in wrong))[-MOST:]
    groups = [[e for e in wrong if e.call.shape == shape][:AT_ONE_SHAPE] for shape in shapes[::-1]]
    if len(groups) < SHAPES:
        return None
    every = [each for group in groups for each in group]
    for pitfall in exercise.pitfalls:
        moved = _moved(pitfall, groups[0])
        # The second mistake may show at other shapes only, as where an axis stays where it is.
        if moved is None or (moved and _second(exercise, moved) is None):
            continue
        moved = _moved(pitfall, every) or []
        if len(moved) < AT_ONE_SHAPE or len({each.call.shape for each in moved}) < AT_LEAST:
            continue
        found = _second(exercise, moved)
        if found is not None:
            return _both(to_diagnosis(pitfall), found)
    return None


def _moved(pitfall: Pitfall, wrong: Sequence[WrongAnswer]) -> list[WrongAnswer] | None:
    """The answers that are others than those that the pitfall gives; None where it gives none."""
    if pitfall.reference is None:
        return None
    moved = []
    for each in wrong:
        try:
            with np.errstate(all="ignore"):
                answer = compute(pitfall.reference, each.call.arguments)
        except Exception:  # this way of going wrong has no answer to this call
            return None
        mismatch = compare(each.given, answer)
        if mismatch is not None:
            moved.append(attrs.evolve(each, expected=answer, mismatch=mismatch))
    return moved


def _second(exercise: Exercise, moved: Sequence[WrongAnswer]) -> Diagnosis | None:
    """What all answers differ by from those that a pitfall gives; None where that is no one thing."""
    own = next((each for each in exercise.pitfalls if each.id == NO_AXIS_OF_DEVICES), None)
    if own is not None and all(map(_is_of_one_device, moved)):
        return to_diagnosis(own)
    found = of_nearly_right(moved) or of_scaled_arrays(moved) or of_one_operation(moved)
    if found is RESHAPED:
        return _reshaped(moved)
    return found if found is not None and found.pitfall in SECOND else None


def _is_of_one_device(moved: WrongAnswer) -> bool:
    """Whether each array is that of the first device alone."""
    arrays, leaves = moved.given.arrays, moved.expected.leaves
    return len(arrays) == len(leaves) and all(
        array.shape == leaf.value.shape[1:] and close(array, leaf.value[0])
        for array, leaf in zip(arrays, leaves, strict=True)
    )


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
    if first.pitfall == "another-initializer" and second.pitfall == "scaled":
        factor = second.symptom.removeprefix("Every number is ").partition(" ")[0]
        symptom = (
            f"{first.symptom[:-1]}, whose draws are {factor} times as large as by its default."
        )
        return attrs.evolve(first, symptom=symptom)
    then = f"{second.symptom[0].lower()}{second.symptom[1:]}"
    return Diagnosis(
        f"{first.pitfall}-and-{second.pitfall}",
        f"Two things are wrong. (1) {first.symptom} (2) Once that is right: {then}",
        f"(1) {first.fix} (2) {second.fix}",
    )
