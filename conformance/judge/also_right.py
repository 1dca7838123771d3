"""Answers that are right by another of an exercise's references: `Exercise.also_right`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conformance.judge.compare import fits
from conformance.judge.diagnosis import WrongAnswer
from conformance.judge.exercises.exercise import Exercise
from conformance.judge.expected_answers import also_expected


def without(exercise: Exercise, wrong: list[WrongAnswer]) -> list[WrongAnswer]:
    """The wrong answers that none of the exercise's further references makes right.

    Args:
        exercise: whose `also_right` is tried.
        wrong: the answers that are not as expected, the smallest call first.

    Raises:
        ExerciseFailed: One of them failed.

    """
    for reference in exercise.also_right:
        wrong = _without(exercise, reference, wrong)
    return wrong


def _without(
    exercise: Exercise, reference: Callable[..., Any], wrong: list[WrongAnswer]
) -> list[WrongAnswer]:
    """The rest where the reference fits every answer that it speaks of; else all of them."""
    if any(each.mismatch.what != "values" for each in wrong):
        return wrong
    left = []
    for each in wrong:
        right = also_expected(exercise, reference, each.call)
        if right is None:
            left.append(each)
        elif not fits(each.given, right):
            return wrong
    return left
