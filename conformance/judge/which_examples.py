"""Answers in which an example is missing, that came several times, or that are the same in every call."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from conformance.judge.diagnosis import WrongAnswer, same
from conformance.judge.one_operation_off import close
from conformance.judge.verdict import Diagnosis

ENOUGH = 3
"""Calls, or entries along an axis, without which something is seen by chance."""
MISSING = {
    "last": Diagnosis(
        "last-example-missing",
        "The answers of all examples but the last came back.",
        "Compute that one, too: a loop over n examples is one over `range(n)`, and no `[:-1]`.",
    ),
    "first": Diagnosis(
        "first-example-missing",
        "The answers of all examples but the first came back.",
        "Compute that one, too: a loop over n examples begins at 0, and no `[1:]`.",
    ),
}
NOT_AVERAGED = Diagnosis(
    "not-averaged",
    "Every array came once for each example, along axis 0: averaged over it, they are right.",
    "Average what each example gives, `g.mean(0)` of its gradient, or take the gradient of the mean loss.",
)
SAME = Diagnosis(
    "arguments-ignored",
    "The answer is the same in every call, whatever the arguments are.",
    "Compute it from the function's own arguments: look for variables of the file that are used in their "
    "place, under another name or in capitals.",
)

Pair = tuple[np.ndarray, np.ndarray]
"""What was given and what was expected."""


def of_which_examples(wrong: Sequence[WrongAnswer]) -> Diagnosis | None:
    """Whether an example is missing in every wrong answer, or all arrays came several times.

    Args:
        wrong: every wrong answer.

    """
    calls = [_pairs(each) for each in wrong]
    if not all(calls):
        return None
    found = _missing(calls) or _one_number_of_each(calls)
    return found or _repeated(calls) or _unaveraged(calls)


def of_the_same(wrong: Sequence[WrongAnswer]) -> Diagnosis | None:
    """Whether all wrong answers are the same arrays, where calls differ in what is right.

    Args:
        wrong: every wrong answer.

    """
    first = wrong[0]
    if len(wrong) < ENOUGH or not first.given.arrays:
        return None
    if not all(same(each.given, first.given) for each in wrong[1:]):
        return None
    rights = {tuple(leaf.value.tobytes() for leaf in each.expected.leaves) for each in wrong}
    return SAME if len(rights) >= ENOUGH else None


def _pairs(wrong: WrongAnswer) -> list[Pair]:
    """Each array beside the expected one, where they differ in shape; none where they are no numbers."""
    arrays, leaves = wrong.given.arrays, wrong.expected.leaves
    if wrong.mismatch.what != "shape" or len(arrays) != len(leaves):
        return []
    if any(array.dtype.kind not in "biuf" for array in arrays):
        return []
    return [(a, np.asarray(leaf.value)) for a, leaf in zip(arrays, leaves, strict=True)]


def _missing(calls: Sequence[Sequence[Pair]]) -> Diagnosis | None:
    """One array of one example less, in every call."""
    if any(len(pairs) != 1 for pairs in calls):
        return None
    alone = [pairs[0] for pairs in calls]
    if any(
        not right.ndim or given.shape != (len(right) - 1, *right.shape[1:])
        for given, right in alone
    ):
        return None
    if len({len(right) for _, right in alone if len(right) > 1}) < ENOUGH:
        return None
    if all(close(given, right[:-1]) for given, right in alone):
        return MISSING["last"]
    return MISSING["first"] if all(close(given, right[1:]) for given, right in alone) else None


def _one_number_of_each(calls: Sequence[Sequence[Pair]]) -> Diagnosis | None:
    """The first number of each example's answer, or the last, in place of all."""
    if any(len(pairs) != 1 or pairs[0][1].ndim < 2 or not pairs[0][1].size for pairs in calls):
        return None
    alone = [pairs[0] for pairs in calls]
    if len({right.shape for _, right in alone if right.shape[-1] > 1}) < ENOUGH:
        return None
    for which, place in (("first", 0), ("last", -1)):
        due = [right[..., place] for _, right in alone]
        if all(
            given.shape in (one.shape, (*one.shape, 1)) and close(given.ravel(), one.ravel())
            for (given, _), one in zip(alone, due, strict=True)
        ):
            return Diagnosis(
                "one-number-of-each",
                f"Only the {which} number of each example's answer came back.",
                f"Return all of them: look for `[{place}]` and `[:, {place}]`, also inside the function that "
                "is mapped.",
            )
    return None


def _repeated(calls: Sequence[Sequence[Pair]]) -> Diagnosis | None:
    """The right arrays, each several times along an axis of its own."""
    axes = range(calls[0][0][0].ndim) if all(len(pairs) == 1 for pairs in calls) else range(1)
    for axis in axes:
        if all(_repeats(pair, axis) for pairs in calls for pair in pairs):
            times = max(pairs[0][0].shape[axis] for pairs in calls)
            if times > 1:
                return Diagnosis(
                    "repeated",
                    f"The right answer came more than once, along axis {axis}.",
                    f"Return one of them, `answer[{':, ' * axis}0]`, or leave out what copies it: `stack`, "
                    "`tile`, `repeat`, `broadcast_to`.",
                )
    return None


def _repeats(pair: Pair, axis: int) -> bool:
    given, right = pair
    if given.ndim != right.ndim + 1 or axis >= given.ndim or not given.size:
        return False
    parts = np.moveaxis(given, axis, 0)
    return parts.shape[1:] == right.shape and all(close(part, right) for part in parts)


def _unaveraged(calls: Sequence[Sequence[Pair]]) -> Diagnosis | None:
    """Several arrays, each with an axis 0 more, whose mean over it is right."""
    for pairs in calls:
        for given, right in pairs:
            if len(pairs) < 2 or not given.size or given.shape[1:] != right.shape:
                return None
            if not close(given.astype(np.float64).mean(0), right):
                return None
    return NOT_AVERAGED if max(len(pairs[0][0]) for pairs in calls) >= ENOUGH else None
