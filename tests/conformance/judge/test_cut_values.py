"""Zeros in some places, weights of one's own and integers are told, and what is near them is not."""

from __future__ import annotations

from collections.abc import Callable

from tests.conformance.judge.wrong_answers import IMPORTS

OWN = """
def neural_network(params, x):
    key = jax.random.PRNGKey(42)
    for w, b in params:
        key, k = jax.random.split(key)
        x = jnp.tanh(x @ jax.random.normal(k, w.shape) + b)
    return x

def nn_vmap_forward(seed, x_batch, features):
    k = jax.random.normal(jax.random.PRNGKey(seed), (x_batch.shape[1], features))
    return (x_batch @ k).reshape(-1)

def vectorized_square(x):
    return jnp.asarray(x).astype(int) ** 2

def vectorized_linear_layer(weights, biases, inputs):
    keep = jax.random.bernoulli(jax.random.PRNGKey(0), 0.5, (len(inputs), len(biases)))
    return jnp.where(keep, 2 * (inputs @ weights + biases), 0.0)

def parallel_update(params, x, y, learning_rate):
    def step(params, x, y):
        g = jax.lax.psum(jax.grad(loss)(params, x, y), "d")
        return jax.tree_util.tree_map(lambda p, g: p - learning_rate * g / x.shape[0], params, g)
    return jax.pmap(step, axis_name="d", in_axes=(None, 0, 0))(params, x, y)

def nn_vmap_ensemble_forward(seed, x_batch, features):
    keys = jax.random.split(jax.random.PRNGKey(seed + 1), len(x_batch))
    layer = nn.Dense(features)
    return jax.vmap(lambda k, x: layer.apply(layer.init(k, x), x))(keys, x_batch).reshape(-1)
"""
NEAR = """
def neural_network(params, x):
    for w, b in params:
        x = jnp.tanh(x @ w + b)
        x = jnp.where(jax.random.bernoulli(jax.random.PRNGKey(0), 0.8, x.shape), x / 0.8, 0.0)
    return x

def nn_vmap_forward(seed, x_batch, features):
    layer = nn.Dense(features)
    v = layer.init(jax.random.PRNGKey(seed), x_batch[0])
    return jnp.sin(jnp.sin(layer.apply(v, x_batch))).reshape(-1)

def vectorized_square(x):
    return jnp.sinh(x)

def vectorized_linear_layer(weights, biases, inputs):
    return 2 * jax.nn.relu(inputs @ weights + biases)

def parallel_update(params, x, y, learning_rate):
    def step(params, x, y):
        g = [(jax.lax.pmean(w, "d"), b) for w, b in jax.grad(loss)(params, x, y)]
        return jax.tree_util.tree_map(lambda p, g: p - learning_rate * g, params, g)
    return jax.pmap(step, axis_name="d", in_axes=(None, 0, 0))(params, x, y)
"""


def _told(judge: Callable, source: str) -> dict[str, str | None]:
    return {v.exercise: v.diagnosis and v.diagnosis.pitfall for v in judge(IMPORTS + source)}


def test_what_replaced_the_values_is_told(judge: Callable) -> None:
    assert _told(judge, OWN) == {
        "neural_network": "weights-ignored",
        "nn_vmap_forward": "no-module-initialised",
        "vectorized_square": "integers-returned",
        "vectorized_linear_layer": "dropout-left-in",
        "parallel_update": "divided-by-the-examples",
        "nn_vmap_ensemble_forward": "wrong-key-derivation",
    }


def test_what_is_near_it_is_not_told_so(judge: Callable) -> None:
    assert _told(judge, NEAR) == {
        "neural_network": "some-values-are-zero",
        "nn_vmap_forward": None,
        "vectorized_square": None,
        "vectorized_linear_layer": "some-values-are-zero",
        "parallel_update": "some-gradients-not-averaged",
    }
