"""Losses that students compute in place of the one that the exercises ask for."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp

from conformance.judge.exercises.way import Way

_MEAN = "Use `jnp.mean` over all examples and outputs."
_SQUARES = "Square each difference, and take one mean of all squares at the end."


def _squares(answers: jax.Array, targets: jax.Array) -> jax.Array:
    difference = answers - targets
    return difference * difference


def _cosine(answers: jax.Array, targets: jax.Array, axis: int | None) -> jax.Array:
    lengths = jnp.sqrt(jnp.sum(answers**2, axis) * jnp.sum(targets**2, axis))
    return jnp.sum(answers * targets, axis) / lengths


LOSSES: tuple[Way, ...] = (
    Way(
        "summed-not-averaged",
        "The squared errors were added up instead of averaged.",
        _MEAN,
        lambda p, y: jnp.mean(_squares(p, y)) * jnp.float32(y.size),
    ),
    Way(
        "summed-not-averaged",
        "The squared errors were averaged over the examples, but added up over the outputs.",
        _MEAN,
        lambda p, y: jnp.mean(_squares(p, y)) * jnp.float32(y.shape[-1]),
    ),
    Way(
        "summed-not-averaged",
        "The squared errors, or their gradients, were averaged over the outputs, but added up over the "
        "examples.",
        f"{_MEAN} A gradient for each example is averaged, too: `g.mean(0)`, no `g.sum(0)`.",
        lambda p, y: jnp.mean(_squares(p, y)) * jnp.float32(y.shape[0]),
    ),
    Way(
        "halved",
        "The loss is half of the mean squared error.",
        "Leave out the factor 1/2.",
        lambda p, y: jnp.mean(_squares(p, y)) * jnp.float32(0.5),
    ),
    Way(
        "root-taken",
        "The root of the mean squared error was taken.",
        "Leave the root out.",
        lambda p, y: jnp.sqrt(jnp.mean(_squares(p, y))),
    ),
    Way(
        "squared-twice",
        "The mean squared error was squared once more.",
        "Leave the mean as it is.",
        lambda p, y: jnp.mean(_squares(p, y)) ** 2,
    ),
    Way(
        "absolute-error",
        "The errors were not squared.",
        "Square the differences before averaging.",
        lambda p, y: jnp.mean(jnp.abs(p - y)),
    ),
    Way(
        "targets-of-every-example",
        "Where there is one output, each answer was compared with the targets of all examples.",
        "Give both the same shape: (B,) less (B, 1) is broadcast to (B, B).",
        lambda p, y: jnp.mean(_squares(p, y.T if y.shape[-1] == 1 else y)),
    ),
    Way(
        "averaged-before-squaring",
        "The errors were averaged over the examples before they were squared.",
        _SQUARES,
        lambda p, y: jnp.mean(_squares(p.mean(0), y.mean(0))),
    ),
    Way(
        "averaged-before-squaring",
        "The errors were averaged over the outputs before they were squared.",
        _SQUARES,
        lambda p, y: jnp.mean(_squares(p.mean(-1), y.mean(-1))),
    ),
)
"""Losses: each takes answers and targets, both (B, out), and gives a scalar."""

ALONE: tuple[Way, ...] = (
    Way(
        "averaged-before-squaring",
        "The mean error was squared: errors of either sign cancel in it.",
        f"{_SQUARES} Mind the parentheses: `jnp.mean((p - y) ** 2)`, not `jnp.mean(p - y) ** 2`.",
        lambda p, y: jnp.square(jnp.mean(p - y)),
    ),
    Way(
        "targets-of-every-example",
        "Each number of the answers was compared with every number of the targets.",
        "Give both the same shape: (N, 1) less (N,) is broadcast to (N, N). Look for a `reshape` or "
        "`[:, None]` of one of them.",
        lambda p, y: jnp.mean(_squares(p.reshape(-1, 1), y.reshape(1, -1))),
    ),
    Way(
        "targets-of-every-example",
        "The answers of each example were compared with the targets of every example.",
        "Give both the same shape, (B, out): (B, out) less (B, 1, out) is broadcast to (B, B, out). Look for "
        "`[:, None]` at one of them.",
        lambda p, y: jnp.mean(_squares(p[:, None], y)),
    ),
    Way(
        "cross-entropy-taken",
        "The loss is the cross entropy of `softmax` of the answers.",
        "Take the mean of the squared differences: `jnp.mean((p - y) ** 2)`.",
        lambda p, y: -jnp.mean(jnp.sum(y * jax.nn.log_softmax(p), axis=-1)),
    ),
    Way(
        "absolute-error",
        "The errors were not squared, and added up instead of averaged.",
        "Square the differences, and take the mean: `jnp.mean((p - y) ** 2)`.",
        lambda p, y: jnp.sum(jnp.abs(p - y)),
    ),
    *(
        Way(
            "averaged-twice",
            f"The mean of the squared errors was divided by the number of {what} once more.",
            "Leave that out: `jnp.mean` divides already.",
            lambda p, y, axis=axis: jnp.mean(_squares(p, y)) / y.shape[axis],
        )
        for what, axis in (("examples", 0), ("outputs", -1))
    ),
    Way(
        "squared-before-subtracting",
        "The answers and the targets were squared before they were subtracted.",
        "Square the difference: `jnp.mean((p - y) ** 2)`, not `jnp.mean(p**2 - y**2)`.",
        lambda p, y: jnp.mean(p * p - y * y),
    ),
    *(
        Way(
            "not-squared",
            f"The mean of {difference} was taken, without squaring.",
            "Square each difference before averaging: `jnp.mean((p - y) ** 2)`.",
            lambda p, y, sign=sign: sign * jnp.mean(p - y),
        )
        for difference, sign in (("`p - y`", 1), ("`y - p`", -1))
    ),
    Way(
        "variance-taken",
        "The variance of the differences was taken, which is what is left without their mean.",
        "Take the mean of the squares themselves: `jnp.mean((p - y) ** 2)`.",
        lambda p, y: jnp.var(p - y),
    ),
    Way(
        "median-taken",
        "The median of the squared errors was taken.",
        "Take their mean: `jnp.mean`.",
        lambda p, y: jnp.median(_squares(p, y)),
    ),
    Way(
        "largest-taken",
        "The largest of the squared errors was taken.",
        "Take their mean: `jnp.mean`.",
        lambda p, y: jnp.max(_squares(p, y)),
    ),
    Way(
        "huber-loss",
        "The loss is Huber's: large errors are not squared, and small ones are halved.",
        "Take the mean of the squares: `jnp.mean((p - y) ** 2)`.",
        lambda p, y: jnp.mean(
            jnp.where(jnp.abs(p - y) < 1, _squares(p, y) / 2, jnp.abs(p - y) - 0.5)
        ),
    ),
    Way(
        "first-output-only",
        "The loss is that of the first output alone.",
        "Take the mean over all outputs: no `[:, 0]`.",
        lambda p, y: jnp.mean(_squares(p[..., :1], y[..., :1])),
    ),
    Way(
        "added-not-subtracted",
        "The targets were added to the answers.",
        "Subtract them: `jnp.mean((p - y) ** 2)`.",
        lambda p, y: jnp.mean(_squares(p, -y)),
    ),
    Way(
        "first-example-only",
        "The loss is that of the first example alone.",
        "Take the mean over all of them: no `[0]`, and no `return` inside a loop.",
        lambda p, y: jnp.mean(_squares(p[:1], y[:1])),
    ),
)
"""Further losses, which are tried as the only mistake."""

RARE: tuple[Way, ...] = (
    Way(
        "divided-by-one-less",
        "The sum over the examples was divided by one less than their number, as a sample's variance is.",
        "Divide by the number of examples: `jnp.mean((p - y) ** 2)`.",
        lambda p, y: jnp.sum(jnp.mean(_squares(p, y), axis=-1)) / max(len(p) - 1, 1),
    ),
    Way(
        "divided-by-one-less",
        "The sum of all squares was divided by one less than their number, as a sample's variance is.",
        "Divide by their number: `jnp.mean((p - y) ** 2)`.",
        lambda p, y: jnp.sum(_squares(p, y)) / max(p.size - 1, 1),
    ),
    *(
        Way(
            "relative-error",
            "The differences were divided by the targets.",
            "Take the mean of the squared differences themselves: `jnp.mean((p - y) ** 2)`.",
            loss,
        )
        for loss in (
            lambda p, y: jnp.mean(_squares(p, y) / (y * y)),
            lambda p, y: jnp.mean(jnp.abs(p - y) / jnp.abs(y)),
        )
    ),
    *(
        Way(
            "logarithm-taken",
            f"The logarithm of the mean squared error{more} was taken.",
            "Leave the logarithm out.",
            lambda p, y, function=function: function(jnp.mean(_squares(p, y))),
        )
        for more, function in (("", jnp.log), (", plus 1,", jnp.log1p))
    ),
    Way(
        "norm-taken",
        "The norm of all differences was taken: the root of the sum of their squares.",
        "Take the mean of the squares: `jnp.mean((p - y) ** 2)`, not `jnp.linalg.norm(p - y)`.",
        lambda p, y: jnp.sqrt(jnp.sum(_squares(p, y))),
    ),
    Way(
        "norm-taken",
        "The norm of each example's differences was taken, and their mean.",
        "Take the mean of the squares: `jnp.mean((p - y) ** 2)`, not a norm along an axis.",
        lambda p, y: jnp.mean(jnp.sqrt(jnp.sum(_squares(p, y), axis=-1))),
    ),
    Way(
        "largest-taken",
        "The largest squared error of each example was taken, and their mean.",
        "Take the mean over the outputs, too: `jnp.mean((p - y) ** 2)`.",
        lambda p, y: jnp.mean(jnp.max(_squares(p, y), axis=-1)),
    ),
    Way(
        "largest-taken",
        "The mean squared error of each example was taken, and the largest of them.",
        "Take the mean over the examples, too: `jnp.mean((p - y) ** 2)`.",
        lambda p, y: jnp.max(jnp.mean(_squares(p, y), axis=-1)),
    ),
    Way(
        "last-example-only",
        "The loss is that of the last example alone.",
        "Take the mean over all of them: after a loop its variables are those of the last turn.",
        lambda p, y: jnp.mean(_squares(p[-1:], y[-1:])),
    ),
    Way(
        "geometric-mean-taken",
        "The geometric mean of the squared errors was taken: the exponential of their logarithms' mean.",
        "Take the mean of the squares themselves: `jnp.mean((p - y) ** 2)`.",
        lambda p, y: jnp.exp(jnp.mean(jnp.log(_squares(p, y)))),
    ),
    *(
        Way(
            "cosine-taken",
            f"The loss is 1 less the cosine between the answers and the targets{which}.",
            "Take the mean of the squared differences: `jnp.mean((p - y) ** 2)`.",
            lambda p, y, axis=axis: jnp.mean(1 - _cosine(p, y, axis)),
        )
        for which, axis in ((", of all numbers at once", None), (" of each example", -1))
    ),
    *(
        Way(
            "weighted-by-the-place",
            f"The squared errors of each example were multiplied by its place, counted from {first}.",
            "Leave out what counts the examples, such as `arange`: each has the same weight.",
            lambda p, y, first=first: jnp.mean(
                _squares(p, y) * jnp.arange(first, first + len(y))[:, None]
            ),
        )
        for first in (0, 1)
    ),
    Way(
        "log-cosh-taken",
        "The loss is the mean of `log(cosh(p - y))`.",
        "Take the mean of the squares: `jnp.mean((p - y) ** 2)`.",
        lambda p, y: jnp.mean(jnp.log(jnp.cosh(p - y))),
    ),
)
"""Losses that only the loss itself is tried for: of a step, a gradient of each would have to be compiled."""


def _sigmoid_cross_entropy(p: jax.Array, y: jax.Array) -> jax.Array:
    """The cross entropy of probabilities that `sigmoid` makes of the answers."""
    return -jnp.mean(y * jax.nn.log_sigmoid(p) + (1 - y) * jax.nn.log_sigmoid(-p))


_OTHER_LOSSES: tuple[tuple[str, str, Callable[[jax.Array, jax.Array], jax.Array]], ...] = (
    (
        "hinge-loss",
        "The mean of `max(0, 1 - p * y)` was taken, a hinge loss.",
        lambda p, y: jnp.mean(jnp.maximum(0, 1 - p * y)),
    ),
    (
        "cross-entropy-taken",
        "The cross entropy of `sigmoid` of the answers was taken.",
        _sigmoid_cross_entropy,
    ),
    (
        "another-power",
        "The third power of the absolute differences was taken.",
        lambda p, y: jnp.mean(jnp.abs(p - y) ** 3),
    ),
    (
        "another-power",
        "The third power of the differences was taken.",
        lambda p, y: jnp.mean((p - y) ** 3),
    ),
    (
        "another-power",
        "The fourth power of the differences was taken.",
        lambda p, y: jnp.mean((p - y) ** 4),
    ),
    (
        "absolute-error",
        "The mean of the absolute errors was added to that of the squared ones.",
        lambda p, y: jnp.mean(_squares(p, y)) + jnp.mean(jnp.abs(p - y)),
    ),
    *(
        (
            "answers-changed-first",
            f"`{name}` was applied to the network's answers before the targets were subtracted.",
            lambda p, y, change=change: jnp.mean(_squares(change(p), y)),
        )
        for name, change in (
            ("softmax", jax.nn.softmax),
            ("sigmoid", jax.nn.sigmoid),
            ("relu", jax.nn.relu),
            ("log_softmax", jax.nn.log_softmax),
        )
    ),
    *(
        (
            "targets-changed-first",
            f"`{name}` was applied to the targets.",
            lambda p, y, change=change: jnp.mean(_squares(p, change(y))),
        )
        for name, change in (
            ("tanh", jnp.tanh),
            ("softmax", jax.nn.softmax),
            ("sigmoid", jax.nn.sigmoid),
        )
    ),
    *(
        (
            "targets-averaged",
            f"The answers were compared with the mean of the targets over {what}.",
            lambda p, y, axis=axis: jnp.mean(_squares(p, y.mean(axis, keepdims=True))),
        )
        for what, axis in (("the examples", 0), ("the outputs", -1), ("all of them", None))
    ),
    *(
        (
            "relative-error",
            f"The mean squared error was divided by the {what} of the targets.",
            lambda p, y, of=of: jnp.mean(_squares(p, y)) / of(y),
        )
        for what, of in (("mean square", lambda y: jnp.mean(y * y)), ("variance", jnp.var))
    ),
    *(
        (
            "half-of-the-examples",
            f"Only the {which} half of the examples was used.",
            lambda p, y, part=part: jnp.mean(_squares(p[part(len(p))], y[part(len(p))])),
        )
        for which, part in (
            ("first", lambda n: slice(max(n // 2, 1))),
            ("second", lambda n: slice(n // 2, None)),
        )
    ),
)
"""Of each its id, what is said of it, and the loss."""

LAST: tuple[Way, ...] = tuple(
    Way(
        name,
        words,
        "Take the mean of the squared differences of all answers and targets as they are: "
        "`jnp.mean((p - y) ** 2)`.",
        loss,
    )
    for name, words, loss in _OTHER_LOSSES
)
"""Losses that are tried where nothing more usual explains a loss."""
