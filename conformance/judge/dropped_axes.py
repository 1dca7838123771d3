"""Answers that are right but for axes of size 1, which some operation has dropped."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np

from conformance.judge.compare import GivenAnswer, compare
from conformance.judge.expected_answers import ExpectedAnswer
from conformance.judge.verdict import Diagnosis

AXIS_DROPPED = Diagnosis(
    "axis-of-one-dropped",
    "The values are right, but where there is one example, or one number for each, the answer lacks "
    "that axis.",
    "Keep it: `.squeeze()` drops every axis of size 1, `.squeeze(-1)` or `[:, 0]` the one that is meant; "
    "and no `if` for one example.",
)


def lacks_an_axis(given: GivenAnswer, right: ExpectedAnswer) -> bool:
    """Whether an answer is right once axes of size 1 are put back.

    Args:
        given: a wrong answer.
        right: the expected one.

    """
    shapes = [leaf.value.shape for leaf in right.leaves]
    if given.unfit is not None or len(given.arrays) != len(shapes):
        return False
    pairs = list(zip(given.arrays, shapes, strict=True))
    if not all(_without_ones(array.shape) == _without_ones(shape) for array, shape in pairs):
        return False
    missing = [len(shape) - array.ndim for array, shape in pairs]
    if min(missing) < 0 or max(missing) == 0:
        return False
    whole = tuple(np.reshape(array, shape) for array, shape in pairs)
    return compare(attrs.evolve(given, arrays=whole), right) is None


def _without_ones(shape: Sequence[int]) -> list[int]:
    return [size for size in shape if size != 1]
