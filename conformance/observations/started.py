"""What a module starts with, as facts: the tree of its variables, and each value by its path."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from conformance.observations.record import Absent, described
from properties import trees
from reference.error_bounds.roundoff import unit_roundoff

_UNITS = 64.0
"""Rounding of an initial value or of a small layer's output, in units of roundoff of the greatest."""


@contextlib.contextmanager
def fixed_stream() -> Iterator[None]:
    """Draw from Threefry as it was before jax 0.5.0, so that only what Flax draws can differ."""
    before = getattr(jax.config, "jax_threefry_partitionable", None)
    if before is None:
        yield
        return
    jax.config.update("jax_threefry_partitionable", False)
    try:
        yield
    finally:
        jax.config.update("jax_threefry_partitionable", before)


def facts(variables: Mapping[str, Any], plain: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Of leaves by path: `tree`, and each leaf as {value, bound, plain}.

    Args:
        variables: Each leaf: an array, or a pair of it and what its box or Variable says.
        plain: The leaves of the same module without a lift: `plain` says whether a value is its value,
            None where there is none of its path and shape.

    """
    found: dict[str, Any] = {"tree": {path: _in_words(leaf) for path, leaf in variables.items()}}
    for path, leaf in variables.items():
        value, other = _array(leaf), _array((plain or {}).get(path))
        if value is None:
            continue
        alike = other is not None and other.shape == value.shape
        same = bool(np.allclose(value, other, rtol=1e-5)) if alike and other is not None else None
        found[path] = {"value": value, "bound": rounding(value), "plain": same}
    return found


def rounding(value: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """A generous bound of the rounding error of an array; 0 where its numbers are whole ones."""
    if not jnp.issubdtype(value.dtype, jnp.inexact):
        return np.zeros(value.shape)
    greatest = float(np.max(np.abs(value.astype(np.complex128)), initial=1.0))
    return np.full(value.shape, _UNITS * unit_roundoff(value.dtype) * greatest)


def attempted(function: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
    """What the function gives; where it raises, its error as the one fact."""
    try:
        return function()
    except Absent:
        raise
    except Exception as error:
        return {"": described(error)}


def _array(leaf: Any) -> np.ndarray[Any, Any] | None:
    value = leaf[0] if isinstance(leaf, tuple) else leaf
    if value is None or not hasattr(value, "dtype"):
        return None
    if jnp.issubdtype(value.dtype, jax.dtypes.prng_key):
        return np.asarray(jax.random.key_data(value))
    return np.asarray(value)


def _in_words(leaf: Any) -> str:
    value, said = leaf if isinstance(leaf, tuple) else (leaf, "")
    array = _array(value)
    shape = type(value).__name__ if array is None else trees.described(array)
    return f"{shape} {said}".strip()
