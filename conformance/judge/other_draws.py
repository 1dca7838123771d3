"""Answers that are normal draws, as they should be, but others: they come from other keys."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from conformance.judge.diagnosis import WrongAnswer
from conformance.judge.exercises.exercise import Exercise
from conformance.judge.one_operation_off import close
from conformance.judge.verdict import Diagnosis

ENOUGH = 300
"""Numbers by which a distribution is recognised."""
FARTHEST = 2.0
"""How far the shares of the numbers may be from a distribution's, in roots of how many there are."""
CORRELATED = 5.0
"""How far two rows of independent numbers may be from no correlation, in the same way."""

OTHER_KEYS = Diagnosis(
    "wrong-key-derivation",
    "The numbers are normal draws, but from other keys than those that the task names.",
    "Split `key` as the task says, and use the keys in their order: look for one that is split again, "
    "left out, folded in, used twice, or taken from the end.",
)


def of_other_draws(exercise: Exercise, wrong: Sequence[WrongAnswer]) -> Diagnosis | None:
    """Whether what came and what is right are both normal draws, and have nothing to do with each other.

    Args:
        exercise: whose argument `key` the numbers are drawn from.
        wrong: every wrong answer; nothing else explains them.

    """
    if "key" not in exercise.parameters or any(e.mismatch.what != "values" for e in wrong):
        return None
    pairs = [
        (array.astype(np.float64).ravel(), np.asarray(leaf.value, np.float64).ravel())
        for each in wrong
        for array, leaf in zip(each.given.arrays, each.expected.leaves, strict=True)
    ]
    # The key of a middle layer may be the right one.
    others = [pair for pair in pairs if not close(*pair)]
    if not others:
        return None
    rows = [np.concatenate([pair[n] for pair in others]) for n in (0, 1)]
    given, right = rows
    if len(given) != len(right) or len(given) < ENOUGH:
        return None
    if not all(map(_is_normal, rows)):
        return None
    correlation = float(np.corrcoef(given, right)[0, 1])
    return OTHER_KEYS if abs(correlation) * math.sqrt(len(given)) < CORRELATED else None


def _is_normal(numbers: np.ndarray) -> bool:
    """Whether numbers are distributed as those of a standard normal distribution (Kolmogorov, Smirnov)."""
    from scipy import stats  # it takes a second to import, and few answers come here

    if not np.all(np.isfinite(numbers)):
        return False
    distance = float(stats.kstest(numbers, "norm").statistic)
    return distance * math.sqrt(len(numbers)) < FARTHEST
