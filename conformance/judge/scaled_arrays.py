"""Answers of several arrays, some of which are the right ones times a number: weights, or biases."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from conformance.judge.diagnosis import WrongAnswer
from conformance.judge.one_operation_off import RELATIVE, factor_between
from conformance.judge.verdict import Diagnosis

ENOUGH = 8
"""Numbers that the factor has to explain."""
KINDS = {1: "biases", 2: "weights"}
"""What the arrays of so many axes are."""


def of_scaled_arrays(wrong: Sequence[WrongAnswer]) -> Diagnosis | None:
    """Whether all weights of every wrong answer, or all biases, are the right ones times one number.

    Args:
        wrong: every wrong answer.

    """
    if any(e.mismatch.what != "values" or len(e.expected.leaves) < len(KINDS) for e in wrong):
        return None
    pairs = [
        (given.astype(np.float64), np.asarray(leaf.value, np.float64))
        for each in wrong
        for given, leaf in zip(each.given.arrays, each.expected.leaves, strict=True)
    ]
    if {right.ndim for _, right in pairs} != set(KINDS):
        return None
    factors = {kind: _factor([p for p in pairs if p[1].ndim == kind]) for kind in KINDS}
    others = {kind: factor for kind, factor in factors.items() if factor != 1}
    if len(others) != 1:
        return None
    ((kind, factor),) = others.items()
    if factor is None:
        return None
    return Diagnosis(
        "scaled",
        f"The {KINDS[kind]} are {factor:.4g} times the right ones; the other arrays are right.",
        "Look for a factor that the task does not ask for.",
    )


def _factor(pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> float | None:
    """The number that all of the right arrays have to be multiplied by; None where there is none."""
    given, right = (np.concatenate([pair[n].ravel() for pair in pairs]) for n in (0, 1))
    if np.count_nonzero(right) < ENOUGH:
        return None
    factor = factor_between(given, right)
    return 1.0 if factor is not None and np.isclose(factor, 1, rtol=RELATIVE) else factor
