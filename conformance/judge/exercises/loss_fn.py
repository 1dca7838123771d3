"""The mean squared error of the network's answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from conformance.judge.exercises import read_errors, rounded, training, training_mistakes
from conformance.judge.exercises.exercise import Exercise, Pitfall
from conformance.judge.exercises.other_losses import ALONE, LOSSES, RARE
from conformance.judge.exercises.other_networks import ALONE as NETWORKS_ALONE
from conformance.judge.exercises.other_networks import NETWORKS
from reference.error_bounds.evaluate import Rounded


def reference(params: training.Params, x: np.ndarray, y: np.ndarray) -> Rounded:
    """The expected loss, a scalar, with its error bound."""
    return rounded.evaluate(training.mean_squared, params, x, y)


def draw(shape: Mapping[str, Any], random: np.random.RandomState, turn: int) -> dict[str, Any]:
    """The arguments of one call: params, inputs `x` (B, in) and targets `y` (B, out)."""
    return training.draw_data(shape, random, turn, shape["examples"])


def _another(function: Any) -> Any:
    return lambda params, x, y: rounded.evaluate(function, params, x, y)


def _by_layers(
    reduction: Callable[..., jax.Array], params: training.Params, x: jax.Array, y: jax.Array
) -> jax.Array:
    difference = training.forward(params, x) - y
    return jnp.asarray(reduction(difference * difference)) / len(params)


def _with_loss(loss: Callable[..., Any]) -> Any:
    return _another(lambda params, x, y: loss(training.forward(params, x), y))


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
        read_errors.FACTORS,
        *(
            Pitfall(way.id, way.symptom, way.fix, _with_loss(way.compute))
            for way in (*LOSSES, *ALONE, *RARE)
        ),
        *(
            Pitfall(
                "divided-by-the-layers",
                f"The {what} of the squared errors was divided by the number of layers.",
                "Take the mean over all examples and outputs, `jnp.mean((p - y) ** 2)`: no `len(params)`.",
                _another(partial(_by_layers, reduction)),
            )
            for what, reduction in (("sum", jnp.sum), ("mean", jnp.mean))
        ),
        *(
            Pitfall(
                way.id,
                training_mistakes.symptom("network", way),
                way.fix,
                _another(partial(training.mean_squared, network=way.compute)),
            )
            for way in (*NETWORKS, *NETWORKS_ALONE)
        ),
    ),
    rare_pitfalls=tuple(training_mistakes.of_the_loss()),
    also_right=(_another(training.mean_squared_expanded),),
    builds_on=("neural_network",),
    read_error=read_errors.of_network,
    further_reading=training.READING,
)
