"""Networks that are right, and whose gradient is not: the derivative of tanh is taken to be another."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp

from conformance.judge.exercises.training import Params, forward
from conformance.judge.exercises.way import Way

Activation = Callable[[jax.Array], jax.Array]


def _with_slope(slope: Activation) -> Activation:
    """Tanh with this function of its input in place of its derivative."""
    tanh = jax.custom_vjp(jnp.tanh)
    tanh.defvjp(lambda x: (jnp.tanh(x), x), lambda x, g: (g * slope(x),))
    found: Activation = tanh
    return found


_WITHOUT = _with_slope(jnp.ones_like)


def _last_without(params: Params, x: jax.Array) -> jax.Array:
    return forward(params[-1:], forward(params[:-1], x), _WITHOUT)


def _others_without(params: Params, x: jax.Array) -> jax.Array:
    return forward(params[-1:], forward(params[:-1], x, _WITHOUT))


_FIX = "It is `1 - tanh(z)**2` at what tanh is applied to: `1 - a**2` of what a layer gives."
_ALL = f"Multiply by it in every layer, the last one too. {_FIX}"

SLOPES: tuple[Way, ...] = (
    Way(
        "slope-of-the-input",
        "The derivative of tanh was taken to be `1 - z**2` of its input.",
        _FIX,
        partial(forward, activation=_with_slope(lambda x: 1 - x * x)),
    ),
    Way(
        "slope-of-sigmoid",
        "The derivative of tanh was taken to be `a * (1 - a)`, as that of a sigmoid.",
        _FIX,
        partial(forward, activation=_with_slope(lambda x: jnp.tanh(x) * (1 - jnp.tanh(x)))),
    ),
    Way(
        "slope-not-squared",
        "The derivative of tanh was taken to be `1 - a`.",
        _FIX,
        partial(forward, activation=_with_slope(lambda x: 1 - jnp.tanh(x))),
    ),
    Way(
        "slope-missing",
        "The derivative of tanh was left out of the gradient.",
        _ALL,
        partial(forward, activation=_WITHOUT),
    ),
    Way(
        "slope-missing",
        "The derivative of the last layer's tanh was left out of the gradient.",
        _ALL,
        _last_without,
    ),
    Way(
        "slope-missing",
        "The derivative of tanh was left out of the gradient of all layers but the last.",
        _ALL,
        _others_without,
    ),
)
"""Networks for gradients only: each takes params and `x` (B, in), and gives (B, out)."""
