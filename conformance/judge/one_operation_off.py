"""Wrong answers that differ from the right ones by one operation: a factor, a sum, an activation."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np

from conformance.judge import operation_words as words
from conformance.judge.diagnosis import WrongAnswer
from conformance.judge.verdict import Diagnosis

RESHAPED = Diagnosis(
    "wrong-shape",
    "The values are right, but the answer's shape is not.",
    "Look for `keepdims`, `squeeze`, `[None]` and `reshape`, for an argument with an axis too many, and in "
    "`pmap` for an `out_axes` other than 0.",
)
FACTOR_OF_THE_CALL = Diagnosis(
    "scaled-in-each-call",
    "The numbers are the right ones times a factor, which is another one from call to call.",
    "Look for a factor that comes from the arguments: a mean in place of a sum, or a sum in place of a "
    "mean, a division by the largest number or by a norm, and a factor that is applied twice.",
)
NORMALISED = Diagnosis(
    "normalised",
    "The right values were shifted and scaled to mean 0 and deviation 1.",
    "Leave it out: the task asks for no normalisation, by batch or by layer.",
)
SORTED = Diagnosis(
    "sorted",
    "The right values came sorted by their size.",
    "Leave them in the order of the examples: look for `sort`.",
)
IN_ANOTHER_ORDER = Diagnosis(
    "in-another-order",
    "The right values came in another order.",
    "Leave them in the order of the examples: look for `roll`, `permutation`, `ppermute`, and for a loop "
    "that begins elsewhere.",
)
RELATIVE = 1e-4
"""How far off a value may be, as a share of it, to be recognised."""
ABSOLUTE = 1e-5
"""The same as a share of the largest value in the array."""
ROUNDING = 2.0**-20
"""The rounding of a sum, as a share of its largest term: eight times that of float32."""
ENOUGH = 3
"""Values, or calls, that a factor has to explain: fewer are explained by chance."""
MAX_AXES = 4
"""Axes up to which sums over each set of them are tried."""

SMALL = (0.0, 1e-8, 1e-6, 1e-5, 1e-3)
"""Numbers that are added to a deviation or a variance, so that nothing is divided by zero."""
SPREAD = 2.0**-4
"""The least deviation, as a share of the largest number, by which a normalisation is recognised."""

JOINED: dict[str, Callable[..., np.ndarray]] = {
    "sum": np.sum,
    "mean": np.mean,
    "largest": np.max,
    "smallest": np.min,
}
"""What several values become one by."""
BY_PLACE: dict[str, Callable[..., np.ndarray]] = {
    "multiplied by": np.multiply,
    "added to": np.add,
}
"""What may be done with a value and the number of its place."""

Axes = tuple[int, ...]
Activation = Callable[[np.ndarray], np.ndarray]


def _softmax(x: np.ndarray) -> np.ndarray:
    shares = np.exp(x - x.max(-1, keepdims=True))
    return np.asarray(shares / shares.sum(-1, keepdims=True))


ACTIVATIONS: dict[str, Activation] = {
    "relu": lambda x: np.maximum(x, 0),
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "softmax": _softmax,
    "abs": np.abs,
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "square": np.square,
}

APPLIED: dict[str, Activation] = {
    **ACTIVATIONS,
    "softplus": lambda x: np.logaddexp(x, 0),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.01 * x),
    "elu": lambda x: np.where(x > 0, x, np.expm1(x)),
    "silu": lambda x: x / (1 + np.exp(-x)),
    "gelu": lambda x: x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
}
"""What may have been applied to right values: more than what they may lack."""

Pair = tuple[np.ndarray, np.ndarray]
"""What was given and what was expected, as float64."""
Compared = Callable[[np.ndarray, np.ndarray], Pair]
"""Gives the two arrays that are equal where this operation is what is wrong."""


def of_one_operation(wrong: Sequence[WrongAnswer]) -> Diagnosis | None:
    """The operation by which every one of the wrong answers differs from the right one.

    Args:
        wrong: every wrong answer to the calls that were drawn.

    """
    calls = [_pairs(each) for each in wrong]
    if not all(calls):
        return None
    with np.errstate(all="ignore"):  # a candidate's numbers may be any
        if all(given.shape == right.shape for pairs in calls for given, right in pairs):
            found = _constant(calls) or _factor(calls) or _offset(calls)
            if found is not None:
                return found
        elif all(_is_reshaped(*pair) for pairs in calls for pair in pairs):
            return RESHAPED
        if any(len(pairs) != 1 for pairs in calls):
            return None
        alone = [pairs[0] for pairs in calls]
        ways = _ways(*alone[-1])
        return next((found for found, way in ways if _explains(way, alone)), None)


def _pairs(wrong: WrongAnswer) -> list[Pair]:
    """Each array of the answer beside the expected one; none where the answer is made otherwise."""
    arrays, leaves = wrong.given.arrays, wrong.expected.leaves
    if wrong.mismatch.what == "structure" or len(arrays) != len(leaves):
        return []
    if any(array.dtype.kind not in "biuf" or not array.size for array in arrays):
        return []
    pairs = zip(arrays, leaves, strict=True)
    return [(a.astype(np.float64), leaf.value.astype(np.float64)) for a, leaf in pairs]


def _constant(calls: Sequence[Sequence[Pair]]) -> Diagnosis | None:
    """One number that all answers are made of, and no expected one: softmax gives 1 for any number alone."""
    given, right = (np.concatenate([_joined(pairs, place) for pairs in calls]) for place in (0, 1))
    if len(calls) < ENOUGH or not np.isfinite(given[:1]).all() or np.any(given != given[:1]):
        return None
    if np.all(right == right[:1]):
        return None
    written = " Zeros stay unless you keep what `at` gives: `out = out.at[i].set(value)`."
    return Diagnosis(
        "constant-answer",
        f"Every number in the wrong answers is {given[0]:.4g}, whatever the call.",
        "Compute the answer from the arguments, in every branch of the function."
        + (written if not given[0] else ""),
    )


def _factor(calls: Sequence[Sequence[Pair]]) -> Diagnosis | None:
    """A factor between all given and all expected numbers, or between those of each call."""
    flat = [(_joined(pairs, 0), _joined(pairs, 1)) for pairs in calls]
    factors = [factor_between(*pair) for pair in flat]
    if None in factors:
        return None
    values = [int(np.count_nonzero(right)) for _, right in flat]
    common = factors[int(np.argmax(values))]
    assert common is not None
    if all(close(given, common * right) for given, right in flat):
        unlike = not np.isclose(common, 1, rtol=RELATIVE)
        return _scaled(common) if sum(values) >= ENOUGH and unlike else None
    return FACTOR_OF_THE_CALL if sum(each > 1 for each in values) >= ENOUGH else None


def _offset(calls: Sequence[Sequence[Pair]]) -> Diagnosis | None:
    """One number by which all given numbers are more than the expected ones."""
    more = np.concatenate([_joined(pairs, 0) - _joined(pairs, 1) for pairs in calls])
    largest = np.concatenate([np.full(len(_joined(p, 1)), _largest(_joined(p, 1))) for p in calls])
    if more.size < ENOUGH or not np.all(np.isfinite(more)):
        return None
    offset = float(more[np.argmin(largest)])  # where the others round it least
    if abs(offset) <= ABSOLUTE * largest.min() or not np.all(
        np.abs(more - offset) <= RELATIVE * abs(offset) + ABSOLUTE * largest
    ):
        return None
    return Diagnosis(
        "offset",
        f"Every number is {abs(offset):.4g} {'more' if offset > 0 else 'less'} than the right one.",
        "Look for a number that is added, or a bias, that the task does not ask for.",
    )


def _joined(pairs: Sequence[Pair], place: int) -> np.ndarray:
    return np.concatenate([pair[place].ravel() for pair in pairs])


def factor_between(given: np.ndarray, right: np.ndarray) -> float | None:
    """What the expected numbers have to be multiplied by, unless it is 0 or is no number.

    Args:
        given: numbers, along one axis.
        right: as many.

    """
    if not np.any(right):
        return None
    largest = np.argmax(np.abs(right))
    factor = float(given[largest] / right[largest])
    return factor if factor and np.isfinite(factor) and close(given, factor * right) else None


def _scaled(factor: float) -> Diagnosis:
    if np.isclose(factor, -1, rtol=RELATIVE):
        return Diagnosis(
            "sign-reversed", "Every number has the opposite sign.", "Look for a minus sign."
        )
    return Diagnosis(
        "scaled",
        f"Every number is {factor:.4g} times the right one.",
        "Look for a factor that the task does not ask for.",
    )


def _ways(given: np.ndarray, right: np.ndarray) -> Iterator[tuple[Diagnosis, Compared]]:
    """The operations that may lie between two arrays, by their shapes."""
    if given.shape == right.shape:
        for name, activation in APPLIED.items():
            yield words.activated(name), partial(_applied, activation)
        for name, activation in ACTIVATIONS.items():
            if activation is not _softmax:  # which makes 1 of any number that stands alone
                yield words.not_activated(name), partial(_still_to_apply, activation)
        for axis, (name, reduction) in itertools.product((0, -1), JOINED.items()):
            yield words.joined_up(name, axis), partial(_spread, reduction, axis)
        for axis in (0, -1):
            yield words.backwards(axis), partial(_moved, np.flip, axis)
            yield words.running(axis), partial(_moved, np.cumsum, axis)
            yield SORTED, partial(_moved, np.sort, axis)
        yield IN_ANOTHER_ORDER, _counted_off
        for axis in (0, -1):
            yield words.centred(axis), partial(_centred, axis)
        for axis, first, (what, change) in itertools.product((0, -1), (0, 1), BY_PLACE.items()):
            yield words.by_place(what, first, axis), partial(_by_place, change, first, axis)
        for axis in (0, -1):
            yield words.divided_by_sum(axis), partial(_divided_by_sum, axis)
        yield words.ONE_HOT, _one_hot
        for axis, small in itertools.product((0, -1), SMALL):
            yield NORMALISED, partial(_normalised, axis, small, 0.0)
            yield NORMALISED, partial(_normalised, axis, 0.0, small)
    elif given.size > right.size:
        for axes in _sets_of_axes(given.ndim):
            yield words.not_summed(axes), partial(_given_reduced, np.sum, axes)
            yield words.not_averaged(axes), partial(_given_reduced, np.mean, axes)
    else:
        for axes in _sets_of_axes(right.ndim):
            over = f"over {words.named(axes)}"
            yield words.summed(f"added up {over}"), partial(_right_reduced, np.sum, axes)
            yield words.summed(f"averaged {over}"), partial(_right_reduced, np.mean, axes)
        yield words.PLACE_OF_LARGEST, _place_of_largest
        of_rows = words.summed("added up over all axes but the first")
        yield of_rows, lambda g, r: (g, r.reshape(*r.shape[:1], -1).sum(-1))
        for how, reduction in (("added up", np.sum), ("averaged", np.mean)):
            yield words.summed(f"{how} over the examples"), partial(_folded, reduction, 0)
            yield words.summed(f"{how} for each example"), partial(_folded, reduction, -1)


def _spread(
    reduction: Callable[..., np.ndarray], axis: int, given: np.ndarray, right: np.ndarray
) -> Pair:
    """Every place along the axis with what all of them give."""
    joined = reduction(right, axis=axis, keepdims=True)
    return _but_for_rounding(given, np.broadcast_to(joined, right.shape), right)


def _moved(
    change: Callable[..., np.ndarray], axis: int, given: np.ndarray, right: np.ndarray
) -> Pair:
    return given, np.asarray(change(right, axis=axis))


def _by_place(
    change: Callable[..., np.ndarray], first: int, axis: int, given: np.ndarray, right: np.ndarray
) -> Pair:
    if right.ndim == 0:
        return given, right
    places = np.arange(first, first + right.shape[axis])
    aligned = np.moveaxis(right, axis, -1)
    return given, np.moveaxis(change(aligned, places), -1, axis)


def _counted_off(given: np.ndarray, right: np.ndarray) -> Pair:
    """The numbers of both by their size."""
    return np.sort(given, axis=None), np.sort(right, axis=None)


def _centred(axis: int, given: np.ndarray, right: np.ndarray) -> Pair:
    return _but_for_rounding(given, right - right.mean(axis, keepdims=True), right)


def _folded(
    reduction: Callable[..., np.ndarray], axis: int, given: np.ndarray, right: np.ndarray
) -> Pair:
    """Numbers in one row, of which those of one example, or of one feature, became one."""
    folded = right.reshape((-1, *given.shape) if axis == 0 else (*given.shape, -1))
    return _but_for_rounding(given, np.asarray(reduction(folded, axis=axis)), right)


def _but_for_rounding(given: np.ndarray, due: np.ndarray, terms: np.ndarray) -> Pair:
    """The two, where terms that cancel leave no more between them than the rounding of the terms."""
    if given.shape != due.shape:
        return given, due
    return np.where(np.abs(given - due) <= ROUNDING * _largest(terms), due, given), due


def _applied(activation: Activation, given: np.ndarray, right: np.ndarray) -> Pair:
    return given, activation(right)


def _divided_by_sum(axis: int, given: np.ndarray, right: np.ndarray) -> Pair:
    total = right.sum(axis, keepdims=True)
    # What cancels in a sum leaves it with few digits.
    told = np.abs(total) > SPREAD * np.abs(right).sum(axis, keepdims=True)
    return np.where(told, given, 0.0), np.where(told, right / total, 0.0)


def _one_hot(given: np.ndarray, right: np.ndarray) -> Pair:
    """One where the largest number along the last axis is, and 0 elsewhere."""
    if not right.ndim or not np.all((given == 0) | (given == 1)):
        return given, np.full_like(given, np.nan)
    return given, np.asarray(np.arange(right.shape[-1]) == right.argmax(-1)[..., None], np.float64)


def _place_of_largest(given: np.ndarray, right: np.ndarray) -> Pair:
    return given.reshape(right.shape[:-1]), right.argmax(-1).astype(np.float64)


def _still_to_apply(activation: Activation, given: np.ndarray, right: np.ndarray) -> Pair:
    return activation(given), right


def _normalised(
    axis: int, to_variance: float, to_deviation: float, given: np.ndarray, right: np.ndarray
) -> Pair:
    centred = right - right.mean(axis, keepdims=True)
    variance = np.mean(centred**2, axis, keepdims=True)
    # The deviation of numbers that are almost equal is what rounding left of them.
    told = np.sqrt(variance) > SPREAD * np.max(np.abs(right), axis, initial=0.0, keepdims=True)
    normalised = centred / (np.sqrt(variance + to_variance) + to_deviation)
    return np.where(told, given, 0.0), np.where(told, normalised, 0.0)


def _given_reduced(
    reduction: Callable[..., np.ndarray], axes: Axes, given: np.ndarray, right: np.ndarray
) -> Pair:
    return np.asarray(reduction(given, axis=axes)), right


def _right_reduced(
    reduction: Callable[..., np.ndarray], axes: Axes, given: np.ndarray, right: np.ndarray
) -> Pair:
    return _but_for_rounding(given, np.asarray(reduction(right, axis=axes)), right)


def _sets_of_axes(ndim: int) -> Iterator[Axes]:
    if ndim <= MAX_AXES:
        for count in range(1, ndim + 1):
            yield from itertools.combinations(range(ndim), count)


def _is_reshaped(given: np.ndarray, right: np.ndarray) -> bool:
    return given.size == right.size and close(given.ravel(), right.ravel())


def _explains(way: Compared, calls: Sequence[Pair]) -> bool:
    return all(_equal(way, *p) for p in calls) and any(np.any(way(*p)[1]) for p in calls)


def _equal(way: Compared, given: np.ndarray, right: np.ndarray) -> bool:
    try:
        got, due = way(given, right)
    except ValueError:  # at these shapes it is no such operation
        return False
    if got.shape != due.shape:
        return False
    nan = np.isnan(got) & np.isnan(due)  # as of the root of a negative number
    return not np.all(nan) and close(got[~nan], due[~nan])


def _largest(values: np.ndarray) -> float:
    return float(np.max(np.abs(values), initial=0.0))


def close(got: np.ndarray, due: np.ndarray) -> bool:
    """Whether numbers are near enough to others to be recognised: never for a verdict.

    Args:
        got: some numbers.
        due: as many.

    """
    return bool(np.allclose(got, due, rtol=RELATIVE, atol=ABSOLUTE * _largest(due)))
