"""Equations that common functions are traced to: which primitive, and the names of its parameters.

Code that walks over a jaxpr looks primitives up, and hands their parameters on.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from conformance.observations.call_forms import Forms

_OF_A_MATRIX: dict[str, Callable[[Any], Any]] = {
    "power": lambda x: x**2,
    "square": jnp.square,
    "elementwise-product": lambda x: x * x,
    "exponential": jnp.exp,
    "sine": jnp.sin,
    "sum": jnp.sum,
    "maximum": jnp.max,
    "product": lambda x: x @ x,
    "other-dtype": lambda x: x.astype(jnp.int32),
    "other-shape": lambda x: x.reshape(4),
    "stack": lambda x: jnp.stack([x, x]),
    "loop": lambda x: jax.lax.scan(lambda c, y: (c + y, None), jnp.zeros(2), x)[0],
    "choice": lambda x: jax.lax.cond(True, jnp.sin, jnp.cos, x),
}
"""By what it is of: a function whose last equation is told."""


def equations() -> Forms:
    """By function, such as `plain-make_jaxpr-equation-of-square`."""
    return {
        f"plain-make_jaxpr-equation-of-{name}": partial(_last, function)
        for name, function in _OF_A_MATRIX.items()
    }


def _last(function: Callable[[Any], Any]) -> str:
    """Such as `integer_pow(y)`."""
    equation = jax.make_jaxpr(function)(jnp.ones((2, 2))).eqns[-1]
    return f"{equation.primitive.name}({', '.join(sorted(equation.params))})"
