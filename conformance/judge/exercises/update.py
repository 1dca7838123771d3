"""One step of gradient descent on the network's loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jax
import numpy as np

from conformance.judge.exercises import read_errors, rounded, training, training_mistakes
from conformance.judge.exercises.exercise import Exercise, Pitfall
from conformance.judge.exercises.other_steps import STEPS, WHOLE_STEPS
from reference.error_bounds.evaluate import Rounded


def _step(params: Any, x: Any, y: Any, rate: Any) -> Any:
    return training.step(params, x, y, rate)


def _expanded(params: Any, x: Any, y: Any, rate: Any) -> Any:
    return training.step(params, x, y, rate, training.mean_squared_expanded)


def _of_the_expanded_loss(
    params: Any, x: np.ndarray, y: np.ndarray, learning_rate: float
) -> Rounded:
    return rounded.evaluate(_expanded, params, x, y, np.float32(learning_rate))


def reference(params: Any, x: np.ndarray, y: np.ndarray, learning_rate: float) -> Rounded:
    """The expected params after one step, with their error bounds."""
    return rounded.evaluate(_step, params, x, y, np.float32(learning_rate))


def _another(
    step: Callable[..., Any], params: Any, x: np.ndarray, y: np.ndarray, learning_rate: float
) -> Rounded:
    compiled = jax.jit(step)
    return rounded.roughly(compiled(params, x, y, np.float32(learning_rate)))


def _by_gradient(step: Callable[..., Any], params: Any, x: Any, y: Any, rate: Any) -> Any:
    return step(params, training.gradient(params, x, y), rate)


def draw(shape: Mapping[str, Any], random: np.random.RandomState, turn: int) -> dict[str, Any]:
    """The arguments of one call: params, `x` (B, in), `y` (B, out) and a learning rate."""
    drawn = training.draw_data(shape, random, turn, shape["examples"])
    return {**drawn, "learning_rate": training.draw_rate(random, turn)}


SOLUTION = """\
import jax
import jax.numpy as jnp


def loss(params, x, y):
    for weights, biases in params:
        x = jnp.tanh(jnp.dot(x, weights) + biases)
    return jnp.mean((x - y) ** 2)


@jax.jit
def update(params, x, y, learning_rate):
    gradients = jax.grad(loss)(params, x, y)
    return jax.tree_util.tree_map(lambda p, g: p - learning_rate * g, params, gradients)
"""

EXERCISE = Exercise(
    name="update",
    signature="update(params, x, y, learning_rate)",
    task="one step of gradient descent on the mean squared error: new params",
    law="gradients.shared-sum",
    shapes=training.SHAPES,
    draw=draw,
    reference=reference,
    solution=SOLUTION,
    tree=True,
    pitfalls=(
        read_errors.FACTORS,
        *(
            Pitfall(
                way.id,
                way.symptom,
                way.fix,
                partial(_another, partial(_by_gradient, way.compute)),
            )
            for way in STEPS
        ),
        Pitfall(
            "params-unchanged",
            "The parameters came back as they were.",
            "Return the new ones: arrays of JAX do not change in place. If it does, the gradient is cut "
            "off: look for `stop_gradient`, and for a loss that does not use what it is differentiated by.",
            lambda params, x, y, learning_rate: reference(params, x, y, 0.0),
        ),
        *(
            Pitfall(way.id, way.symptom, way.fix, partial(_another, way.compute))
            for way in WHOLE_STEPS
        ),
    ),
    rare_pitfalls=tuple(training_mistakes.of_a_step()),
    also_right=(_of_the_expanded_loss,),
    builds_on=("loss_fn", "neural_network"),
    read_error=read_errors.of_network,
    further_reading=training.READING,
)
