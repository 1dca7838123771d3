"""Answers whose values were rounded, cut to whole numbers, or set to 0 in some places."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from conformance.judge.diagnosis import WrongAnswer
from conformance.judge.one_operation_off import RELATIVE, factor_between
from conformance.judge.verdict import Diagnosis

ENOUGH = 8
"""Values that have to show what was done to them."""
DECIMALS = range(5)
"""To so many digits after the point numbers are rounded."""
ROUNDING = 2.0**-18
"""How far off float32's own rounding may leave a value, as a share of it."""
HELD = 2.0**31
"""From where on no int32 holds a number: what it becomes depends on who converts it."""
USUAL_SHARE = (0.05, 0.95)
"""The least and the largest share of the values that dropout sets to 0."""

INTEGERS = Diagnosis(
    "integers-returned",
    "The answer holds integers, and the task asks for numbers with digits after the point.",
    "Look for `astype(int)`, `int(...)`, `//`, and an array of an integer dtype, also among what the answer "
    "is computed from.",
)
CUT = Diagnosis(
    "cut-to-whole-numbers",
    "The right values were cut to whole numbers.",
    "Leave out what drops the digits after the point: `astype(int)`, `int(...)`, `//`, `floor`, and an "
    "array of an integer dtype that the values are written into.",
)
ZEROS = Diagnosis(
    "some-values-are-zero",
    "Some values are exactly 0, where the right ones are not.",
    "Look for what sets numbers to 0: dropout, which the task does not ask for, a mask, an activation such "
    "as `relu` or `softplus`, and an array of zeros that is not filled whole.",
)


def of_cut_values(wrong: Sequence[WrongAnswer]) -> Diagnosis | None:
    """What was done to all values of the wrong answers: they were rounded, or cut to whole numbers.

    Args:
        wrong: every wrong answer.

    """
    flat = _flat(wrong)
    if flat is None:
        return None
    given, right = flat
    held = np.abs(right) < HELD
    given, right = given[held], right[held]
    near = ROUNDING * np.abs(right)
    found = _limited(given, right, near)
    if found is not None or np.any(np.abs(given - right) > 1 + near):
        return found
    towards_zero = np.abs(given) <= np.abs(right) + near
    if _is_told(given, right, 0) and np.all(towards_zero | (given == np.floor(right))):
        return CUT
    for decimals in DECIMALS:
        off = np.abs(given - right) <= 0.5 * 10.0**-decimals + near
        if np.all(off) and _is_told(given, right, decimals):
            return _rounded(decimals)
    return None


def _limited(given: np.ndarray, right: np.ndarray, near: np.ndarray) -> Diagnosis | None:
    """Whether values beyond a limit became the limit, and all others are right."""
    low, high = float(given.min()), float(given.max())
    near = 64 * near + ROUNDING * max(abs(low), abs(high))
    beyond = np.abs(given - right) > near
    if not np.any(beyond):
        return None
    below, above = beyond & (given > right), beyond & (given < right)
    limited = np.where(below, low, np.where(above, high, right))
    inside = ~beyond & (given > low) & (given < high)
    if min(np.sum(beyond), np.sum(inside)) < ENOUGH or np.any(np.abs(given - limited) > near):
        return None
    parts = [(limit, part) for limit, part in ((low, below), (high, above)) if np.any(part)]
    limits = [f"{limit:.4g}" for limit, _ in parts]
    # A limit at 0 is `relu`, which has words of its own.
    if limits == ["0"] or min(np.sum(part) for _, part in parts) < ENOUGH:
        return None
    return Diagnosis(
        "limited",
        f"The right values were cut off at {' and '.join(limits)}.",
        "Leave the limits out: no `clip`, `minimum` or `maximum`.",
    )


def of_zeros(wrong: Sequence[WrongAnswer]) -> Diagnosis | None:
    """Whether some values were set to 0, as dropout does: the others may be anything.

    Args:
        wrong: every wrong answer, which nothing else explains.

    """
    flat = _flat(wrong)
    if flat is None:
        return None
    given, right = (values[flat[1] != 0] for values in flat)
    zero = given == 0
    least, most = USUAL_SHARE
    if min(zero.sum(), (~zero).sum()) < ENOUGH or not least < zero.mean() < most:
        return None
    if not any(_is_mixed(each) for each in wrong):  # as of one example, less the mean of all
        return None
    factor = _factor(wrong)
    # Dropout scales up what it leaves, and sets numbers of either sign to 0, as `relu` does not.
    if factor is None or factor <= 1 + ROUNDING or np.all(right[zero] < 0):
        return ZEROS
    return Diagnosis(
        "dropout-left-in",
        f"Some values are 0, and the others are {factor:.4g} times the right ones.",
        "Leave dropout out, or a mask: the task asks for every value. Flax's dropout does nothing where "
        "it is `deterministic=True`.",
    )


def _is_mixed(wrong: WrongAnswer) -> bool:
    """Whether some of the answer's values are 0 and others are not, where all right ones are not."""
    flat = _flat([wrong])
    if flat is None:
        return False
    zero = flat[0][flat[1] != 0] == 0
    return bool(np.any(zero) and not np.all(zero))


def of_integers(wrong: Sequence[WrongAnswer]) -> Diagnosis | None:
    """Whether all wrong answers are integers where float32 was asked for.

    Args:
        wrong: every wrong answer, which nothing else explains.

    """
    pairs = [
        (given.dtype.kind, leaf.dtype)
        for each in wrong
        for given, leaf in zip(each.given.arrays, each.expected.leaves, strict=False)
    ]
    told = bool(pairs) and all(kind in "iu" and dtype.startswith("float") for kind, dtype in pairs)
    return INTEGERS if told else None


def _flat(wrong: Sequence[WrongAnswer]) -> tuple[np.ndarray, np.ndarray] | None:
    """All given values and all expected ones in two rows; None where an answer is made otherwise."""
    given: list[Any] = []
    right: list[Any] = []
    for each in wrong:
        arrays, leaves = each.given.arrays, each.expected.leaves
        if each.mismatch.what not in ("values", "dtype") or len(arrays) != len(leaves):
            return None
        given += [array.astype(np.float64).ravel() for array in arrays if array.dtype.kind in "iuf"]
        right += [leaf.value.astype(np.float64).ravel() for leaf in leaves]
    if len(given) != len(right):
        return None
    one, other = np.concatenate(given), np.concatenate(right)
    return (one, other) if one.shape == other.shape and np.all(np.isfinite(one)) else None


def _factor(wrong: Sequence[WrongAnswer]) -> float | None:
    """The number by which all given values that are not 0 are larger, in every call; None without one."""
    factors = []
    for each in wrong:
        flat = _flat([each])
        if flat is not None and np.any(flat[0]):
            left = flat[0] != 0
            factors.append(factor_between(flat[0][left], flat[1][left]))
    if not factors or None in factors:
        return None
    known = np.asarray(factors, np.float64)
    return float(known[0]) if np.allclose(known, known[0], rtol=RELATIVE) else None


def _is_told(given: np.ndarray, right: np.ndarray, decimals: int) -> bool:
    """Whether all given values have so few digits after the point, and enough right ones have more."""
    step = 10.0**-decimals
    with_more = (np.abs(right) > step) & (np.abs(given - right) > 64 * ROUNDING * np.abs(right))
    if with_more.sum() < ENOUGH:
        return False
    return bool(np.all(np.abs(given - np.round(given, decimals)) <= ROUNDING * np.abs(given)))


def _rounded(decimals: int) -> Diagnosis:
    digits = "1 digit" if decimals == 1 else f"{decimals} digits"
    where = f"{digits} after the point" if decimals else "whole numbers"
    return Diagnosis(
        "rounded",
        f"The right values were rounded to {where}.",
        "Leave the rounding out: no `round`, and no text that is made of the numbers.",
    )
