"""What a key gives: exact draws, splits and folds of every PRNG implementation."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from conformance.observations.cases import KEY
from conformance.observations.record import Observation, one
from conformance.observations.selection import EVERYTHING, Selection
from reference.error_bounds.roundoff import ELEMENTARY_UNITS, unit_roundoff

IMPLEMENTATIONS = ("threefry2x32", "rbg", "unsafe_rbg")

# An odd number of elements: implementations draw pairs of words.
_SHAPE = (3, 5)

_DRAWS: dict[str, Callable[[Any], Any]] = {
    "bits/uint32": lambda key: jax.random.bits(key, _SHAPE),
    "bits/uint8": lambda key: jax.random.bits(key, _SHAPE, jnp.uint8),
    "uniform/float32": lambda key: jax.random.uniform(key, _SHAPE),
    "randint/int32": lambda key: jax.random.randint(key, _SHAPE, -50, 1000),
    "bernoulli/bool": lambda key: jax.random.bernoulli(key, 0.3, _SHAPE),
    "permutation/int32": lambda key: jax.random.permutation(key, 15),
    "choice/int32": lambda key: jax.random.choice(key, 100, (5,), replace=False),
    "categorical/int32": lambda key: jax.random.categorical(key, jnp.zeros(7), shape=(15,)),
    "split": lambda key: jax.random.key_data(jax.random.split(key, 3)),
    "fold_in": lambda key: jax.random.key_data(jax.random.fold_in(key, 7)),
    "clone": jax.random.key_data,
}
_COMPUTED: dict[str, Callable[[Any], Any]] = {
    "normal/float32": lambda key: jax.random.normal(key, _SHAPE),
    "truncated_normal/float32": lambda key: jax.random.truncated_normal(key, -2.0, 2.0, _SHAPE),
    "gumbel/float32": lambda key: jax.random.gumbel(key, _SHAPE),
    "exponential/float32": lambda key: jax.random.exponential(key, _SHAPE),
}


def observe(selection: Selection = EVERYTHING) -> Iterator[Observation]:
    """`prng/IMPLEMENTATION/draw/dtype`: arrays, with a bound where a draw is computed from one."""
    for implementation in IMPLEMENTATIONS:
        start = f"prng/{implementation}"
        for name, draw in _DRAWS.items():
            yield from one(f"{start}/{name}", partial(_drawn, implementation, draw))
        for name, draw in _COMPUTED.items():
            yield from one(f"{start}/{name}", partial(_computed, implementation, draw))


def _drawn(implementation: str, draw: Callable[[Any], Any]) -> Any:
    return np.asarray(draw(jax.random.key(KEY, impl=implementation)))


def _computed(implementation: str, draw: Callable[[Any], Any]) -> dict[str, Any]:
    """A draw that goes through an elementary function, which may round otherwise in each release."""
    value = _drawn(implementation, draw)
    return {"value": value, "bound": rounding_of_draws(value)}


def rounding_of_draws(draws: Any) -> Any:
    """How far rounding may move draws that go through an elementary function; 0 for whole numbers."""
    unit = unit_roundoff(draws.dtype) if jnp.issubdtype(draws.dtype, jnp.inexact) else 0.0
    return ELEMENTARY_UNITS * unit * np.maximum(np.abs(draws).astype(np.float64), 1)
