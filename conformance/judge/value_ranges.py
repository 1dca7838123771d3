"""Whether a solution is wrong for very large or very small numbers only, and right for usual ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from conformance.judge.expected_answers import Call
from conformance.judge.verdict import Diagnosis

LARGE, SMALL = 100.0, 2.0**-20
"""From where on, and down from where, a number is not of usual size."""


def of_range(wrong: Sequence[Call], calls: Sequence[Call]) -> Diagnosis | None:
    """The diagnosis where no call with usual numbers is wrong, and there are such calls.

    Args:
        wrong: the calls that were answered wrongly.
        calls: all of them.

    """
    if any(is_usual(call) for call in wrong) or not any(is_usual(call) for call in calls):
        return None
    which = "very large or very small"
    if all(map(has_large, wrong)):
        which = "very large"
    elif all(map(has_small, wrong)):
        which = "very small"
    return Diagnosis(
        "depends-on-size",
        f"The answers are right for numbers of usual size and wrong for {which} ones.",
        "Take out what depends on the numbers' size: no clipping, no limits, no small number added, "
        "no rounding, no `float16`.",
    )


def is_usual(call: Call) -> bool:
    """Whether no array of floats in the call is very large or very small."""
    return not has_large(call) and not has_small(call)


def has_large(call: Call) -> bool:
    """Whether an array of floats in the call has a very large value."""
    return has_beyond(call, LARGE)


def has_beyond(call: Call, bound: float) -> bool:
    """Whether an array of floats in the call has a value of this magnitude or a larger one."""
    return any(size >= bound for size in _sizes(call.arguments))


def has_small(call: Call) -> bool:
    """Whether an array of floats in the call has a very small value, and not zero."""
    return any(0 < size <= SMALL for size in _sizes(call.arguments))


def leaves(tree: Any) -> Iterator[Any]:
    """What is in nested mappings, lists and tuples, from the first to the last."""
    if isinstance(tree, Mapping):
        tree = list(tree.values())
    if isinstance(tree, (list, tuple)):
        for item in tree:
            yield from leaves(item)
    else:
        yield tree


def _sizes(arguments: Any) -> Iterator[float]:
    """The magnitudes of all numbers in arrays of floats."""
    for value in leaves(arguments):
        if isinstance(value, np.ndarray) and value.dtype.kind == "f":
            yield from np.abs(value).ravel().tolist()
