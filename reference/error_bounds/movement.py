"""Primitives that only move data: they take the error that their operands carry along."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from reference.error_bounds.bounded_array import (
    BoundedArray,
    Rule,
    error_of,
    is_certain,
    is_float,
)
from reference.types import Array


def _moves(function: Callable[..., Array]) -> Rule:
    """`function(params, *arrays)` moves the values, and the errors as it moves the values."""

    def rule(equation: Any, *operands: BoundedArray) -> BoundedArray:
        value = function(equation.params, *(x.value for x in operands))
        if all(x.error is None for x in operands):
            return BoundedArray(value, None)
        return BoundedArray(value, function(equation.params, *(error_of(x) for x in operands)))

    return rule


def _moves_apart(function: Callable[[Any, Array], list[Array]]) -> Rule:
    """Data movement into several results: `function(params, array)` gives them in order."""

    def rule(equation: Any, x: BoundedArray) -> list[BoundedArray]:
        values = function(equation.params, x.value)
        if x.error is None:
            return [BoundedArray(value, None) for value in values]
        errors = function(equation.params, x.error)
        return [BoundedArray(*pair) for pair in zip(values, errors, strict=True)]

    return rule


def _unchanged(equation: Any, *operands: BoundedArray) -> list[BoundedArray]:
    return list(operands)


def _broadcast(params: Any, x: Array) -> Array:
    shape = [1] * len(params["shape"])
    for position, size in zip(params["broadcast_dimensions"], np.shape(x), strict=True):
        shape[position] = size
    return np.broadcast_to(np.reshape(x, shape), params["shape"])


def _slice(params: Any, x: Array) -> Array:
    strides = params["strides"] or (1,) * np.ndim(x)
    bounds = zip(params["start_indices"], params["limit_indices"], strides, strict=True)
    return x[tuple(slice(*b) for b in bounds)]


def _pad(params: Any, x: Array, fill: Array) -> Array:
    """Interior padding first, then the edges: negative padding removes from them."""
    config = params["padding_config"]
    shape = zip(x.shape, config, strict=True)
    spread = np.full(
        [max(0, n + (n - 1) * hole) for n, (_, _, hole) in shape], fill, np.result_type(x)
    )
    spread[tuple(slice(None, None, hole + 1) for _, _, hole in config)] = x
    widths = [(max(low, 0), max(high, 0)) for low, high, _ in config]
    padded = np.pad(spread, widths, constant_values=fill)
    edges = zip(padded.shape, config, strict=True)
    return padded[tuple(slice(max(-low, 0), n - max(-high, 0)) for n, (low, high, _) in edges)]


def _select(equation: Any, which: BoundedArray, *cases: BoundedArray) -> BoundedArray:
    """Each element of the case that is chosen; where the choice is in doubt, it may be any of them."""
    index = np.broadcast_to(np.asarray(which.value).astype(int), np.shape(cases[0].value))
    values = [np.asarray(c.value) for c in cases]
    value = np.choose(index, values)
    if is_certain(which) and all(c.error is None for c in cases):
        return BoundedArray(value, None)
    error = np.choose(index, [error_of(c) for c in cases])
    if is_certain(which):
        return BoundedArray(value, error)
    if is_float(equation.outvars[0].aval.dtype):
        apart = [_distance(v, value) + error_of(c) for v, c in zip(values, cases, strict=True)]
    else:
        apart = [
            np.where(v == value, error_of(c), np.inf) for v, c in zip(values, cases, strict=True)
        ]
    worst = functools.reduce(np.maximum, apart)
    return BoundedArray(value, np.where(error_of(which) > 0, worst, error))


def _distance(a: Array, b: Array) -> Array:
    """Zero between an infinity and itself, and between NaN and NaN."""
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    return np.where(same, 0.0, np.nan_to_num(np.abs(a - b), nan=np.inf, posinf=np.inf))


def _unstack(params: Any, x: Array) -> list[Array]:
    return list(np.moveaxis(x, params["axis"], 0))


def _split(params: Any, x: Array) -> list[Array]:
    return np.split(x, np.cumsum(params["sizes"])[:-1], params["axis"])


def _iota(equation: Any, *_: BoundedArray) -> BoundedArray:
    shape, axis = equation.params["shape"], equation.params["dimension"]
    dtype = np.float64 if is_float(equation.params["dtype"]) else equation.params["dtype"]
    along = np.arange(shape[axis], dtype=dtype).reshape(
        [-1 if i == axis else 1 for i in range(len(shape))]
    )
    return BoundedArray(np.broadcast_to(along, shape), None)


MOVEMENT: dict[str, Rule] = {
    "select_n": _select,
    "iota": _iota,
    "copy": _unchanged,
    "stop_gradient": _unchanged,
    "optimization_barrier": _unchanged,
    "reshape": _moves(lambda params, x: np.reshape(x, params["new_sizes"])),
    "transpose": _moves(lambda params, x: np.transpose(x, params["permutation"])),
    "squeeze": _moves(lambda params, x: np.squeeze(x, tuple(params["dimensions"]))),
    "expand_dims": _moves(lambda params, x: np.expand_dims(x, tuple(params["dimensions"]))),
    "rev": _moves(lambda params, x: np.flip(x, tuple(params["dimensions"]))),
    "broadcast_in_dim": _moves(_broadcast),
    "slice": _moves(_slice),
    "pad": _moves(_pad),
    "concatenate": _moves(lambda params, *xs: np.concatenate(xs, params["dimension"])),
    "tile": _moves(lambda params, x: np.tile(x, params["reps"])),
    "stack": _moves(lambda params, *xs: np.stack(xs, params["axis"])),
    "unstack": _moves_apart(_unstack),
    "split": _moves_apart(_split),
}
