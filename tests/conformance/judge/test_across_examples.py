"""What depends on other examples, or on an example's place, is told, and what does not is not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.conformance.judge.wrong_answers import IMPORTS

TOLD = """
def neural_network(params, x):
    for n, (w, b) in enumerate(params):
        x = jnp.tanh(x @ w + b)
        if n < len(params) - 1:
            keep = jax.random.bernoulli(jax.random.PRNGKey(7), 0.6, x.shape)
            x = jnp.where(keep, x / 0.6, 0.0)
    return x

def vectorized_linear_layer(weights, biases, inputs):
    return jnp.cumsum(jnp.sin(inputs @ weights + biases), axis=0)

def vectorized_square(x):
    return jnp.exp(x) * (1 + jnp.arange(len(x)))

class Net(nn.Module):
    features: int
    @nn.compact
    def __call__(self, x):
        return nn.Dense(self.features, kernel_init=nn.initializers.he_normal(), name="own")(x)

def nn_vmap_forward(seed, x_batch, features):
    options = {"variable_axes": {"params": None}, "split_rngs": {"params": False}}
    return run(nn.vmap(Net, **options)(features), key_of(seed), x_batch).reshape(-1)

def nn_vmap_ensemble_forward(seed, x_batch, features):
    options = {"variable_axes": {"params": 0}, "split_rngs": {"params": True}}
    return run(nn.vmap(Net, **options)(features), key_of(seed), x_batch).reshape(-1)
"""
NEAR = """
def neural_network(params, x):
    for w, b in params:
        x = jnp.tanh(x @ w + b)
        x = jnp.where(jnp.arange(x.shape[1]) % 2, 0.5, x)
    return x

def vectorized_linear_layer(weights, biases, inputs):
    return jnp.sin(inputs @ weights + biases)

def vectorized_square(x):
    return jnp.exp(x) + 1

class Net(nn.Module):
    features: int
    @nn.compact
    def __call__(self, x):
        init = lambda *drawn: nn.initializers.he_normal()(*drawn) ** 2
        return nn.Dense(self.features, kernel_init=init, name="own")(x)

def nn_vmap_forward(seed, x_batch, features):
    options = {"variable_axes": {"params": None}, "split_rngs": {"params": False}}
    return run(nn.vmap(Net, **options)(features), key_of(seed), x_batch).reshape(-1)

def nn_vmap_ensemble_forward(seed, x_batch, features):
    options = {"variable_axes": {"params": 0}, "split_rngs": {"params": True}}
    return run(nn.vmap(Net, **options)(features), key_of(seed), x_batch).reshape(-1)
"""

CENTRED = """
def nn_vmap_ensemble_forward(seed, x_batch, features):
    y = ensemble(seed, x_batch, features).reshape(len(x_batch), features)
    return (y - y.mean(0)).reshape(-1)
"""
"""Of one example nothing is left, whatever the seed."""
ALWAYS_SEVEN = """
def nn_vmap_ensemble_forward(seed, x_batch, features):
    return ensemble(7, x_batch, features)
"""


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (CENTRED, {"nn_vmap_ensemble_forward": "depends-on-other-examples"}),
        (ALWAYS_SEVEN, {"nn_vmap_ensemble_forward": "seed-ignored"}),
        (
            TOLD,
            {
                "neural_network": "depends-on-the-place",
                "vectorized_linear_layer": "depends-on-other-examples",
                "vectorized_square": "depends-on-the-place",
                "nn_vmap_forward": "another-initializer",
                "nn_vmap_ensemble_forward": "another-initializer",
            },
        ),
        (
            NEAR,
            dict.fromkeys(
                (
                    "neural_network",
                    "vectorized_linear_layer",
                    "vectorized_square",
                    "nn_vmap_forward",
                    "nn_vmap_ensemble_forward",
                )
            ),
        ),
    ],
)
def test_what_an_example_depends_on_is_told(
    judge: Callable, source: str, told: dict[str, str | None]
) -> None:
    found = {v.exercise: v.diagnosis and v.diagnosis.pitfall for v in judge(IMPORTS + source)}
    assert found == told
