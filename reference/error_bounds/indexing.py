"""Reading and writing at indices: where an element goes is asked of JAX, its error goes with it."""

import functools
from collections.abc import Callable
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from reference.error_bounds.bounded_array import (
    BoundedArray,
    Rule,
    error_of,
    out_dtype,
    require_certain,
)
from reference.error_bounds.roundoff import gamma, smallest_normal
from reference.types import Array

Places: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]
"""For each update the place that it falls on, counted from one in the raveled operand; zero: none."""


def _read(equation: Any, x: BoundedArray, *indices: BoundedArray) -> BoundedArray:
    """JAX moves the positions of the operand's elements, NumPy follows them."""
    require_certain(equation, *indices)
    positions = jnp.arange(np.size(x.value), dtype=jnp.int32).reshape(np.shape(x.value))
    params = dict(equation.params)
    if "fill_value" in params:
        params["fill_value"] = -1
    moved = np.asarray(equation.primitive.bind(positions, *(t.value for t in indices), **params))
    inside = moved >= 0
    take = np.where(inside, moved, 0)

    def follow(values: Array, fill: float) -> Array:
        if not np.size(values):
            return np.zeros(moved.shape)
        return np.where(inside, np.ravel(values)[take], fill)

    return BoundedArray(follow(x.value, np.nan), None if x.error is None else follow(x.error, 0.0))


def _dynamic_update_slice(
    equation: Any, x: BoundedArray, update: BoundedArray, *indices: BoundedArray
) -> BoundedArray:
    """JAX writes positions over positions, those of the update after those of the operand."""
    require_certain(equation, *indices)
    size, shape = np.size(x.value), np.shape(update.value)
    own = jnp.arange(size, dtype=jnp.int32).reshape(np.shape(x.value))
    new = jnp.arange(size, size + np.size(update.value), dtype=jnp.int32).reshape(shape)
    starts = (index.value for index in indices)
    moved = np.asarray(equation.primitive.bind(own, new, *starts, **equation.params))

    def follow(old: Array, updates: Array) -> Array:
        return np.concatenate([np.ravel(old), np.ravel(updates)])[moved]

    value = follow(x.value, update.value)
    if x.error is None and update.error is None:
        return BoundedArray(value, None)
    return BoundedArray(value, follow(error_of(x), error_of(update)))


Scatter: TypeAlias = Callable[[Any, BoundedArray, BoundedArray, Places], BoundedArray]


def _scatter(rule: Scatter) -> Rule:
    """A scatter by what becomes of each place: `rule(equation, x, updates, places)`."""

    def scatter(
        equation: Any, x: BoundedArray, indices: BoundedArray, updates: BoundedArray
    ) -> BoundedArray:
        require_certain(equation, indices)
        return rule(equation, x, updates, _places(equation, x, indices, updates))

    return scatter


def _accumulated(function: Any, own: Array, added: Array, places: Places) -> Array:
    """`function` (a ufunc) of each element and of all updates that fall on its place."""
    flat = np.concatenate([[0.0], np.ravel(own)])
    function.at(flat, places, np.ravel(added))
    return flat[1:].reshape(np.shape(own))


def _most(places: Places) -> int:
    """How many updates fall on one place at most."""
    return int(np.bincount(places, minlength=1)[1:].max(initial=0))


def _add(equation: Any, x: BoundedArray, updates: BoundedArray, places: Places) -> BoundedArray:
    """`gamma` of the most terms on one place, and its own element, times their magnitudes."""
    summed = functools.partial(_accumulated, np.add, places=places)
    size = summed(np.abs(x.value), np.abs(updates.value))
    carried = summed(error_of(x), error_of(updates))
    bound = carried + gamma(_most(places) + 1, out_dtype(equation)) * size
    return BoundedArray(summed(x.value, updates.value), bound)


def _multiply(
    equation: Any, x: BoundedArray, updates: BoundedArray, places: Places
) -> BoundedArray:
    """As many roundings as factors; each factor is somewhere in its interval."""
    times = functools.partial(_accumulated, np.multiply, places=places)
    size = times(np.abs(x.value), np.abs(updates.value))
    largest = times(np.abs(x.value) + error_of(x), np.abs(updates.value) + error_of(updates))
    bound = largest - size + gamma(_most(places), out_dtype(equation)) * largest
    tiny = times(np.maximum(np.abs(x.value), 1), np.maximum(np.abs(updates.value), 1))
    bound = bound + _most(places) * smallest_normal(out_dtype(equation)) * tiny
    return BoundedArray(times(x.value, updates.value), bound)


def _choose(function: Any) -> Scatter:
    """The largest or smallest moves by no more than those that it is chosen from."""

    def rule(equation: Any, x: BoundedArray, updates: BoundedArray, places: Places) -> BoundedArray:
        error = _accumulated(np.maximum, error_of(x), error_of(updates), places)
        return BoundedArray(_accumulated(function, x.value, updates.value, places), error)

    return rule


def _set(equation: Any, x: BoundedArray, updates: BoundedArray, places: Places) -> BoundedArray:
    """The update, where one falls; where several do, JAX does not say which, unless they are equal."""

    def put(own: Array, new: Array) -> Array:
        flat = np.concatenate([[0.0], np.ravel(own)])
        flat[places] = np.ravel(new)
        return flat[1:].reshape(np.shape(own))

    value, error = put(x.value, updates.value), put(error_of(x), error_of(updates))
    low = np.full(np.shape(x.value), np.inf)
    smallest = _accumulated(np.minimum, low, updates.value, places)
    largest = _accumulated(np.maximum, -low, updates.value, places)
    return BoundedArray(value, np.where(smallest < largest, np.inf, error))


def _places(equation: Any, x: BoundedArray, indices: BoundedArray, updates: BoundedArray) -> Places:
    """Where each update of a scatter falls.

    It is one more than its place in the raveled operand, or zero where it is dropped. The
    transpose of a scatter-add, a gather, says it.
    """
    shape, params = np.shape(x.value), equation.params
    size = int(np.prod(shape, dtype=int))
    mode = params["mode"]
    if mode != jax.lax.GatherScatterMode.CLIP:
        # What is promised to be within bounds, and is not, a scatter drops and a gather does not.
        mode = jax.lax.GatherScatterMode.FILL_OR_DROP

    def scattered(updates: Array) -> Array:
        return jax.lax.scatter_add(
            jnp.zeros(shape, jnp.float32),
            indices.value,
            updates,
            params["dimension_numbers"],
            indices_are_sorted=params["indices_are_sorted"],
            unique_indices=params["unique_indices"],
            mode=mode,
        )

    _, transpose = jax.vjp(scattered, jnp.zeros(np.shape(updates.value), jnp.float32))
    (places,) = transpose(jnp.arange(1, size + 1, dtype=jnp.float32).reshape(shape))
    return np.asarray(places).astype(np.int64).ravel()


INDEXING: dict[str, Rule] = {
    "gather": _read,
    "dynamic_slice": _read,
    "dynamic_update_slice": _dynamic_update_slice,
    "scatter": _scatter(_set),
    "scatter-add": _scatter(_add),
    "scatter-mul": _scatter(_multiply),
    "scatter_mul": _scatter(_multiply),
    "scatter-min": _scatter(_choose(np.minimum)),
    "scatter-max": _scatter(_choose(np.maximum)),
}
