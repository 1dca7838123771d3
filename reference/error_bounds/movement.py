"""Primitives that only move data: they take the error that their operands carry along."""

from collections.abc import Callable
from typing import Any

import numpy as np

from reference.error_bounds.bounded_array import (
    BoundedArray,
    Rule,
    UnsupportedPrimitive,
    error_of,
    is_float,
)
from reference.types import Array


def _moves(function: Callable[..., Array]) -> Rule:
    """``function(params, *arrays)`` moves the values, and the errors as it moves the values."""

    def rule(equation: Any, *operands: BoundedArray) -> BoundedArray:
        value = function(equation.params, *(x.value for x in operands))
        if all(x.error is None for x in operands):
            return BoundedArray(value, None)
        return BoundedArray(value, function(equation.params, *(error_of(x) for x in operands)))

    return rule


def _moves_apart(function: Callable[[Any, Array], list[Array]]) -> Rule:
    """Data movement into several results: ``function(params, array)`` gives them in order."""

    def rule(equation: Any, x: BoundedArray) -> list[BoundedArray]:
        values = function(equation.params, x.value)
        if x.error is None:
            return [BoundedArray(value, None) for value in values]
        errors = function(equation.params, x.error)
        return [BoundedArray(*pair) for pair in zip(values, errors, strict=True)]

    return rule


def _unchanged(equation: Any, x: BoundedArray) -> BoundedArray:
    return x


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
    if any(interior or low < 0 or high < 0 for low, high, interior in params["padding_config"]):
        raise UnsupportedPrimitive("no float64 rule for interior or negative padding")
    widths = [(low, high) for low, high, _ in params["padding_config"]]
    return np.pad(x, widths, constant_values=fill)


def _select(equation: Any, which: BoundedArray, *cases: BoundedArray) -> BoundedArray:
    index = np.asarray(which.value).astype(int)
    value = np.choose(np.broadcast_to(index, np.shape(cases[0].value)), [c.value for c in cases])
    if all(c.error is None for c in cases):
        return BoundedArray(value, None)
    return BoundedArray(
        value, np.choose(np.broadcast_to(index, value.shape), [error_of(c) for c in cases])
    )


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
    "reshape": _moves(lambda params, x: np.reshape(x, params["new_sizes"])),
    "transpose": _moves(lambda params, x: np.transpose(x, params["permutation"])),
    "squeeze": _moves(lambda params, x: np.squeeze(x, tuple(params["dimensions"]))),
    "expand_dims": _moves(lambda params, x: np.expand_dims(x, tuple(params["dimensions"]))),
    "rev": _moves(lambda params, x: np.flip(x, tuple(params["dimensions"]))),
    "broadcast_in_dim": _moves(_broadcast),
    "slice": _moves(_slice),
    "pad": _moves(_pad),
    "concatenate": _moves(lambda params, *xs: np.concatenate(xs, params["dimension"])),
    "stack": _moves(lambda params, *xs: np.stack(xs, params["axis"])),
    "unstack": _moves_apart(_unstack),
    "split": _moves_apart(_split),
}
