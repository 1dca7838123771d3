"""Steps that students make in place of the one that the exercises ask for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from conformance.judge.exercises.training import Params, gradient, mean_squared, step, stepped
from conformance.judge.exercises.way import Way

OWN_RATES = (0.01, 0.1, 0.001, 0.05, 0.5)
"""What tutorials set as the learning rate, and some leave in the function."""


def _biases_left(params: Params, gradients: Params, rate: Any) -> Params:
    weights = [(dw, 0 * db) for dw, db in gradients]
    return stepped(params, weights, rate)


def _one_layer(place: int, params: Params, gradients: Params, rate: Any) -> Params:
    now = list(params)
    now[place] = stepped([params[place]], [gradients[place]], rate)[0]
    return now


def _by(change: Callable[[jax.Array], jax.Array]) -> Callable[[Params, Params, Any], Params]:
    """The step by a gradient each array of which is changed first."""
    return lambda params, gradients, rate: stepped(
        params, jax.tree_util.tree_map(change, gradients), rate
    )


def _clipped_by_norm(params: Params, gradients: Params, rate: Any) -> Params:
    leaves = jax.tree_util.tree_leaves(gradients)
    norm = jnp.sqrt(sum(jnp.sum(leaf * leaf) for leaf in leaves))
    return stepped(params, gradients, rate * jnp.minimum(1, 1 / norm))


_CUT_OFF = (
    "If the step changes all of them, the gradient of the others is cut off: look for `stop_gradient` "
    "in the network."
)
_ALL_LAYERS = f"Step every layer, for instance with `jax.tree_util.tree_map`. {_CUT_OFF}"

STEPS: tuple[Way, ...] = (
    Way(
        "gradient-added",
        "The step went uphill: the gradient was added.",
        "Subtract it: `w - learning_rate * dw`.",
        lambda params, gradients, rate: stepped(params, gradients, -rate),
    ),
    Way(
        "learning-rate-ignored",
        "The step has the length of the gradient itself.",
        "Multiply the gradient by `learning_rate`.",
        lambda params, gradients, rate: stepped(params, gradients, 1),
    ),
    Way(
        "gradient-returned",
        "The gradient came back in place of the new parameters.",
        "Return `w - learning_rate * dw` for each.",
        lambda params, gradients, rate: gradients,
    ),
    *(
        Way(
            "step-returned",
            "The step alone came back, without the parameters that it starts from.",
            "Return the new parameters: `w - learning_rate * dw` for each.",
            lambda params, gradients, rate, sign=sign: jax.tree_util.tree_map(
                lambda g: sign * rate * g, gradients
            ),
        )
        for sign in (-1, 1)
    ),
    Way(
        "biases-not-updated",
        "Only the weights were changed.",
        f"Step the biases as well, with their own gradient. {_CUT_OFF}",
        _biases_left,
    ),
    Way(
        "first-layer-only",
        "Only the first layer was changed.",
        _ALL_LAYERS,
        partial(_one_layer, 0),
    ),
    Way(
        "last-layer-only", "Only the last layer was changed.", _ALL_LAYERS, partial(_one_layer, -1)
    ),
    *(
        Way(
            "learning-rate-ignored",
            f"The step has the length that a learning rate of {own} gives, whatever it is.",
            "Multiply the gradient by `learning_rate`.",
            lambda params, gradients, rate, own=own: stepped(params, gradients, own),
        )
        for own in OWN_RATES
    ),
    Way(
        "gradient-clipped",
        "The gradient was cut off at -1 and 1.",
        "Use the gradient as it is.",
        _by(lambda g: jnp.clip(g, -1, 1)),
    ),
    Way(
        "gradient-clipped",
        "The gradient was scaled down to a norm of 1 where it was longer.",
        "Use the gradient as it is.",
        _clipped_by_norm,
    ),
    Way(
        "gradient-signs",
        "Only the signs of the gradient were used.",
        "Step by the gradient as it is, `w - learning_rate * dw`: Adam's first step goes by signs alone.",
        _by(jnp.sign),
    ),
    Way(
        "gradient-normalised",
        "Each gradient was divided by its norm.",
        "Use the gradient as it is.",
        _by(lambda g: g / jnp.linalg.norm(g)),
    ),
)
"""Steps by a gradient: each takes params, the gradient and a rate, and gives params."""


def _layer_after_layer(
    params: Params, x: Any, y: Any, rate: Any, backwards: bool = False
) -> Params:
    """Each layer steps by a gradient that knows of the layers which have stepped."""
    now = list(params)
    for place in reversed(range(len(now))) if backwards else range(len(now)):
        now[place] = stepped([now[place]], [gradient(now, x, y)[place]], rate)[0]
    return now


def _weights_then_biases(params: Params, x: Any, y: Any, rate: Any) -> Params:
    """The biases step by a gradient at the new weights."""
    gradients = gradient(params, x, y)
    now = [(w - rate * dw, b) for (w, b), (dw, _) in zip(params, gradients, strict=True)]
    gradients = gradient(now, x, y)
    return [(w, b - rate * db) for (w, b), (_, db) in zip(now, gradients, strict=True)]


def _through_new_weights(params: Params, x: Any, y: Any, rate: Any) -> Params:
    """Each layer's slope goes back through the weights of the next one after these have changed."""
    values = [x]
    for weights, biases in params:
        values.append(jnp.tanh(jnp.dot(values[-1], weights) + biases))
    slope, now = 2 * (values[-1] - y) / y.size, list(params)
    for place in reversed(range(len(now))):
        slope = slope * (1 - values[place + 1] ** 2)
        found = jnp.dot(values[place].T, slope), slope.sum(0)
        now[place] = stepped([now[place]], [found], rate)[0]
        slope = jnp.dot(slope, now[place][0].T)
    return now


def _two_steps(params: Params, x: Any, y: Any, rate: Any) -> Params:
    for _ in range(2):
        params = step(params, x, y, rate)
    return params


def _scaled_by_loss(params: Params, x: Any, y: Any, rate: Any) -> Params:
    return step(params, x, y, rate * mean_squared(params, x, y))


def _example_after_example(params: Params, x: Any, y: Any, rate: Any) -> Params:
    for row, target in zip(x, y, strict=True):
        params = step(params, row, target, rate)
    return params


def _smaller_steps(params: Params, x: Any, y: Any, rate: Any) -> Params:
    """Two steps of half the rate."""
    for _ in range(2):
        params = step(params, x, y, rate / 2)
    return params


def _share_for_each_example(params: Params, x: Any, y: Any, rate: Any) -> Params:
    """A step for each example, one after another, with a rate divided by their number."""
    return _example_after_example(params, x, y, rate / len(x))


def _first_example(params: Params, x: Any, y: Any, rate: Any) -> Params:
    return step(params, x[:1], y[:1], rate)


def _last_example(params: Params, x: Any, y: Any, rate: Any) -> Params:
    return step(params, x[-1:], y[-1:], rate)


def _divided_by_examples(params: Params, x: Any, y: Any, rate: Any) -> Params:
    return step(params, x, y, rate / len(x))


def _times_params(params: Params, x: Any, y: Any, rate: Any) -> Params:
    pairs = zip(params, gradient(params, x, y), strict=True)
    return [(w - rate * w * dw, b - rate * b * db) for (w, b), (dw, db) in pairs]


def _uphill_at(own: float, params: Params, x: Any, y: Any, rate: Any) -> Params:
    return step(params, x, y, jnp.float32(-own))


def _by_own(change: Callable[[jax.Array], jax.Array]) -> Callable[..., Params]:
    """The step by a gradient each array of which is changed first."""
    return lambda params, x, y, rate: _by(change)(params, gradient(params, x, y), rate)


def _swapped(params: Params, x: Any, y: Any, rate: Any) -> Params:
    pairs = zip(params, gradient(params, x, y), strict=True)
    return [(w - rate * db, b - rate * dw) for (w, b), (dw, db) in pairs]


def _ahead(share: float, params: Params, x: Any, y: Any, rate: Any) -> Params:
    """The step by a gradient that is taken further on, as Nesterov's momentum does."""
    there = step(params, x, y, share * rate)
    return stepped(params, gradient(there, x, y), rate)


LIMITS = (0.1, 0.5, 5.0)
"""Where gradients are cut off, beside one."""

WHOLE_STEPS: tuple[Way, ...] = (
    Way(
        "gradients-swapped",
        "The weights were stepped by the biases' gradient, and the biases by the weights'.",
        "Take the pairs apart in their order: `for (w, b), (dw, db) in zip(params, gradients)`.",
        _swapped,
    ),
    Way(
        "gradient-signs",
        "The step is Adam's first one, which hardly depends on the size of the gradient.",
        "Step by the gradient as it is, `w - learning_rate * dw`: in Optax that is `optax.sgd`.",
        _by_own(lambda g: g / (jnp.abs(g) + 1e-8)),
    ),
    *(
        Way(
            "gradient-clipped",
            f"The gradient was cut off at {-limit:g} and {limit:g}.",
            "Use the gradient as it is.",
            _by_own(partial(jnp.clip, min=-limit, max=limit)),
        )
        for limit in LIMITS
    ),
    *(
        Way(
            "gradient-averaged",
            f"Each array of the gradient was replaced by its mean{along}.",
            "Subtract `learning_rate` times the gradient itself, entry by entry.",
            _by_own(mean),
        )
        for along, mean in (
            (" over all entries", jnp.mean),
            (" over axis 0", partial(jnp.mean, axis=0)),
        )
    ),
    *(
        Way(
            "gradient-taken-ahead",
            f"The gradient is taken {where}, as Nesterov's momentum does.",
            "Take it at the old parameters: `jax.grad(loss_fn)(params, x, y)`.",
            partial(_ahead, share),
        )
        for where, share in (
            ("after a step", 1.0),
            ("0.9 of a step ahead", 0.9),
            ("half a step ahead", 0.5),
        )
    ),
    Way(
        "step-divided-by-the-examples",
        "The step was divided by the number of examples.",
        "Multiply the gradient by `learning_rate` alone: the mean in the loss divides already.",
        _divided_by_examples,
    ),
    Way(
        "step-times-the-params",
        "The step was multiplied by the parameters.",
        "Subtract the step from them: `w - learning_rate * dw`.",
        _times_params,
    ),
    *(
        Way(
            "gradient-added-and-learning-rate-ignored",
            f"Two things are wrong. (1) The gradient was added. (2) The learning rate is {own:g}, "
            "whatever is given.",
            "Subtract `learning_rate` times the gradient.",
            partial(_uphill_at, own),
        )
        for own in (1.0, *OWN_RATES)
    ),
    *(
        Way(
            "layer-after-layer",
            f"Each layer was stepped by a gradient taken after the {which} ones had changed.",
            "Take the gradient once, at the old parameters, and step every layer by it.",
            partial(_layer_after_layer, backwards=backwards),
        )
        for which, backwards in (("earlier", False), ("later", True))
    ),
    Way(
        "gradient-through-new-weights",
        "The gradient went back through weights that had already been stepped.",
        "Take the whole gradient first, at the old parameters, and step afterwards: in backpropagation by "
        "hand, use the old weights for the layer before.",
        _through_new_weights,
    ),
    Way(
        "biases-after-weights",
        "The biases were stepped by a gradient taken after the weights had changed.",
        "Take the gradient once, at the old parameters.",
        _weights_then_biases,
    ),
    Way(
        "step-scaled-by-loss",
        "The step is as long as the learning rate times the loss makes it.",
        "Multiply the gradient by `learning_rate` alone.",
        _scaled_by_loss,
    ),
    Way("two-steps", "Two steps were made.", "Make one: the task has no loop.", _two_steps),
    Way(
        "two-steps",
        "Two steps of half the learning rate were made.",
        "Make one: the task has no loop.",
        _smaller_steps,
    ),
    *(
        Way(
            "step-for-each-example",
            f"A step was made for each example, one after another{divided}.",
            "Make one step, by the gradient of the mean over all examples.",
            of,
        )
        for divided, of in (
            ("", _example_after_example),
            (", with the learning rate divided by their number", _share_for_each_example),
        )
    ),
    Way(
        "first-example-only",
        "The gradient is that of the first example alone.",
        "Take the loss over all of `x` and `y`.",
        _first_example,
    ),
    Way(
        "last-example-only",
        "The gradient is that of the last example alone.",
        "Take the loss over all of `x` and `y`: after a loop its variables are those of the last turn.",
        _last_example,
    ),
)
"""Steps with gradients of their own: each takes params, `x`, `y` and a rate, and gives params."""
