"""Answers that are right in some places, and what the function was given in the others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from conformance.judge.diagnosis import WrongAnswer
from conformance.judge.verdict import Diagnosis

ENOUGH = 8
"""Values that have to be of either kind, and no rounding of the other."""
ROUNDING = 2.0**-18
"""How far off float32's own rounding may leave a value, as a share of it."""


def of_partly_right(wrong: Sequence[WrongAnswer]) -> Diagnosis | None:
    """Which argument stands in the answers, unchanged, wherever they are not right.

    Args:
        wrong: every wrong answer.

    """
    if any(e.mismatch.what != "values" or len(e.given.arrays) != 1 for e in wrong):
        return None
    for name in wrong[0].call.arguments:
        counts = [found for each in wrong if (found := _counts(each, name)) is not None]
        if len(counts) == len(wrong) and min(map(sum, zip(*counts, strict=True))) >= ENOUGH:
            return Diagnosis(
                "left-in-places",
                f"Some values are right, and the others are those of `{name}`, as it was given.",
                "Compute every value in the same way: look for an `if`, a `where`, and a loop that leaves "
                "some out.",
            )
    return None


def _counts(wrong: WrongAnswer, name: str) -> tuple[int, int] | None:
    """How many values are right, and how many the argument's; None where one is neither."""
    argument, (given,) = wrong.call.arguments[name], wrong.given.arrays
    due = wrong.expected.leaves[0].value.astype(np.float64)
    if not isinstance(argument, np.ndarray) or argument.shape != given.shape:
        return None
    if given.dtype.kind != "f" or argument.dtype.kind != "f":
        return None
    right, left = _near(given, due), _near(given, argument)
    if not np.all(right | left):
        return None
    return int(np.sum(right & ~left)), int(np.sum(left & ~right))


def _near(given: np.ndarray, due: np.ndarray) -> np.ndarray:
    return np.asarray(np.abs(given.astype(np.float64) - due) <= ROUNDING * np.abs(due))
