"""Answers that are the right ones but for something: the order of their axes, or their last digits."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import attrs
import numpy as np

from conformance.judge.compare import compare
from conformance.judge.diagnosis import TOO_MANY_AXES, WrongAnswer
from conformance.judge.value_ranges import has_beyond
from conformance.judge.verdict import Diagnosis

AXES_IN_ANOTHER_ORDER = Diagnosis(
    "axes-in-another-order",
    "The values are right, but the answer's axes are in another order.",
    "Look at `out_axes`, which says where the mapped axis goes, and at every `.T` and `moveaxis`.",
)
NOT_ACCURATE = Diagnosis(
    "not-accurate",
    "The values are close to the right ones, but less accurate than float32 is.",
    "Look for a step in `float16` or `bfloat16`, for rounding, and for a small number that is added.",
)
LOSES_DIGITS = Diagnosis(
    NOT_ACCURATE.pitfall,
    "The values are close to the right ones, but some of float32's last digits are wrong.",
    "Compute them as the task says: terms that cancel, `exp` of a `log` in place of a product, a "
    "small number that is added, and rounding lose digits.",
)
WHOLE_NUMBERS_ROUNDED = Diagnosis(
    "whole-numbers-rounded",
    "The whole numbers are almost right: they went through floating point, which rounds large ones.",
    "Compute with integers throughout: float32 holds whole numbers up to 16,777,216 only.",
)

FIXED_SIZE = Diagnosis(
    "fixed-size",
    "The answer has the same number of entries along an axis in every call, whatever is asked for.",
    "Take every size from the arguments, as in `x.shape[0]`: one that is written as a number fits some "
    "calls only.",
)

NOT_A_NUMBER = Diagnosis(
    "not-a-number",
    "The answer holds NaN, which is no number, where the right one is finite.",
    "Look for the logarithm or the root of a negative number, 0 divided by 0, and infinity less infinity.",
)

MAX_AXES = 4
"""Axes up to which their orders are tried."""
CLOSE = 2.0**-7
"""How far off most answers may be, as a share of the largest value in their array."""
MOST = 0.75
OF_FLOAT16 = 2.0**-13
"""A quarter of what a step in float16 is off by at most, as a share of the value."""
LARGEST_OF_FLOAT16, SMALLEST_OF_FLOAT16 = 65504.0, 2.0**-14
"""Beyond the one a number becomes infinite in `float16`, below the other it loses digits, or is zero."""
VANISHES = 2.0**-12
"""How far off all values are, at most, as a share of the largest, where a mistake nearly vanishes."""
CLOSE_ERRORS = 2.0**15
"""How far off the others may be, whose terms cancel, as a multiple of the error bound: bfloat16 has 16
bits less than float32, and a bound one unit for each rounding."""


def of_nearly_right(wrong: Sequence[WrongAnswer]) -> Diagnosis | None:
    """What is wrong with answers all of which are nearly right.

    Args:
        wrong: every wrong answer. Some of them have numbers far from one, at which a wrong formula
            is off by much more than rounding is.

    """
    with np.errstate(all="ignore"):  # a candidate's numbers may be any
        return _nearly_right(wrong)


def _nearly_right(wrong: Sequence[WrongAnswer]) -> Diagnosis | None:
    if all(map(_in_another_order, wrong)):
        return AXES_IN_ANOTHER_ORDER
    if all(map(_in_another_order_with_an_axis_more, wrong)):
        return TOO_MANY_AXES
    if all(each.mismatch.what == "shape" for each in wrong):
        return FIXED_SIZE if _is_of_fixed_size(wrong) else None
    if any(each.mismatch.what != "values" for each in wrong):
        return None
    in_range = [each for each in wrong if not _out_of_float16(each)] or wrong
    close = sum(_is_within(each, CLOSE, 0.0) for each in in_range)
    if close < MOST * len(in_range) or not all(
        _is_within(each, CLOSE, CLOSE_ERRORS) for each in in_range
    ):
        return None
    kinds = {leaf.value.dtype.kind for each in wrong for leaf in each.expected.leaves}
    if kinds != {"f"}:
        return WHOLE_NUMBERS_ROUNDED
    fine = all(_is_within(each, OF_FLOAT16, 0.0) for each in wrong)
    return LOSES_DIGITS if fine else NOT_ACCURATE


def nearly_vanishes(wrong: WrongAnswer) -> bool:
    """Whether every value is so near the right one that the mistake reads like rounding.

    Args:
        wrong: a wrong answer.

    """
    return wrong.mismatch.what == "values" and _is_within(wrong, VANISHES, 0.0)


def of_no_number(wrong: Sequence[WrongAnswer]) -> Diagnosis | None:
    """What is wrong with answers that hold NaN in place of numbers, or else are nearly right.

    Args:
        wrong: every wrong answer.

    """
    others = [each for each in wrong if not _is_nan_where_finite(each)]
    if len(others) == len(wrong) or any(each.mismatch.what != "values" for each in others):
        return None
    return NOT_A_NUMBER if all(_is_within(each, CLOSE, 0.0) for each in others) else None


def _is_nan_where_finite(wrong: WrongAnswer) -> bool:
    pairs = list(zip(wrong.given.arrays, wrong.expected.leaves, strict=False))
    return any(
        array.shape == leaf.value.shape
        and array.dtype.kind == "f"
        and np.any(np.isnan(array) & np.isfinite(leaf.value))
        for array, leaf in pairs
    )


def _is_of_fixed_size(wrong: Sequence[WrongAnswer]) -> bool:
    """Whether an axis is as long whatever the call, and two calls ask for different ones."""
    if any(len(e.given.arrays) != 1 or e.given.arrays[0].ndim == 0 for e in wrong):
        return False
    shapes = [(each.given.arrays[0].shape, each.expected.leaves[0].value.shape) for each in wrong]
    if any(len(got) != len(right) for got, right in shapes):
        return False
    axes = range(min(len(right) for _, right in shapes))
    return any(
        len({got[n] for got, _ in shapes}) == 1
        and len({right[n] for _, right in shapes}) > 1
        and (n == 0 or all(_but(got, n) == _but(right, n) for got, right in shapes))
        for n in axes
    )


def _but(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    """The sizes of the other axes."""
    return (*shape[:axis], *shape[axis + 1 :])


def _in_another_order(wrong: WrongAnswer) -> bool:
    """Whether another order of the answer's axes makes it right."""
    if len(wrong.given.arrays) != 1 or len(wrong.expected.leaves) != 1:
        return False
    array = wrong.given.arrays[0]
    if not 2 <= array.ndim <= MAX_AXES:
        return False
    orders = itertools.permutations(range(array.ndim))
    moved = (attrs.evolve(wrong.given, arrays=(array.transpose(order),)) for order in orders)
    return any(compare(each, wrong.expected) is None for each in moved)


def _in_another_order_with_an_axis_more(wrong: WrongAnswer) -> bool:
    """Whether the answer is right without an axis of size 1, in some order of the others.

    A vector with one is told as a column, or as one that was not flattened.
    """
    if len(wrong.given.arrays) != 1 or len(wrong.expected.leaves) != 1:
        return False
    array, axes = wrong.given.arrays[0], wrong.expected.leaves[0].value.ndim
    if axes < 2 or array.ndim != axes + 1 or 1 not in array.shape:
        return False
    without = attrs.evolve(wrong.given, arrays=(array.squeeze(array.shape.index(1)),))
    return compare(without, wrong.expected) is None or _in_another_order(
        attrs.evolve(wrong, given=without)
    )


def _out_of_float16(wrong: WrongAnswer) -> bool:
    """Whether the answer is wrong as one of float16 is where numbers leave its range."""
    left, huge = False, has_beyond(wrong.call, LARGEST_OF_FLOAT16)
    for array, leaf in zip(wrong.given.arrays, wrong.expected.leaves, strict=True):
        tiny = np.maximum(np.abs(array), np.abs(leaf.value)) < SMALLEST_OF_FLOAT16
        lost = ~np.isfinite(array) & (huge | (np.abs(leaf.value) > LARGEST_OF_FLOAT16))
        near = np.abs(array - leaf.value) <= CLOSE * np.max(np.abs(leaf.value), initial=0.0)
        if not np.all(tiny | lost | near):
            return False
        left |= not np.all(near)
    return left


def _is_within(wrong: WrongAnswer, share: float, errors: float) -> bool:
    """Whether every value is as near as a share of the largest one, or as a multiple of its bound."""
    for array, leaf in zip(wrong.given.arrays, wrong.expected.leaves, strict=True):
        largest = float(np.max(np.abs(leaf.value), initial=0.0))
        distance = np.abs(array.astype(np.float64) - leaf.value)
        error = np.zeros(()) if leaf.error is None else leaf.error
        if not np.all(distance <= np.maximum(share * largest, errors * error)):
            return False
    return True
