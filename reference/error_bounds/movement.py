"""How each primitive that only moves data takes along the error that its operands carry."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from reference.error_bounds.bounded_array import (
    BoundedArray,
    UnsupportedPrimitive,
    error_of,
    is_float,
)


def _moves(function: Callable[..., Any]) -> Callable[..., BoundedArray]:
    """Data movement takes the error along with the value."""

    def rule(equation: Any, *terms: BoundedArray) -> BoundedArray:
        value = function(equation.params, *(t.value for t in terms))
        if all(t.error is None for t in terms):
            return BoundedArray(value, None)
        return BoundedArray(value, function(equation.params, *(error_of(t) for t in terms)))

    return rule


def _broadcast(params: Any, x: Any) -> Any:
    shape = [1] * len(params["shape"])
    for position, size in zip(params["broadcast_dimensions"], np.shape(x), strict=True):
        shape[position] = size
    return np.broadcast_to(np.reshape(x, shape), params["shape"])


def _slice(params: Any, x: Any) -> Any:
    strides = params["strides"] or (1,) * np.ndim(x)
    bounds = zip(params["start_indices"], params["limit_indices"], strides, strict=True)
    return x[tuple(slice(*b) for b in bounds)]


def _pad(params: Any, x: Any, fill: Any) -> Any:
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


def _moves_by_index(equation: Any, x: BoundedArray, *rest: BoundedArray) -> BoundedArray:
    """Movement that NumPy has no name for: JAX moves the positions, NumPy follows them."""
    positions = jnp.arange(np.size(x.value), dtype=jnp.int32).reshape(np.shape(x.value))
    params = dict(equation.params)
    if "fill_value" in params:
        params["fill_value"] = -1
    moved = np.asarray(equation.primitive.bind(positions, *(t.value for t in rest), **params))
    inside = moved >= 0
    take = np.where(inside, moved, 0)

    def follow(values: Any, fill: float) -> Any:
        return (
            np.where(inside, np.ravel(values)[take], fill)
            if np.size(values)
            else np.zeros(moved.shape)
        )

    return BoundedArray(follow(x.value, np.nan), None if x.error is None else follow(x.error, 0.0))


def _apart(function: Callable[[Any, Any], Any]) -> Callable[..., list[BoundedArray]]:
    """Data movement into several results: ``function(params, array)`` gives them in order."""

    def rule(equation: Any, x: BoundedArray) -> list[BoundedArray]:
        values = function(equation.params, x.value)
        if x.error is None:
            return [BoundedArray(value, None) for value in values]
        errors = function(equation.params, x.error)
        return [BoundedArray(*pair) for pair in zip(values, errors, strict=True)]

    return rule


def _unstack(params: Any, x: Any) -> Any:
    return list(np.moveaxis(x, params["axis"], 0))


def _split(params: Any, x: Any) -> Any:
    return np.split(x, np.cumsum(params["sizes"])[:-1], params["axis"])


def _iota(equation: Any, *_: BoundedArray) -> BoundedArray:
    shape, axis = equation.params["shape"], equation.params["dimension"]
    dtype = np.float64 if is_float(equation.params["dtype"]) else equation.params["dtype"]
    along = np.arange(shape[axis], dtype=dtype).reshape(
        [-1 if i == axis else 1 for i in range(len(shape))]
    )
    return BoundedArray(np.broadcast_to(along, shape), None)


MOVEMENT: dict[str, Callable[..., Any]] = {
    "select_n": _select,
    "iota": _iota,
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
    "unstack": _apart(_unstack),
    "split": _apart(_split),
    "gather": _moves_by_index,
    "dynamic_slice": _moves_by_index,
}
