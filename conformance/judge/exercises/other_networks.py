"""Networks and steps that students write in place of those that the exercises ask for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from conformance.judge.exercises.training import (
    Params,
    forward,
    gradient,
    mean_absolute,
    mean_squared_of_pairs,
    step,
    stepped,
)


def _dense(weights: jax.Array, biases: jax.Array, x: jax.Array) -> jax.Array:
    return jnp.dot(x, weights) + biases


def biases_outside(params: Params, x: jax.Array) -> jax.Array:
    """The biases are added to what tanh gives."""
    for weights, biases in params:
        x = jnp.tanh(jnp.dot(x, weights)) + biases
    return x


def biases_twice(params: Params, x: jax.Array) -> jax.Array:
    """The biases are added twice."""
    return forward([(weights, biases + biases) for weights, biases in params], x)


def activated_before(params: Params, x: jax.Array) -> jax.Array:
    """Tanh goes before each layer instead of after it."""
    for weights, biases in params:
        x = _dense(weights, biases, jnp.tanh(x))
    return x


def activated_last_only(params: Params, x: jax.Array) -> jax.Array:
    """The layers follow each other without tanh, and one comes at the end."""
    for weights, biases in params:
        x = _dense(weights, biases, x)
    return jnp.tanh(x)


def softmax_over_examples(params: Params, x: jax.Array) -> jax.Array:
    """Softmax over the examples follows each layer."""
    return forward(params, x, lambda x: jax.nn.softmax(x, axis=0))


def softmax_over_examples_last(params: Params, x: jax.Array) -> jax.Array:
    """Softmax over the examples follows the last layer, tanh the others."""
    weights, biases = params[-1]
    return jax.nn.softmax(_dense(weights, biases, forward(params[:-1], x)), axis=0)


def transposed(params: Params, x: jax.Array) -> jax.Array:
    """Square weights are used transposed; others do not fit."""
    return forward([(w.T if w.shape[0] == w.shape[1] else w, b) for w, b in params], x)


def first_layer(params: Params, x: jax.Array) -> jax.Array:
    """Only the first layer is applied."""
    return forward(params[:1], x)


def all_but_the_last(params: Params, x: jax.Array) -> jax.Array:
    """The last layer is left out."""
    return forward(params[:-1], x)


NETWORKS: tuple[tuple[str, str, str, Callable[[Params, Any], jax.Array]], ...] = (
    (
        "bias-outside-activation",
        "The biases were added to what tanh gives.",
        "Add them before it: `jnp.tanh(x @ weights + biases)`.",
        biases_outside,
    ),
    (
        "bias-added-twice",
        "The biases were added twice.",
        "Add them once in each layer.",
        biases_twice,
    ),
    (
        "activation-before-layer",
        "Tanh was applied to each layer's inputs, not to its outputs.",
        "Follow every layer by it: `jnp.tanh(x @ weights + biases)`.",
        activated_before,
    ),
    (
        "activation-at-the-end-only",
        "Tanh was applied once, after all layers.",
        "Follow every layer by it, inside the loop.",
        activated_last_only,
    ),
    (
        "another-activation",
        "The activation is `softmax` over the examples.",
        "Follow every layer by `jnp.tanh`.",
        softmax_over_examples,
    ),
    (
        "another-activation",
        "The last layer is followed by `softmax` over the examples.",
        "Follow every layer by `jnp.tanh`, the last one too.",
        softmax_over_examples_last,
    ),
    (
        "weights-transposed",
        "Square weights were used transposed.",
        "They are (in, out): `x @ weights`, without `.T`.",
        transposed,
    ),
    (
        "first-layer-only",
        "Only the first layer was applied.",
        "Apply all of them: a `return` inside the loop ends it after one turn.",
        first_layer,
    ),
    (
        "last-layer-missing",
        "The last layer was left out.",
        "Apply all of them: look for `params[:-1]` and for a range that ends too early.",
        all_but_the_last,
    ),
)
"""Of each network its pitfall's id, symptom and fix, and the network."""


def layer_after_layer(params: Params, x: Any, y: Any, rate: Any, backwards: bool = False) -> Params:
    """Each layer steps by a gradient that knows of the layers which have stepped."""
    now = list(params)
    for place in reversed(range(len(now))) if backwards else range(len(now)):
        now[place] = stepped([now[place]], [gradient(now, x, y)[place]], rate)[0]
    return now


def weights_then_biases(params: Params, x: Any, y: Any, rate: Any) -> Params:
    """The biases step by a gradient at the new weights."""
    gradients = gradient(params, x, y)
    now = [(w - rate * dw, b) for (w, b), (dw, _) in zip(params, gradients, strict=True)]
    gradients = gradient(now, x, y)
    return [(w, b - rate * db) for (w, b), (_, db) in zip(now, gradients, strict=True)]


def two_steps(params: Params, x: Any, y: Any, rate: Any) -> Params:
    """Two steps in place of one."""
    for _ in range(2):
        params = step(params, x, y, rate)
    return params


def example_after_example(params: Params, x: Any, y: Any, rate: Any) -> Params:
    """A step for each example."""
    for row, target in zip(x, y, strict=True):
        params = step(params, row, target, rate)
    return params


def first_example(params: Params, x: Any, y: Any, rate: Any) -> Params:
    """A step by the first example's error alone."""
    return step(params, x[:1], y[:1], rate)


def last_layer(params: Params, x: Any, y: Any, rate: Any) -> Params:
    """Only the last layer steps."""
    gradients = gradient(params, x, y)
    return [*params[:-1], *stepped(params[-1:], gradients[-1:], rate)]


def of_absolute_errors(params: Params, x: Any, y: Any, rate: Any) -> Params:
    """The step of the mean absolute error."""
    return step(params, x, y, rate, mean_absolute)


def of_pairs(params: Params, x: Any, y: Any, rate: Any) -> Params:
    """The step of a loss that compares each answer with the targets of all examples."""
    return step(params, x, y, rate, mean_squared_of_pairs)


def clipped(params: Params, x: Any, y: Any, rate: Any) -> Params:
    """The gradient is cut off at -1 and 1."""
    gradients = jax.tree_util.tree_map(lambda g: jnp.clip(g, -1, 1), gradient(params, x, y))
    return stepped(params, gradients, rate)


def signs(params: Params, x: Any, y: Any, rate: Any) -> Params:
    """Only the gradient's signs are used."""
    return stepped(params, jax.tree_util.tree_map(jnp.sign, gradient(params, x, y)), rate)


def normalised(params: Params, x: Any, y: Any, rate: Any) -> Params:
    """Each array of the gradient is divided by its norm."""
    gradients = jax.tree_util.tree_map(lambda g: g / jnp.linalg.norm(g), gradient(params, x, y))
    return stepped(params, gradients, rate)


STEPS: tuple[tuple[str, str, str, Callable[..., Params]], ...] = (
    *(
        (
            "layer-after-layer",
            f"Each layer was stepped by a gradient taken after the {which} ones had changed.",
            "Take the gradient once, at the old parameters, and step every layer by it.",
            partial(layer_after_layer, backwards=backwards),
        )
        for which, backwards in (("earlier", False), ("later", True))
    ),
    (
        "biases-after-weights",
        "The biases were stepped by a gradient taken after the weights had changed.",
        "Take the gradient once, at the old parameters.",
        weights_then_biases,
    ),
    ("two-steps", "Two steps were made.", "Make one: the task has no loop.", two_steps),
    (
        "step-for-each-example",
        "A step was made for each example, one after another.",
        "Make one step, by the gradient of the mean over all examples.",
        example_after_example,
    ),
    (
        "first-example-only",
        "The gradient is that of the first example alone.",
        "Take the loss over all of `x` and `y`.",
        first_example,
    ),
    (
        "last-layer-only",
        "Only the last layer was changed.",
        "Step every layer, for instance with `jax.tree_util.tree_map`.",
        last_layer,
    ),
    (
        "gradient-of-absolute-errors",
        "The step is that of the mean absolute error.",
        "Square the errors before their mean.",
        of_absolute_errors,
    ),
    (
        "targets-of-every-example",
        "Where there is one output, each answer was compared with the targets of all examples.",
        "Give both the same shape: (B,) less (B, 1) is broadcast to (B, B).",
        of_pairs,
    ),
    (
        "gradient-clipped",
        "The gradient was cut off at -1 and 1.",
        "Use it as it is.",
        clipped,
    ),
    (
        "gradient-signs",
        "Only the signs of the gradient were used.",
        "Use the gradient as it is.",
        signs,
    ),
    (
        "gradient-normalised",
        "Each gradient was divided by its norm.",
        "Use it as it is.",
        normalised,
    ),
)
"""Of each step its pitfall's id, symptom and fix, and the step."""
