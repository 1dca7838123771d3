"""Networks that students write in place of the one that the exercises ask for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp

from conformance.judge.exercises.training import Params, forward
from conformance.judge.exercises.way import Way


def _dense(weights: jax.Array, biases: jax.Array, x: jax.Array) -> jax.Array:
    return jnp.dot(x, weights) + biases


def biases_missing(params: Params, x: jax.Array) -> jax.Array:
    """No biases are added."""
    return forward([(weights, jnp.zeros_like(biases)) for weights, biases in params], x)


def last_linear(
    params: Params, x: jax.Array, activation: Callable[[jax.Array], jax.Array] = jnp.tanh
) -> jax.Array:
    """Nothing follows the last layer."""
    return _dense(*params[-1], forward(params[:-1], x, activation))


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


OTHER_ACTIVATIONS = {
    "relu": jax.nn.relu,
    "sigmoid": jax.nn.sigmoid,
    "softmax": jax.nn.softmax,
    "gelu": jax.nn.gelu,
}
"""By what follows each layer in place of tanh."""

NETWORKS: tuple[Way, ...] = (
    Way(
        "bias-missing",
        "The biases were not added.",
        "Compute `tanh(x @ weights + biases)` in every layer.",
        biases_missing,
    ),
    Way(
        "last-layer-linear",
        "The last layer was left without its tanh.",
        "Every layer is followed by tanh here, the last one too.",
        last_linear,
    ),
    Way(
        "no-activation",
        "No layer is followed by an activation.",
        "Follow every layer by `jnp.tanh`.",
        partial(forward, activation=lambda x: x),
    ),
    *(
        Way(
            "another-activation",
            f"The activation is `{name}`{where}.",
            "Follow every layer by `jnp.tanh`, the last one too.",
            partial(network, activation=activation),
        )
        for name, activation in OTHER_ACTIVATIONS.items()
        for network, where in ((forward, ""), (last_linear, ", and the last layer has none"))
    ),
    Way(
        "bias-outside-activation",
        "The biases were added to what tanh gives.",
        "Add them before it: `jnp.tanh(x @ weights + biases)`.",
        biases_outside,
    ),
    Way(
        "bias-added-twice",
        "The biases were added twice.",
        "Add them once in each layer.",
        biases_twice,
    ),
    Way(
        "activation-before-layer",
        "Tanh was applied to each layer's inputs, not to its outputs.",
        "Follow every layer by it: `jnp.tanh(x @ weights + biases)`.",
        activated_before,
    ),
    Way(
        "activation-at-the-end-only",
        "Tanh was applied once, after all layers.",
        "Follow every layer by it, inside the loop.",
        activated_last_only,
    ),
    Way(
        "another-activation",
        "The activation is `softmax` over the examples.",
        "Follow every layer by `jnp.tanh`.",
        softmax_over_examples,
    ),
    Way(
        "another-activation",
        "The last layer is followed by `softmax` over the examples.",
        "Follow every layer by `jnp.tanh`, the last one too.",
        softmax_over_examples_last,
    ),
    Way(
        "weights-transposed",
        "Square weights were used transposed.",
        "They are (in, out): `x @ weights`, without `.T`.",
        transposed,
    ),
    Way(
        "first-layer-only",
        "Only the first layer was applied.",
        "Apply all of them: a `return` inside the loop ends it after one turn.",
        first_layer,
    ),
    Way(
        "last-layer-missing",
        "The last layer was left out.",
        "Apply all of them: look for `params[:-1]` and for a range that ends too early.",
        all_but_the_last,
    ),
)
"""Networks: each takes params and `x` (B, in), and gives (B, out)."""


def residual(params: Params, x: jax.Array) -> jax.Array:
    """Each layer's inputs are added to its outputs where both are as wide."""
    for weights, biases in params:
        layer = jnp.tanh(_dense(weights, biases, x))
        x = x + layer if weights.shape[0] == weights.shape[1] else layer
    return x


def _inputs_activated(params: Params, x: jax.Array) -> jax.Array:
    """Tanh is applied to the inputs, before the first layer."""
    return forward(params, jnp.tanh(x))


def _last_biases_missing(params: Params, x: jax.Array) -> jax.Array:
    """No biases are added in the last layer."""
    weights, biases = params[-1]
    return forward([*params[:-1], (weights, jnp.zeros_like(biases))], x)


RARE_ACTIVATIONS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "tan": jnp.tan,
    "sin": jnp.sin,
    "arctan": jnp.arctan,
    "leaky_relu": jax.nn.leaky_relu,
    "elu": jax.nn.elu,
    "silu": jax.nn.silu,
    "softplus": jax.nn.softplus,
    "hard_tanh": jax.nn.hard_tanh,
    "soft_sign": jax.nn.soft_sign,
    "selu": jax.nn.selu,
}


def _hidden_activated_by(
    activation: Callable[[jax.Array], jax.Array], params: Params, x: jax.Array
) -> jax.Array:
    """Another activation follows each layer but the last."""
    return jnp.tanh(last_linear(params, x, activation))


def _last_activated_by(
    activation: Callable[[jax.Array], jax.Array], params: Params, x: jax.Array
) -> jax.Array:
    """Another activation follows the last layer."""
    return activation(last_linear(params, x))


IN_HIDDEN_LAYERS = ("relu", "sigmoid", "gelu")
AFTER_THE_LAST = ("relu", "sigmoid", "softmax")
"""What follows some of the layers in place of tanh."""

ALONE: tuple[Way, ...] = (
    *(
        Way(
            "another-activation",
            f"The activation of {which} is `{name}`.",
            "Follow every layer by `jnp.tanh`.",
            partial(network, OTHER_ACTIVATIONS[name]),
        )
        for names, network, which in (
            (IN_HIDDEN_LAYERS, _hidden_activated_by, "all layers but the last"),
            (AFTER_THE_LAST, _last_activated_by, "the last layer"),
        )
        for name in names
    ),
    *(
        Way(
            "another-activation",
            f"The activation is `{name}`.",
            "Follow every layer by `jnp.tanh`, the last one too.",
            partial(forward, activation=activation),
        )
        for name, activation in RARE_ACTIVATIONS.items()
    ),
    Way(
        "residual-added",
        "The inputs of a layer were added to its outputs, where both are as wide.",
        "Go on with the layer's outputs alone: `x = jnp.tanh(x @ weights + biases)`.",
        residual,
    ),
    Way(
        "inputs-activated",
        "Tanh was applied to the inputs, too, before the first layer.",
        "Begin with `x` as it is: tanh follows the layers.",
        _inputs_activated,
    ),
    Way(
        "bias-missing",
        "The biases of the last layer were not added.",
        "Compute `tanh(x @ weights + biases)` in every layer.",
        _last_biases_missing,
    ),
    Way(
        "activation-applied-twice",
        "Tanh was applied twice in each layer.",
        "Apply it once, after the biases are added.",
        partial(forward, activation=lambda x: jnp.tanh(jnp.tanh(x))),
    ),
    Way(
        "bias-subtracted",
        "The biases were subtracted.",
        "Add them: `jnp.tanh(x @ weights + biases)`.",
        lambda params, x: forward([(weights, -biases) for weights, biases in params], x),
    ),
    Way(
        "first-bias-only",
        "The first bias of each layer was added to all of its outputs.",
        "Add `biases` as they are, one for each output: no `[0]`.",
        lambda params, x: forward([(w, jnp.full_like(b, b[0])) for w, b in params], x),
    ),
)
"""Further networks, which are tried as the only mistake."""
