"""A teacher's own exercise whose function takes parameters, a dict of arrays.

vmap-conformance check layers.py --exercise-file examples/exercises/dense_relu.py
"""

import jax.numpy as jnp

from conformance.judge import Exercise, Pitfall, draw_floats
from conformance.judge.exercises import rounded


def layer(params, row):
    """The right answer for one example, in JAX and without any map."""
    return jnp.maximum(row @ params["kernel"] + params["bias"], 0.0)


def linear(params, row):
    """The same without its activation."""
    return row @ params["kernel"] + params["bias"]


def reference(params, x_batch):
    return rounded.each([rounded.evaluate(layer, params, row) for row in x_batch])


def without_activation(params, x_batch):
    return rounded.each([rounded.evaluate(linear, params, row) for row in x_batch])


def first_row_only(params, x_batch):
    return rounded.each([rounded.evaluate(layer, params, x_batch[0]) for _ in x_batch])


def draw(shape, random, turn):
    inputs, features = shape["inputs"], shape["features"]
    params = {
        "kernel": draw_floats(random, turn, inputs, features),
        "bias": draw_floats(random, turn, features),
    }
    return {"params": params, "x_batch": draw_floats(random, turn, shape["examples"], inputs)}


SOLUTION = """\
import jax
import jax.numpy as jnp


def dense_relu(params, x_batch):
    def layer(params, row):
        return jax.nn.relu(row @ params["kernel"] + params["bias"])

    return jax.vmap(layer, in_axes=(None, 0))(params, x_batch)
"""

EXERCISE = Exercise(
    name="dense_relu",
    signature="dense_relu(params, x_batch)",
    task="relu(x @ kernel + bias) for each example, params {'kernel': (n, f), 'bias': (f,)}: "
    "(B, n) to (B, f)",
    law="mapping.equals-per-example",
    shapes=tuple(
        {"examples": b, "inputs": n, "features": f}
        for b, n, f in (
            (1, 1, 1),
            (1, 3, 2),
            (2, 1, 3),
            (3, 3, 3),
            (4, 2, 1),
            (2, 5, 4),
            (5, 4, 2),
            (6, 2, 5),
        )
    ),
    draw=draw,
    reference=reference,
    solution=SOLUTION,
    pitfalls=(
        Pitfall(
            "activation-missing",
            "The layer was left without its activation: negative values came through.",
            "Apply `jax.nn.relu` to what the layer gives.",
            without_activation,
        ),
        Pitfall(
            "row-zero-broadcast",
            "Every example was given the answer of the first one.",
            "Map `x_batch` itself: `in_axes=(None, 0)`.",
            first_row_only,
        ),
    ),
    further_reading=("https://docs.jax.dev/en/latest/automatic-vectorization.html",),
)
