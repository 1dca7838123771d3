"""Sorting and choosing: values move by no more than what they are chosen from, places must be certain."""

from typing import Any

import numpy as np

from reference.error_bounds.bounded_array import (
    BoundedArray,
    Rule,
    error_of,
    is_certain,
    reach_of,
    with_doubt,
)
from reference.types import Array


def _sort(equation: Any, *operands: BoundedArray) -> list[BoundedArray]:
    """Stable, by the first `num_keys` operands; the others go where their keys go.

    The k-th smallest of a row moves by no more than the row's largest error. What goes along is in
    doubt wherever two keys within each other's error may change places.
    """
    axis, keys = equation.params["dimension"], operands[: equation.params["num_keys"]]
    order = np.lexsort([np.asarray(key.value) for key in reversed(keys)], axis=axis)
    moved = [_taken(x, order, axis) for x in operands]
    if all(map(is_certain, keys)):
        return moved
    error = np.maximum.reduce([error_of(key) for key in keys])
    worst = np.broadcast_to(np.max(error, axis=axis, keepdims=True, initial=0.0), error.shape)
    if len(keys) == 1:
        swaps = _may_swap(moved[0], axis)
        results = [BoundedArray(moved[0].value, worst)]
    else:
        # Which of two keys decides may itself be in doubt: nothing is known of the rows that have any.
        swaps, results = worst > 0, []
    rest = moved[len(results) :]
    return [*results, *(_in_doubt(x, swaps, axis) for x in rest)]


def _taken(x: BoundedArray, order: Array, axis: int) -> BoundedArray:
    value = np.take_along_axis(np.asarray(x.value), order, axis)
    error = None if x.error is None else np.take_along_axis(x.error, order, axis)
    return BoundedArray(value, error)


def _may_swap(ordered: BoundedArray, axis: int) -> Array:
    """Which sorted elements may be elsewhere: those within their error of a neighbour of theirs.

    A run of neighbours that may each be in the next one's place is in doubt as a whole.
    """
    value, error = (np.moveaxis(a, axis, -1) for a in (ordered.value, reach_of(ordered)))
    high = np.fmax.accumulate(value + error, axis=-1)
    low = np.flip(np.fmin.accumulate(np.flip(value - error, -1), axis=-1), -1)
    touching = low[..., 1:] <= high[..., :-1]
    # Exact neighbours that are equal keep their order.
    exact = (error[..., 1:] == 0) & (error[..., :-1] == 0)
    alone = (low[..., 1:] == value[..., 1:]) & (high[..., :-1] == value[..., :-1])
    touching = touching & ~(exact & alone)
    swaps = np.zeros(value.shape, bool)
    swaps[..., 1:] |= touching
    swaps[..., :-1] |= touching
    return np.moveaxis(swaps, -1, axis)


def _in_doubt(x: BoundedArray, swaps: Array, axis: int) -> BoundedArray:
    """What may be in another's place is in doubt, unless all of its row is the same."""
    same = np.all(x.value == np.take(x.value, [0], axis=axis), axis=axis, keepdims=True)
    doubt = swaps & ~same
    return BoundedArray(x.value, np.where(doubt, np.inf, error_of(x)))


def _top_k(equation: Any, x: BoundedArray) -> list[BoundedArray]:
    """The largest first; of equal ones the first."""
    axis, k = equation.params.get("axis", -1), equation.params["k"]
    axis = axis % np.ndim(x.value)
    numbers = np.asarray(x.value)
    order = np.lexsort([-numbers, ~np.isnan(numbers)], axis=axis)  # NaN is larger than all others
    ordered = _taken(x, order, axis)
    swaps = _may_swap(BoundedArray(-ordered.value, ordered.error), axis)
    first = tuple(slice(k) if i == axis else slice(None) for i in range(np.ndim(x.value)))
    worst = np.broadcast_to(np.max(error_of(x), axis=axis, keepdims=True), np.shape(x.value))
    value = BoundedArray(ordered.value[first], None if is_certain(x) else worst[first])
    places = order.astype(equation.outvars[1].aval.dtype)
    return [value, with_doubt(places[first], swaps[first] & (not is_certain(x)))]


def _arg_pick(sign: int) -> Rule:
    """The place of the largest (or, with `sign` -1, the smallest); of equal ones the first."""

    def rule(equation: Any, x: BoundedArray) -> BoundedArray:
        (axis,) = equation.params["axes"]
        value, error = sign * np.asarray(x.value), reach_of(x)
        place = np.argmax(value, axis=axis)
        at = np.expand_dims(place, axis)
        best, reach = (np.take_along_axis(a, at, axis) for a in (value, error))
        near = (value + error >= best - reach) & (error + reach > 0)
        np.put_along_axis(near, at, False, axis)
        doubt = np.any(near, axis=axis)
        return with_doubt(place.astype(equation.params["index_dtype"]), doubt)

    return rule


SORTING: dict[str, Rule] = {
    "sort": _sort,
    "top_k": _top_k,
    "argmax": _arg_pick(1),
    "argmin": _arg_pick(-1),
}
