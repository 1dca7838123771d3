"""One step of gradient descent on the network's loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jax
import numpy as np

from conformance.judge.exercises import other_networks, rounded, training
from conformance.judge.exercises.exercise import Exercise, Pitfall
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


def _first_layer_only(params: Any, x: np.ndarray, y: np.ndarray, learning_rate: float) -> Rounded:
    value, error = reference(params, x, y, learning_rate)
    still = [(np.asarray(w, np.float64), np.asarray(b, np.float64)) for w, b in params]
    none = [(np.zeros_like(w), np.zeros_like(b)) for w, b in still]
    return Rounded([*value[:1], *still[1:]], [*error[:1], *none[1:]])


def _biases_left(params: Any, x: np.ndarray, y: np.ndarray, learning_rate: float) -> Rounded:
    value, error = reference(params, x, y, learning_rate)
    kept = [(w, np.asarray(b, np.float64)) for (w, _), (_, b) in zip(value, params, strict=True)]
    return Rounded(kept, [(w, np.zeros_like(b)) for w, b in error])


def _gradient(params: Any, x: np.ndarray, y: np.ndarray, learning_rate: float) -> Rounded:
    return rounded.evaluate(training.gradient, params, x, y)


def _summed(params: Any, x: np.ndarray, y: np.ndarray, learning_rate: float) -> Rounded:
    return reference(params, x, y, learning_rate * np.size(y))


def _summed_over_outputs(
    params: Any, x: np.ndarray, y: np.ndarray, learning_rate: float
) -> Rounded:
    return reference(params, x, y, learning_rate * y.shape[-1])


def _halved(params: Any, x: np.ndarray, y: np.ndarray, learning_rate: float) -> Rounded:
    return reference(params, x, y, learning_rate / 2)


OWN_RATES = (0.01, 0.1, 0.001, 0.05, 0.5)
"""What tutorials set as the learning rate, and some leave in the function."""


def _at_rate(
    rate: float, params: Any, x: np.ndarray, y: np.ndarray, learning_rate: float
) -> Rounded:
    return reference(params, x, y, rate)


def _another(
    step: Callable[..., Any], params: Any, x: np.ndarray, y: np.ndarray, learning_rate: float
) -> Rounded:
    compiled = jax.jit(step)
    return rounded.roughly(compiled(params, x, y, np.float32(learning_rate)))


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
        Pitfall(
            "gradient-added",
            "The step went uphill: the gradient was added.",
            "Subtract it: `w - learning_rate * dw`.",
            lambda params, x, y, learning_rate: reference(params, x, y, -learning_rate),
        ),
        Pitfall(
            "learning-rate-ignored",
            "The step has the length of the gradient itself.",
            "Multiply the gradient by `learning_rate`.",
            lambda params, x, y, learning_rate: reference(params, x, y, 1.0),
        ),
        Pitfall(
            "gradient-returned",
            "The gradient came back in place of the new parameters.",
            "Return `w - learning_rate * dw` for each.",
            _gradient,
        ),
        *(
            Pitfall(
                "gradient-of-a-sum",
                "The step is that of a loss which adds up the squared errors.",
                "Take the gradient of their mean over all examples and outputs: `jnp.mean`.",
                way,
            )
            for way in (_summed, _summed_over_outputs)
        ),
        Pitfall(
            "gradient-of-a-half",
            "The step is that of half the mean squared error.",
            "Take the gradient of the mean squared error itself.",
            _halved,
        ),
        Pitfall(
            "biases-not-updated",
            "Only the weights were changed.",
            "Step the biases as well, with their own gradient.",
            _biases_left,
        ),
        Pitfall(
            "first-layer-only",
            "Only the first layer was changed.",
            "Step every layer, for instance with `jax.tree_util.tree_map`.",
            _first_layer_only,
        ),
        Pitfall(
            "params-unchanged",
            "The parameters came back as they were.",
            "Return the new ones: arrays of JAX do not change in place.",
            lambda params, x, y, learning_rate: reference(params, x, y, 0.0),
        ),
        *(
            Pitfall(
                "learning-rate-ignored",
                f"The step has the length that a learning rate of {rate} gives, whatever it is.",
                "Multiply the gradient by `learning_rate`.",
                partial(_at_rate, rate),
            )
            for rate in OWN_RATES
        ),
        *(
            Pitfall(name, symptom, fix, partial(_another, step))
            for name, symptom, fix, step in other_networks.STEPS
        ),
    ),
    also_right=(_of_the_expanded_loss,),
    builds_on=("loss_fn", "neural_network"),
    further_reading=training.READING,
)
