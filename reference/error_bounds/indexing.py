"""Reading and writing at indices: where an element goes is asked of JAX, its error goes with it."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from reference.error_bounds.bounded_array import BoundedArray, Rule, error_of, out_dtype
from reference.error_bounds.roundoff import gamma
from reference.types import Array


def _read(equation: Any, x: BoundedArray, *indices: BoundedArray) -> BoundedArray:
    """JAX moves the positions of the operand's elements, NumPy follows them."""
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


def _scatter_add(
    equation: Any, x: BoundedArray, indices: BoundedArray, updates: BoundedArray
) -> BoundedArray:
    """Sums of what falls on a place: ``gamma`` of the most terms on one place, and its own element."""
    dtype, shape = out_dtype(equation), np.shape(x.value)
    where = _places(equation, x, indices, updates)

    def summed(own: Array, added: Array) -> Array:
        flat = np.concatenate([[0.0], np.ravel(own)])
        np.add.at(flat, where, np.ravel(added))
        return flat[1:].reshape(shape)

    most = int(np.bincount(where, minlength=1)[1:].max(initial=0)) + 1
    size = summed(np.abs(x.value), np.abs(updates.value))
    carried = summed(error_of(x), error_of(updates))
    return BoundedArray(summed(x.value, updates.value), carried + gamma(most, dtype) * size)


def _places(
    equation: Any, x: BoundedArray, indices: BoundedArray, updates: BoundedArray
) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Where each update of a scatter-add falls: one more than its place in the raveled operand, or zero
    where it is dropped. The transpose of a scatter-add, a gather, says it."""
    shape = np.shape(x.value)
    size = int(np.prod(shape, dtype=int))
    zeros, params = jnp.zeros(shape, jnp.float32), dict(equation.params)
    if params["mode"] != jax.lax.GatherScatterMode.CLIP:
        # What is promised to be within bounds, and is not, a scatter drops and a gather does not.
        params["mode"] = jax.lax.GatherScatterMode.FILL_OR_DROP

    def scattered(updates: Array) -> Array:
        return equation.primitive.bind(zeros, indices.value, updates, **params)

    _, transpose = jax.vjp(scattered, jnp.zeros(np.shape(updates.value), jnp.float32))
    (places,) = transpose(jnp.arange(1, size + 1, dtype=jnp.float32).reshape(shape))
    return np.asarray(places).astype(np.int64).ravel()


INDEXING: dict[str, Rule] = {
    "gather": _read,
    "dynamic_slice": _read,
    "scatter-add": _scatter_add,
}
