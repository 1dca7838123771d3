"""The forward pass: dense layers, each followed by tanh."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jax
import numpy as np

from conformance.judge.exercises import (
    other_networks,
    rare_networks,
    read_errors,
    rounded,
    training,
)
from conformance.judge.exercises.exercise import Exercise, Pitfall
from reference.error_bounds.evaluate import Rounded


def _of_rows(forward: Callable[..., jax.Array], params: training.Params, x: np.ndarray) -> Rounded:
    return rounded.each([rounded.evaluate(forward, params, row) for row in x])


def _of_batch(forward: Callable[..., Any], params: training.Params, x: np.ndarray) -> Rounded:
    return rounded.evaluate(forward, params, x)


def _roughly(forward: Callable[..., Any], params: training.Params, x: np.ndarray) -> Rounded:
    return rounded.roughly(forward(params, x))


def reference(params: training.Params, x: np.ndarray) -> Rounded:
    """The expected outputs (B, out), computed row by row, with their error bounds."""
    return _of_rows(training.forward, params, x)


def draw(shape: Mapping[str, Any], random: np.random.RandomState, turn: int) -> dict[str, Any]:
    """The arguments of one call: params and inputs `x` (B, in)."""
    drawn = training.draw_data(shape, random, turn, shape["examples"])
    return {"params": drawn["params"], "x": drawn["x"]}


SOLUTION = """\
import jax.numpy as jnp


def neural_network(params, x):
    for weights, biases in params:
        x = jnp.tanh(jnp.dot(x, weights) + biases)
    return x
"""

EXERCISE = Exercise(
    name="neural_network",
    signature="neural_network(params, x)",
    task="dense layers, each followed by tanh: params a list of (weights, biases), x (B, in)",
    law="mapping.equals-per-example",
    shapes=training.SHAPES,
    draw=draw,
    reference=reference,
    solution=SOLUTION,
    pitfalls=(
        read_errors.FACTORS,
        *(
            Pitfall(way.id, way.symptom, way.fix, partial(_of_batch, way.compute))
            for way in (*other_networks.NETWORKS, *other_networks.ALONE)
        ),
        Pitfall(
            "row-zero-broadcast",
            "Every row was given the answer of the first one.",
            "Apply the network to the whole of `x`, or map it over `x`.",
            lambda params, x: reference(params, np.broadcast_to(x[:1], x.shape)),
        ),
    ),
    rare_pitfalls=tuple(
        Pitfall(way.id, way.symptom, way.fix, partial(_roughly, way.compute))
        for way in rare_networks.RARE
    ),
    read_error=read_errors.of_network,
    further_reading=training.READING,
)
