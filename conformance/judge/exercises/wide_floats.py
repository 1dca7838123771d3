"""Values far from one: a solution may be right for numbers of usual size only.

Every value is finite, and far enough from the ends of float32 that no result overflows or is flushed to
zero: what a solution makes of infinities and NaN is no part of these exercises.
"""

from __future__ import annotations

import math

import numpy as np

from conformance.judge.exercises.exercise import draw_floats

KINDS = 4
"""Kinds of wide values that calls have in turn."""
MODERATE = 2.0**10
LARGEST = 2.0**40
"""How large values are where nothing else is said: two of them can be multiplied, and squared once more."""


def wide_kind(turn: int) -> int | None:
    """Which kind of wide values a call has; None in two calls of three, whose values are usual.

    Args:
        turn: the number of the call at its shape.

    """
    return turn // 3 % KINDS if turn % 3 == 1 else None


def wide_factor(turn: int, largest: float = LARGEST) -> np.float32:
    """What `draw_wide_floats` multiplies all values of a call by; 1 where they are usual or mixed.

    Args:
        turn: the number of the call at its shape.
        largest: the largest factor, a power of two; the smallest is one over it.

    """
    factors = {0: MODERATE, 1: largest, 2: 1 / largest}
    return np.float32(factors.get(-1 if (kind := wide_kind(turn)) is None else kind, 1.0))


def draw_wide_floats(
    random: np.random.RandomState, turn: int, *shape: int, largest: float = LARGEST
) -> np.ndarray:
    """As `draw_floats`, in every third call far from one.

    Four kinds of such calls take turns: all values times 1024, times `largest`, divided by it, and each
    slice along the first axis times a power of two of its own, between the two ends.

    Args:
        random: where the draws come from.
        turn: the number of the call at its shape.
        shape: the array's sizes.
        largest: a power of two. Give one that the results of the exercise bear in float32.

    """
    values = draw_floats(random, turn, *shape) * wide_factor(turn, largest)
    if wide_kind(turn) == KINDS - 1 and shape:
        end = int(math.log2(largest))
        powers = 2.0 ** random.randint(-end, end + 1, (shape[0], *(1 for _ in shape[1:])))
        values = values * np.asarray(powers, np.float32)
    return np.asarray(values, np.float32)
