"""The mean squared error of the network's answers."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import jax
import numpy as np

from conformance.judge.exercises import other_networks, rounded, training
from conformance.judge.exercises.exercise import Exercise, Pitfall
from reference.error_bounds.evaluate import Rounded


def _sum(params: training.Params, x: jax.Array, y: jax.Array) -> jax.Array:
    return training.mean_squared(params, x, y) * np.float32(y.size)


def _half(params: training.Params, x: jax.Array, y: jax.Array) -> jax.Array:
    return training.mean_squared(params, x, y) * np.float32(0.5)


def _per_example(params: training.Params, x: jax.Array, y: jax.Array) -> jax.Array:
    return training.mean_squared(params, x, y) * np.float32(y.shape[-1])


def reference(params: training.Params, x: np.ndarray, y: np.ndarray) -> Rounded:
    """The expected loss, a scalar, with its error bound."""
    return rounded.evaluate(training.mean_squared, params, x, y)


def draw(shape: Mapping[str, Any], random: np.random.RandomState, turn: int) -> dict[str, Any]:
    """The arguments of one call: params, inputs `x` (B, in) and targets `y` (B, out)."""
    return training.draw_data(shape, random, turn, shape["examples"])


def _another(function: Any) -> Any:
    return lambda params, x, y: rounded.evaluate(function, params, x, y)


SOLUTION = """\
import jax.numpy as jnp


def loss_fn(params, x, y):
    for weights, biases in params:
        x = jnp.tanh(jnp.dot(x, weights) + biases)
    return jnp.mean((x - y) ** 2)
"""

EXERCISE = Exercise(
    name="loss_fn",
    signature="loss_fn(params, x, y)",
    task="the mean squared error of the network's answers, over all examples and outputs",
    law="mapping.equals-per-example",
    shapes=training.SHAPES,
    draw=draw,
    reference=reference,
    solution=SOLUTION,
    pitfalls=(
        Pitfall(
            "summed-not-averaged",
            "The squared errors were added up instead of averaged.",
            "Use `jnp.mean` over all examples and outputs.",
            _another(_sum),
        ),
        Pitfall(
            "summed-not-averaged",
            "The squared errors were averaged over the examples, but added up over the outputs.",
            "Use `jnp.mean` over all examples and outputs.",
            _another(_per_example),
        ),
        Pitfall(
            "halved",
            "The loss is half of the mean squared error.",
            "Leave out the factor 1/2.",
            _another(_half),
        ),
        Pitfall(
            "absolute-error",
            "The errors were not squared.",
            "Square the differences before averaging.",
            _another(training.mean_absolute),
        ),
        Pitfall(
            "targets-of-every-example",
            "Where there is one output, each answer was compared with the targets of all examples.",
            "Give both the same shape: (B,) less (B, 1) is broadcast to (B, B).",
            _another(training.mean_squared_of_pairs),
        ),
        Pitfall(
            "bias-missing",
            "The network left out its biases.",
            "Compute `tanh(x @ weights + biases)` in every layer.",
            lambda params, x, y: reference(training.without_biases(params), x, y),
        ),
        *(
            Pitfall(
                name,
                f"In the network: {symptom}",
                fix,
                _another(partial(training.mean_squared, network=network)),
            )
            for name, symptom, fix, network in other_networks.NETWORKS
        ),
    ),
    also_right=(_another(training.mean_squared_expanded),),
    builds_on=("neural_network",),
    further_reading=training.READING,
)
