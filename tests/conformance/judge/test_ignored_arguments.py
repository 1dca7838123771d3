"""An array that changes no answer is named, and one that does is not."""

from __future__ import annotations

from collections.abc import Callable

FILE = """\
import jax, jax.numpy as jnp, flax.linen as nn

def vectorized_linear_layer(weights, biases, inputs):
    own = jax.random.normal(jax.random.PRNGKey(0), weights.shape)
    return inputs @ own + biases

def neural_network(params, x):
    return jnp.tanh(jnp.zeros((len(x), len(params[-1][1]))) + jnp.cos(x).sum(1, keepdims=True))

def vectorized_dot_product(x, y):
    return jax.vmap(lambda a, b: jnp.sum(a * b) * jnp.sum(b)).__call__(x, y)
"""


def test_what_changes_no_answer_is_named(judge: Callable) -> None:
    found = {v.exercise: v.diagnosis and v.diagnosis.pitfall for v in judge(FILE)}
    assert found["vectorized_linear_layer"] == "weights-ignored"
    assert found["neural_network"] == "params-ignored"
    assert found["vectorized_dot_product"] is None
