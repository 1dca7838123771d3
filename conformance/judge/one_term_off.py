"""Wrong answers that are the right ones and a term made of an argument: weight decay, a penalty."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from conformance.judge.diagnosis import WrongAnswer
from conformance.judge.expected_answers import flat_arrays
from conformance.judge.verdict import Diagnosis

RELATIVE = 2.0**-7
"""How far off the term may be, as a share of it: it is a small part of numbers that were rounded."""
ROUNDING = 2.0**-20
"""The same as a share of the largest number beside it: eight times the rounding of float32."""
CLEAR = 8
"""How many times as large as that rounding the largest term has to be."""
ENOUGH = 3
"""Numbers, or calls, that a factor has to explain: fewer are explained by chance."""

Arrays = list[np.ndarray]
PARTS: tuple[tuple[str, Callable[[np.ndarray], bool]], ...] = (
    ("", lambda array: True),
    ("the weights in ", lambda array: array.ndim > 1),
)
"""The arrays of an argument that a term may be made of, and what they are called."""
PENALTIES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "squares": np.square,
    "absolute values": np.abs,
}


def of_one_term(wrong: Sequence[WrongAnswer]) -> Diagnosis | None:
    """The argument that every one of the wrong answers has a term of.

    Args:
        wrong: every wrong answer to the calls that were drawn.

    """
    more = [_more(each) for each in wrong]
    if not all(more):
        return None
    with np.errstate(all="ignore"):  # a candidate's numbers may be any
        for name in wrong[0].call.arguments:
            arguments = [_floats(each, name) for each in wrong]
            found = _multiple(name, more, arguments) or _penalty(name, more, arguments)
            if found is not None:
                return found
    return None


def _more(wrong: WrongAnswer) -> list[tuple[np.ndarray, float]]:
    """By how much each array is more than the right one, and the rounding of it; [] where none is."""
    arrays, leaves = wrong.given.arrays, wrong.expected.leaves
    if wrong.mismatch.what != "values" or any(a.dtype.kind != "f" for a in arrays):
        return []
    found = []
    for array, leaf in zip(arrays, leaves, strict=True):
        given, right = array.astype(np.float64), np.asarray(leaf.value, np.float64)
        if not (np.all(np.isfinite(given)) and np.all(np.isfinite(right))):
            return []
        largest = np.max(np.abs(np.stack([given, right])), initial=0.0)
        bound = 0.0 if leaf.error is None else float(np.max(leaf.error, initial=0.0))
        found.append((given - right, max(ROUNDING * float(largest), bound)))
    return found


def _floats(wrong: WrongAnswer, name: str) -> Arrays:
    """The arrays of an argument, if they hold floating-point numbers."""
    arrays = flat_arrays(wrong.call.arguments[name])
    floats = all(array.dtype.kind == "f" for array in arrays)
    return [array.astype(np.float64) for array in arrays] if floats else []


def _multiple(
    name: str, more: Sequence[list[tuple[np.ndarray, float]]], arguments: Sequence[Arrays]
) -> Diagnosis | None:
    """Whether each answer is more than the right one by a multiple of an argument of its shapes."""
    if not all(
        [d.shape for d, _ in each] == [a.shape for a in arrays]
        for each, arrays in zip(more, arguments, strict=True)
    ):
        return None
    for which, kept in PARTS:
        pairs = zip(more, arguments, strict=True)
        told = [
            _explained(each, [a if kept(a) else 0 * a for a in arrays]) for each, arrays in pairs
        ]
        if None not in told:
            enough = sum(each or 0 for each in told) >= ENOUGH
            return _term(f"{which}`{name}`", name) if enough else None
    return None


def _term(what: str, name: str) -> Diagnosis:
    return Diagnosis(
        "term-of-an-argument",
        f"Every number is off by a multiple of {what}.",
        f"Look for a term with `{name}` that the task does not ask for, {_EXAMPLES.get(name, _OTHERS)}.",
    )


_EXAMPLES = {"params": "such as weight decay, or a penalty on the weights in the loss"}
_OTHERS = "and for what it is multiplied with: that may be rounded, or another number"


def _explained(more: Sequence[tuple[np.ndarray, float]], terms: Arrays) -> int | None:
    """How many numbers one factor of the terms explains, if it explains all; None where it does not."""
    flat = np.concatenate([d.ravel() for d, _ in more])
    rounding = np.concatenate([np.full(d.size, bound) for d, bound in more])
    joined = np.concatenate([term.ravel() for term in terms])
    if not np.any(joined):
        return None if np.any(np.abs(flat) > rounding) else 0
    largest = int(np.argmax(np.abs(joined)))
    factor = flat[largest] / joined[largest]
    term = factor * joined
    if np.any(np.abs(flat - term) > RELATIVE * np.abs(term) + rounding):
        return None
    return int(np.count_nonzero(np.abs(term) > CLEAR * rounding))


def _penalty(
    name: str, more: Sequence[list[tuple[np.ndarray, float]]], arguments: Sequence[Arrays]
) -> Diagnosis | None:
    """Whether each answer is one number, and more than the right one by a penalty on an argument."""
    if any(len(each) != 1 or each[0][0].size != 1 for each in more):
        return None
    off = [(float(d.ravel()[0]), bound) for [(d, bound)] in more]
    for which, kept in PARTS:
        for words, of in PENALTIES.items():
            sums = [sum(float(of(a).sum()) for a in arrays if kept(a)) for arrays in arguments]
            factor = _common(off, sums)
            if factor is not None:
                return Diagnosis(
                    "penalty-added",
                    f"The answer has a penalty: {factor:.3g} times the sum of the {words} of "
                    f"{which}`{name}`.",
                    "Leave it out: the task asks for the loss without it.",
                )
    return None


def _common(off: Sequence[tuple[float, float]], sums: Sequence[float]) -> float | None:
    """The one factor by which the sums give every difference."""
    clear = [(d, bound, s) for (d, bound), s in zip(off, sums, strict=True) if s]
    if not clear:
        return None
    d, _bound, s = max(clear, key=lambda each: abs(each[0]) / each[1] if each[1] else np.inf)
    factor = d / s
    agreeing = [
        abs(d - factor * s) <= RELATIVE * abs(factor * s) + bound
        for (d, bound), s in zip(off, sums, strict=True)
    ]
    told = sum(abs(factor * s) > CLEAR * bound for (_, bound), s in zip(off, sums, strict=True))
    return factor if all(agreeing) and told >= ENOUGH else None
