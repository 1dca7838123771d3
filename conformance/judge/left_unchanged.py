"""Answers some of whose arrays came back as they were given, where the others are right."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from conformance.judge.compare import names
from conformance.judge.diagnosis import WrongAnswer
from conformance.judge.expected_answers import flat_arrays
from conformance.judge.other_containers import is_right
from conformance.judge.verdict import Diagnosis

MAX_NAMED = 4
"""Arrays that are named."""


def of_unchanged(wrong: Sequence[WrongAnswer]) -> Diagnosis | None:
    """Which arrays of the answers were not changed, and are those of an argument.

    Args:
        wrong: every wrong answer.

    """
    found: set[str] = set()
    for each in wrong:
        places = _unchanged(each)
        if not places:
            return None
        known = names(each.expected.spec)
        found.update(f"answer{known[place]}" for place in places)
    return Diagnosis(
        "some-left-unchanged",
        f"Some arrays came back as they were given: {', '.join(sorted(found)[:MAX_NAMED])}. "
        "The others are right.",
        "Change them as the others. If that is done, their gradient is cut off: look for "
        "`stop_gradient`, and for a branch or a loop that leaves them out.",
    )


def _unchanged(wrong: WrongAnswer) -> list[int]:
    """The places of the arrays that are wrong, if each is one of the argument that is built alike."""
    if wrong.mismatch.what != "values" or len(wrong.expected.leaves) == 1:
        return []
    leaves, count = wrong.expected.leaves, len(wrong.expected.leaves)
    places = [n for n, leaf in enumerate(leaves) if not is_right(wrong.given, n, leaf)]
    for argument in wrong.call.arguments.values():
        arrays = flat_arrays(argument)
        if len(arrays) == count and all(
            _is_copy(wrong.given.arrays[place], arrays[place]) for place in places
        ):
            return places
    return []


def _is_copy(given: np.ndarray, argument: np.ndarray) -> bool:
    """Whether an array is the argument's, or that for each of several devices."""
    if given.shape[given.ndim - argument.ndim :] != argument.shape:
        return False
    return given.ndim >= argument.ndim and bool(np.all(given == argument))
