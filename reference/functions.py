"""The functions that are mapped, each written for one example.

Every function stands alone (it uses `jnp` and nothing else of this module), because its source is
copied into the script that shows a violation.
"""

from typing import Any

import jax.numpy as jnp


def square(x: Any) -> Any:
    """Any shape to the same shape."""
    return x * x


def dot_product(x: Any, y: Any) -> Any:
    """(n,), (n,) to ()."""
    return jnp.dot(x, y)


def matrix_add(a: Any, b: Any) -> Any:
    """(m, n), (m, n) to (m, n)."""
    return a + b


def linear(weights: Any, bias: Any, x: Any) -> Any:
    """(m, n), (n,), (m,) to (n,)."""
    return jnp.dot(x, weights) + bias


def matmul(a: Any, b: Any) -> Any:
    """(m, k), (k, n) to (m, n)."""
    return jnp.matmul(a, b)


def softmax(x: Any) -> Any:
    """(m, n) to (m, n); the last axis sums to one."""
    weights = jnp.exp(x - jnp.max(x, axis=-1, keepdims=True))
    return weights / jnp.sum(weights, axis=-1, keepdims=True)


def sort(x: Any) -> Any:
    """(m, n) to (m, n), each row ascending, NaN last."""
    return jnp.sort(x, axis=-1)


def tanh_mlp(params: Any, x: Any) -> Any:
    """[(weights (m, k), bias (k,)), (weights (k, n), bias (n,))], (m,) to (n,)."""
    for weights, bias in params:
        x = jnp.tanh(jnp.dot(x, weights) + bias)
    return x


def mlp_loss(params: Any, x: Any, y: Any) -> Any:
    """Mean squared error of the tanh MLP: params as there, (m,), (n,) to ()."""
    for weights, bias in params:
        x = jnp.tanh(jnp.dot(x, weights) + bias)
    return jnp.mean((x - y) ** 2)
