"""Weights or biases that are the right ones times a number, or plus one, beside arrays that are right."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from conformance.judge.diagnosis import WrongAnswer
from conformance.judge.ignored_arguments import KINDS
from conformance.judge.one_operation_off import RELATIVE, close, factor_between
from conformance.judge.verdict import Diagnosis

ENOUGH = 8
"""Numbers that the factor has to explain."""
ROUNDING = 2.0**-22
"""That of a sum, as a share of it."""


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
        return _of_offset(kind, [pair for pair in pairs if pair[1].ndim == kind])
    return Diagnosis(
        "scaled",
        f"The {KINDS[kind]} are {factor:.4g} times the right ones; the other arrays are right.",
        "Look for a factor that the task does not ask for.",
    )


def _of_offset(kind: int, pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> Diagnosis | None:
    """Whether all arrays of a kind are the right ones and one number."""
    given, right = (np.concatenate([pair[n].ravel() for pair in pairs]) for n in (0, 1))
    more = given - right
    if len(more) < ENOUGH or not np.all(np.isfinite(more)):
        return None
    offset = float(np.median(more))
    if not offset or np.any(
        np.abs(more - offset) > RELATIVE * abs(offset) + ROUNDING * np.abs(given)
    ):
        return None
    return Diagnosis(
        "offset",
        f"The {KINDS[kind]} are {abs(offset):.4g} {'more' if offset > 0 else 'less'} than the right ones; "
        "the other arrays are right.",
        "Look for a number that is added, and that the task does not ask for.",
    )


def _factor(pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> float | None:
    """The number that all of the right arrays have to be multiplied by; None where there is none."""
    given, right = (np.concatenate([pair[n].ravel() for pair in pairs]) for n in (0, 1))
    if np.count_nonzero(right) < ENOUGH:
        return None
    factor = factor_between(given, right)
    # Beside the largest array of all calls, what the others are off by goes unseen.
    if factor is None or not all(close(one, factor * other) for one, other in pairs):
        return None
    return 1.0 if np.isclose(factor, 1, rtol=RELATIVE) else factor
