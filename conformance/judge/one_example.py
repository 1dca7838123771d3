"""Answers that hold less than was asked for: those of one example, or one argument times a number."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from conformance.judge.diagnosis import WrongAnswer
from conformance.judge.one_operation_off import close, factor_between
from conformance.judge.verdict import Diagnosis

ENOUGH = 3
"""Calls that one factor has to explain."""


def of_one_example(wrong: Sequence[WrongAnswer]) -> Diagnosis | None:
    """Whether each wrong answer is the right one of the first, or of the last, example alone.

    Args:
        wrong: every wrong answer.

    """
    for place, which in ((0, "first"), (-1, "last")):
        found = [_examples(each, place) for each in wrong]
        if all(found) and max(found) > 1:
            return Diagnosis(
                f"{which}-example-only",
                f"Only the answer of the {which} example came back.",
                "Compute one for every example: no `[0]`, no `[-1]`, and no `return` inside a loop.",
            )
    return None


def _examples(wrong: WrongAnswer, place: int) -> int:
    """How many examples there are, if the answer is that of the one at this place; else 0."""
    if wrong.mismatch.what != "shape" or len(wrong.given.arrays) != 1 or wrong.given.container:
        return 0
    given, right = wrong.given.arrays[0], wrong.expected.leaves[0].value
    if given.ndim > right.ndim or not given.size or right.size % given.size:
        return 0
    rows = right.reshape(-1, given.size)
    arrays = [value for value in wrong.call.arguments.values() if isinstance(value, np.ndarray)]
    lengths = {len(array) for array in arrays if array.ndim}
    if len(rows) not in lengths or not close(given.ravel(), rows[place]):
        return 0
    return len(rows)


def of_a_multiple(wrong: Sequence[WrongAnswer]) -> Diagnosis | None:
    """Whether every wrong answer is one argument times a number, the same whatever another number is.

    Args:
        wrong: every wrong answer.

    """
    arguments = wrong[0].call.arguments
    others = [name for name, value in arguments.items() if isinstance(value, (int, float))]
    arrays = [name for name, value in arguments.items() if isinstance(value, np.ndarray)]
    if len(arrays) != 1 or not others or any(each.mismatch.what != "values" for each in wrong):
        return None
    if any(len({each.call.arguments[name] for each in wrong}) < ENOUGH for name in others):
        return None
    if any(len(each.given.arrays) != 1 for each in wrong):
        return None
    pairs = [(e.given.arrays[0].ravel(), e.call.arguments[arrays[0]].ravel()) for e in wrong]
    if any(given.shape != argument.shape for given, argument in pairs):
        return None
    given, argument = (np.concatenate(each).astype(np.float64) for each in zip(*pairs, strict=True))
    factor = factor_between(given, argument)
    if factor is None:
        return None
    named = " and ".join(f"`{name}`" for name in others)
    return Diagnosis(
        f"{others[0].replace('_', '-')}-ignored",
        f"Every answer is {factor:.4g} times `{arrays[0]}`, whatever {named} is.",
        f"Use {named}, which the function is given, in place of a number that is written in the file.",
    )
