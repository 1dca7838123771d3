"""Convolutions, and reductions over windows: sums of products and of terms, and choices."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from reference.error_bounds.bounded_array import BoundedArray, Rule, error_of, out_dtype, reach_of
from reference.error_bounds.reductions import summed
from reference.error_bounds.roundoff import smallest_normal
from reference.types import Array


def _spread(
    x: Array, dilation: Sequence[int], padding: Sequence[tuple[int, int]], fill: float
) -> Array:
    """With holes between the elements, and edges added or, where negative, removed."""
    holes = [max(0, (n - 1) * d + 1) for n, d in zip(x.shape, dilation, strict=True)]
    spread = np.full(holes, fill, np.float64)
    spread[tuple(slice(None, None, d) for d in dilation)] = x
    spread = np.pad(spread, [(max(a, 0), max(b, 0)) for a, b in padding], constant_values=fill)
    edges = zip(spread.shape, padding, strict=True)
    return spread[tuple(slice(max(-a, 0), n - max(-b, 0)) for n, (a, b) in edges)]


def _shifts(
    spread: Array, window: Sequence[int], strides: Sequence[int], dilation: Sequence[int]
) -> Iterator[tuple[tuple[int, ...], Array]]:
    """For each place in the window, that place and what all windows have there."""
    counts = [
        max(0, (n - (w - 1) * d - 1) // s + 1) if n >= (w - 1) * d + 1 else 0
        for n, w, s, d in zip(spread.shape, window, strides, dilation, strict=True)
    ]
    for place in itertools.product(*map(range, window)):
        starts = [p * d for p, d in zip(place, dilation, strict=True)]
        at = zip(starts, counts, strides, strict=True)
        yield place, spread[tuple(slice(a, a + (c - 1) * s + 1 if c else a, s) for a, c, s in at)]


def _windows(params: Any, x: Array, fill: float) -> Array:
    """All windows of `x`, the places in a window along a new first axis."""
    rank = np.ndim(x)
    spread = _spread(x, params.get("base_dilation", (1,) * rank), params["padding"], fill)
    dilation = params.get("window_dilation", (1,) * rank)
    shifts = _shifts(spread, params["window_dimensions"], params["window_strides"], dilation)
    return np.stack([values for _, values in shifts])


def _window_sum(equation: Any, x: BoundedArray) -> BoundedArray:
    def total(values: Array) -> Array:
        return _windows(equation.params, values, 0.0).sum(0)

    terms = int(np.prod(equation.params["window_dimensions"]))
    size, carried = total(np.abs(x.value)), total(error_of(x))
    return summed(total(x.value), carried, size, terms, out_dtype(equation))


def _window_pick(function: Callable[..., Array], fill: float) -> Rule:
    def rule(equation: Any, x: BoundedArray) -> BoundedArray:
        value = function(_windows(equation.params, x.value, fill), axis=0)
        return BoundedArray(value, np.max(_windows(equation.params, error_of(x), 0.0), axis=0))

    return rule


def _chosen(equation: Any, operand: BoundedArray) -> tuple[Array, Array]:
    """The place that each window selects, the first of equal ones, and which choices are in doubt."""
    sign = 1.0 if equation.params["select_prim"].name == "ge" else -1.0
    values = _windows(equation.params, sign * operand.value, -np.inf)
    errors = _windows(equation.params, reach_of(operand), 0.0)
    place = np.argmax(values, axis=0)[None]
    best, reach = (np.take_along_axis(a, place, 0) for a in (values, errors))
    near = (values + errors >= best - reach) & (errors + reach > 0)
    np.put_along_axis(near, place, False, 0)
    return place, np.any(near, axis=0)


def _select_and_gather_add(
    equation: Any, tangents: BoundedArray, operand: BoundedArray
) -> BoundedArray:
    """The tangent at the place that each window selects; any of the window's where that is in doubt."""
    place, doubt = _chosen(equation, operand)
    values = _windows(equation.params, tangents.value, 0.0)
    errors = _windows(equation.params, error_of(tangents), 0.0)
    value, error = (np.take_along_axis(a, place, 0)[0] for a in (values, errors))
    worst = np.max(np.abs(values - value) + errors, axis=0)
    return BoundedArray(value, np.where(doubt, worst, error))


def _select_and_scatter_add(
    equation: Any, source: BoundedArray, operand: BoundedArray
) -> BoundedArray:
    """Each window's source added at the place it selects; where that is in doubt, anywhere in it."""
    place, doubt = _chosen(equation, operand)
    shape, count = np.shape(operand.value), int(np.prod(np.shape(operand.value), dtype=int))
    positions = np.arange(1.0, count + 1).reshape(shape)
    everywhere = _windows(equation.params, positions, 0.0).astype(np.int64)  # zero: in the padding
    at = np.take_along_axis(everywhere, place, 0)[0]

    def added(where: Array, values: Array) -> Array:
        flat = np.zeros(count + 1)
        np.add.at(flat, np.ravel(where), np.ravel(values))
        return flat[1:].reshape(shape)

    value, size = added(at, source.value), added(at, np.abs(source.value))
    carried = added(at, error_of(source))
    spread = np.where(doubt, np.abs(source.value) + error_of(source), 0.0)
    carried = carried + added(everywhere, np.broadcast_to(spread, everywhere.shape))
    terms = int(np.prod(equation.params["window_dimensions"]))
    return summed(value, carried, size, terms, out_dtype(equation))


def _convolution(equation: Any, x: BoundedArray, w: BoundedArray) -> BoundedArray:
    """Sums of products, as many as a window has elements of its group's features."""
    params = equation.params
    spec = params["dimension_numbers"]
    kernel = np.transpose(w.value, spec.rhs_spec)
    terms = max(int(np.prod(kernel.shape[1:])), 1)

    def conv(left: Array, right: Array) -> Array:
        result = _convolved(
            params, np.transpose(left, spec.lhs_spec), np.transpose(right, spec.rhs_spec)
        )
        return np.transpose(result, np.argsort(spec.out_spec))

    ex, ew = error_of(x), error_of(w)
    ax, aw = np.abs(x.value), np.abs(w.value)
    carried = conv(ax, ew) + conv(ex, aw) + conv(ex, ew)
    dtype = out_dtype(equation)
    carried = carried + terms * smallest_normal(dtype)
    return summed(conv(x.value, w.value), carried, conv(ax, aw), terms, dtype)


def _convolved(params: Any, x: Array, kernel: Array) -> Array:
    """Of (batch, features, ...) and (out features, features of a group, ...), in float64."""
    groups, batch_groups = params["feature_group_count"], params["batch_group_count"]
    rank = x.ndim - 2
    spread = _spread(x, (1, 1, *params["lhs_dilation"]), ((0, 0), (0, 0), *params["padding"]), 0.0)
    window, dilation = (1, 1, *kernel.shape[2:]), (1, 1, *params["rhs_dilation"])
    out = kernel.shape[0]
    result: Any = 0.0
    for place, values in _shifts(spread, window, (1, 1, *params["window_strides"]), dilation):
        weights = kernel[(slice(None), slice(None), *place[2:])]
        batch, features, *spatial = values.shape
        each = values.reshape(
            batch_groups, batch // batch_groups, groups, features // groups, *spatial
        )
        if batch_groups > 1:
            grouped = weights.reshape(batch_groups, out // batch_groups, features)
            # (groups, batch, features, ...) times (groups, out, features)
            product = np.einsum("bnf...,bof->nbo...", each[:, :, 0], grouped)
        else:
            grouped = weights.reshape(groups, out // groups, features // groups)
            product = np.einsum("ngf...,gof->ngo...", each[0], grouped)
        result = result + product.reshape(
            product.shape[0], out, *product.shape[-rank:] if rank else ()
        )
    return np.asarray(result)


WINDOWS: dict[str, Rule] = {
    "reduce_window_sum": _window_sum,
    "reduce_window_max": _window_pick(np.max, -np.inf),
    "reduce_window_min": _window_pick(np.min, np.inf),
    "select_and_gather_add": _select_and_gather_add,
    "select_and_scatter_add": _select_and_scatter_add,
    "conv_general_dilated": _convolution,
}
