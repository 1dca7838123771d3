"""A teacher's own exercise: `vmap-conformance check --exercise-file` reads this file.

vmap-conformance check norms.py --exercise-file examples/exercises/vectorized_norm.py
"""

import jax.numpy as jnp
import numpy as np

from conformance.judge import Exercise, Pitfall, draw_floats
from conformance.judge.exercises import rounded


def norm(row):
    """The right answer for one example, in JAX and without any map."""
    return jnp.sqrt(jnp.sum(row * row))


def reference(rows):
    return rounded.each([rounded.evaluate(norm, row) for row in rows])


def draw(shape, random, turn):
    return {"rows": draw_floats(random, turn, shape["examples"], shape["inputs"]) + np.float32(0.5)}


SOLUTION = """\
import jax
import jax.numpy as jnp


def vectorized_norm(rows):
    return jax.vmap(jnp.linalg.norm)(rows)
"""

EXERCISE = Exercise(
    name="vectorized_norm",
    signature="vectorized_norm(rows)",
    task="the Euclidean norm of every row: (B, n) to (B,)",
    law="mapping.equals-per-example",
    shapes=tuple(
        {"examples": b, "inputs": n}
        for b, n in ((1, 1), (1, 4), (3, 2), (2, 5), (3, 3), (5, 1), (4, 6), (8, 3))
    ),
    draw=draw,
    reference=reference,
    solution=SOLUTION,
    pitfalls=(
        Pitfall(
            "norm-of-everything",
            "The norm of the whole matrix came out, one number for all rows.",
            "Map over the rows: `jax.vmap(jnp.linalg.norm)(rows)`.",
            lambda rows: rounded.evaluate(norm, rows),
        ),
        Pitfall(
            "wrong-in-axes",
            "The norms are those of the columns.",
            "Map axis 0: `in_axes=0`.",
            lambda rows: reference(rows.T.copy()),
        ),
    ),
    further_reading=("https://docs.jax.dev/en/latest/automatic-vectorization.html",),
)
