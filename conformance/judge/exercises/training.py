"""What the exercises on training a small network share: its forward pass, loss and step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from conformance.judge.exercises.exercise import draw_floats
from conformance.judge.exercises.wide_floats import KINDS, LARGEST, wide_factor, wide_kind

Params = Sequence[tuple[Any, Any]]

LAYERS: tuple[tuple[int, ...], ...] = ((1, 1), (2, 3), (3, 3, 3), (2, 4, 1), (3, 2, 2), (1, 3, 2))

DEEP, LARGE = (2, 1, 2, 2, 1, 3), (20, 18, 2, 3)
"""Beyond what a file may have as a number for layers, and for inputs or outputs. A network that were both
would round too much to show a small mistake."""


def forward(
    params: Params, x: jax.Array, activation: Callable[[jax.Array], jax.Array] = jnp.tanh
) -> jax.Array:
    """Dense layers, each followed by tanh, or by another activation."""
    for weights, biases in params:
        added = jnp.broadcast_to(biases, (*x.shape[:-1], *biases.shape))
        x = activation(jnp.dot(x, weights) + added)
    return x


def squared_mean(answers: jax.Array, targets: jax.Array) -> jax.Array:
    """The mean of the squared errors over all examples and outputs."""
    difference = answers - targets
    return jnp.mean(difference * difference)


def mean_squared(
    params: Params, x: jax.Array, y: jax.Array, network: Callable[..., jax.Array] = forward
) -> jax.Array:
    """The mean of the squared errors over all examples and outputs, of this or another network."""
    return squared_mean(network(params, x), y)


def mean_squared_expanded(params: Params, x: jax.Array, y: jax.Array) -> jax.Array:
    """The same as p^2 - 2py + y^2, whose terms cancel: near the targets it rounds by more.

    It is a sum of the same products in another order, and gives the bound for answers computed so.
    """
    p = forward(params, x)
    return jnp.mean(p * p - 2 * p * y + y * y)


def gradient(params: Params, x: jax.Array, y: jax.Array) -> Params:
    """The gradient of the mean squared error with regard to the parameters."""
    found: Params = jax.grad(mean_squared)(params, x, y)
    return found


def stepped(params: Params, gradients: Params, rate: Any) -> list[Any]:
    """The parameters less `rate` times these gradients."""
    pairs = zip(params, gradients, strict=True)
    return [(w - rate * dw, b - rate * db) for (w, b), (dw, db) in pairs]


def step(
    params: Params,
    x: jax.Array,
    y: jax.Array,
    rate: jax.Array,
    loss: Callable[..., jax.Array] = mean_squared,
) -> Params:
    """One step of gradient descent."""
    return stepped(params, jax.grad(loss)(params, x, y), rate)


def draw_params(sizes: Sequence[int], random: np.random.RandomState, turn: int) -> Params:
    """Float32 (weights (in, out), biases (out,)) for each two neighbours in `sizes`."""
    return [
        (draw_floats(random, turn, i, o), draw_floats(random, turn, o)) for i, o in pairwise(sizes)
    ]


def draw_data(
    shape: Mapping[str, Any], random: np.random.RandomState, turn: int, *lead: int
) -> dict[str, Any]:
    """Parameters for `shape["layers"]`, inputs and targets with `lead` as their first axes.

    In every third call some values are far from one, so that no tanh saturates: very large targets;
    very large inputs with a first layer of small weights, and the other way round; very small targets
    where all parameters are zero.
    """
    sizes, kind = shape["layers"], wide_kind(turn)
    params = draw_params(sizes, random, turn)
    x = draw_floats(random, turn, *lead, sizes[0])
    y = draw_floats(random, turn, *lead, sizes[-1])
    if kind == 0:
        y = y * np.float32(LARGEST)
    elif kind == KINDS - 1:
        params = [(np.zeros_like(w), np.zeros_like(b)) for w, b in params]
        y = y / np.float32(LARGEST)
    elif kind is not None:
        (weights, biases), factor = params[0], wide_factor(turn)
        params, x = [(weights / factor, biases), *params[1:]], x * factor
    return {"params": params, "x": x, "y": y}


def draw_rate(random: np.random.RandomState, turn: int) -> float:
    """A learning rate that float32 holds exactly; in every other call a power of two."""
    rate = 2.0 ** -random.randint(0, 7) if turn % 2 else random.uniform(0.01, 1)
    return float(np.float32(rate))


SHAPES: tuple[Mapping[str, Any], ...] = tuple(
    {"examples": b, "layers": layers}
    for b, layers in zip((1, 3, 3, 4, 1, 2, 5, 21), (*LAYERS, DEEP, LARGE), strict=True)
)

READING = (
    "https://docs.jax.dev/en/latest/automatic-differentiation.html",
    "https://docs.jax.dev/en/latest/notebooks/Neural_Network_and_Data_Loading.html",
)
