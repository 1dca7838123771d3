"""Networks that students write now and then: tried last, where the network is all that is asked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp

from conformance.judge.exercises.training import Params, forward
from conformance.judge.exercises.way import Way


def _normalised(
    after: bool, axis: int, smalls: tuple[float, float] | None, x: jax.Array
) -> jax.Array:
    """Tanh, and before or after it less the mean along an axis, divided by the deviation.

    The small numbers are added to the variance and to the deviation; without them nothing is divided.
    """
    x = jnp.tanh(x) if after else x
    x = x - x.mean(axis, keepdims=True)
    if smalls is not None:
        to_variance, to_deviation = smalls
        variance = jnp.mean(x**2, axis, keepdims=True)
        x = x / (jnp.sqrt(variance + to_variance) + to_deviation)
    return x if after else jnp.tanh(x)


def _scaled(before: float, after: float, x: jax.Array) -> jax.Array:
    return after * jnp.tanh(before * x)


def _by_root_of_inputs(params: Params, x: jax.Array, biases_too: bool) -> jax.Array:
    """Each layer's products, or what the biases were added to, are divided by the root of its inputs."""
    for weights, biases in params:
        root = jnp.sqrt(jnp.float32(len(weights)))
        x = jnp.tanh(jnp.dot(x, weights) / root + (biases / root if biases_too else biases))
    return x


SCALED: tuple[tuple[str, float, float], ...] = (
    ("Tanh was applied to half of each layer's numbers: so does `2 * sigmoid(x) - 1`.", 0.5, 1.0),
    ("Tanh was applied to twice each layer's numbers.", 2.0, 1.0),
    ("What tanh gives was halved in each layer.", 1.0, 0.5),
    ("What tanh gives was doubled in each layer.", 1.0, 2.0),
    ("The activation is `1.7159 * tanh(2 / 3 * x)`.", 2 / 3, 1.7159),
)
"""What is said of factors in each layer, and those before and after tanh."""


def _biases_made(
    change: Callable[[int, jax.Array], jax.Array], params: Params, x: jax.Array
) -> jax.Array:
    """The biases of each layer are changed first."""
    return forward([(w, change(n, b)) for n, (w, b) in enumerate(params)], x)


def _biases_to_the_inputs(params: Params, x: jax.Array, first: bool) -> jax.Array:
    """The biases, or the first of them, are added to a layer's inputs where that fits."""
    for weights, biases in params:
        x = jnp.tanh(jnp.dot(x + (biases[:1] if first else biases), weights))
    return x


_ADD_ALL = "Add `biases` as they are in every layer: `jnp.tanh(x @ weights + biases)`."
OF_BIASES: tuple[tuple[str, str, Callable[[int, jax.Array], jax.Array]], ...] = (
    (
        "bias-missing",
        "The biases of the first layer were not added.",
        lambda n, b: b if n else 0 * b,
    ),
    (
        "bias-missing",
        "Only the biases of the first layer were added.",
        lambda n, b: 0 * b if n else b,
    ),
    (
        "biases-averaged",
        "The mean of each layer's biases was added to all of its outputs.",
        lambda n, b: jnp.full_like(b, b.mean()),
    ),
    (
        "biases-summed",
        "The sum of each layer's biases was added to all of its outputs.",
        lambda n, b: jnp.full_like(b, b.sum()),
    ),
    (
        "biases-in-reverse-order",
        "The biases of each layer were added in reverse order.",
        lambda n, b: b[::-1],
    ),
)
"""Of each its id, what is said of it, and the biases of the layer of that number."""


LIMITS = (1.0, 2.0, 3.0, 5.0, 10.0)
"""Where some cut off what tanh is applied to."""


def _cut_off(limit: float, x: jax.Array) -> jax.Array:
    return jnp.tanh(jnp.clip(x, -limit, limit))


_NO_FACTOR = "Leave the factor out: `x = jnp.tanh(x @ weights + biases)`."
DEVIATION = ", and the rest divided by its deviation"

RARE: tuple[Way, ...] = (
    *(
        Way(name, words, _ADD_ALL, partial(_biases_made, change))
        for name, words, change in OF_BIASES
    ),
    *(
        Way(
            "activation-added",
            f"In each layer {words}.",
            "Follow every layer by `jnp.tanh` alone: `x = jnp.tanh(x @ weights + biases)`.",
            partial(forward, activation=activation),
        )
        for words, activation in (
            ("`relu` was applied, and then tanh", lambda x: jnp.tanh(jax.nn.relu(x))),
            ("tanh was applied, and then `relu`", lambda x: jax.nn.relu(jnp.tanh(x))),
            ("the square of tanh was taken", lambda x: jnp.tanh(x) ** 2),
            ("the absolute value of tanh was taken", lambda x: jnp.abs(jnp.tanh(x))),
        )
    ),
    *(
        Way(
            "normalised-in-each-layer",
            f"The mean over the {what} was subtracted in each layer{scaled}.",
            "Leave it out: the task asks for no normalisation, by batch or by layer.",
            partial(forward, activation=partial(_normalised, after, axis, smalls)),
        )
        for after in (False, True)
        for what, axis in (("examples", 0), ("outputs", -1))
        for scaled, smalls in (
            ("", None),
            *(
                (DEVIATION, smalls)
                for smalls in ((1e-5, 0.0), (1e-6, 0.0), (0.0, 1e-5), (0.0, 1e-8))
            ),
        )
    ),
    *(
        Way(
            "cut-off-before-tanh",
            f"Each layer's numbers were cut off at -{limit:g} and {limit:g} before tanh.",
            "Leave that out: tanh takes any number, and overflows at none.",
            partial(forward, activation=partial(_cut_off, limit)),
        )
        for limit in LIMITS
    ),
    *(
        Way(
            "scaled-in-each-layer",
            words,
            _NO_FACTOR,
            partial(forward, activation=partial(_scaled, before, after)),
        )
        for words, before, after in SCALED
    ),
    *(
        Way(
            "scaled-in-each-layer",
            "Each layer's products were divided by the root of the number of its inputs.",
            _NO_FACTOR,
            partial(_by_root_of_inputs, biases_too=biases_too),
        )
        for biases_too in (False, True)
    ),
    *(
        Way(
            "biases-meet-the-inputs",
            f"{which} added to the inputs of each layer, before the product.",
            "Multiply first, and then add: `jnp.tanh(x @ weights + biases)`.",
            partial(_biases_to_the_inputs, first=first),
        )
        for which, first in (("The first bias was", True), ("The biases were", False))
    ),
)
"""Each takes params and `x` (B, in), and gives (B, out)."""
