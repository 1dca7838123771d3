"""Add two matrices per example, with the batch axis anywhere in each of them and in the answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jax
import numpy as np

from conformance.judge.exercises import read_errors, rounded
from conformance.judge.exercises.exercise import Exercise, Pitfall
from conformance.judge.exercises.wide_floats import draw_wide_floats
from reference.error_bounds.evaluate import Rounded


def _add(a: jax.Array, b: jax.Array) -> jax.Array:
    return a + b


def reference(a: np.ndarray, b: np.ndarray, in_axes: tuple[int, int], out_axes: int) -> Rounded:
    """The sums, with the batch axis at `out_axes`, and their error bounds."""
    firsts, seconds = np.moveaxis(a, in_axes[0], 0), np.moveaxis(b, in_axes[1], 0)
    pairs = zip(firsts, seconds, strict=True)
    stacked = rounded.each([rounded.evaluate(_add, first, second) for first, second in pairs])
    return rounded.moved(stacked, lambda leaf: np.moveaxis(leaf, 0, out_axes))


def _axes_ignored(a: np.ndarray, b: np.ndarray, in_axes: tuple[int, int], out_axes: int) -> Rounded:
    return reference(a, b, (0, 0), out_axes)


def _one_axis(a: np.ndarray, b: np.ndarray, in_axes: tuple[int, int], out_axes: int) -> Rounded:
    return reference(a, b, (in_axes[0], in_axes[0]), out_axes)


def _examples_first(
    a: np.ndarray, b: np.ndarray, in_axes: tuple[int, int], out_axes: int
) -> Rounded:
    return reference(a, b, in_axes, 0)


OTHERS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "`a - b`": lambda a, b: a - b,
    "`b - a`": lambda a, b: b - a,
    "`a * b`": lambda a, b: a * b,
    "`a` alone": lambda a, b: a,
    "`b` alone": lambda a, b: b,
    "`a + a`": lambda a, b: a + a,
    "`b + b`": lambda a, b: b + b,
    "`a` and the first matrix of `b`": lambda a, b: a + b[:1],
    "`b` and the first matrix of `a`": lambda a, b: a[:1] + b,
    "the larger of both": np.maximum,
    "the mean of both": lambda a, b: (a + b) / 2,
    "the sum of each matrix of `a` with every matrix of `b`": lambda a, b: a[:, None] + b[None],
    "the sum of each matrix of `b` with every matrix of `a`": lambda a, b: b[:, None] + a[None],
    "`a` and `b` end to end, the one below the other": lambda a, b: np.concatenate([a, b], 1),
    "`a` and `b` end to end, side by side": lambda a, b: np.concatenate([a, b], 2),
    "`a` and `b`, stacked": lambda a, b: np.stack([a, b], 1),
    "the sum of all examples": lambda a, b: np.stack([(a + b).sum(0)] * len(a)),
    "`a + b.T` where the matrices are square": lambda a, b: (
        a + (b.swapaxes(1, 2) if b.shape[1] == b.shape[2] else b)
    ),
}
"""What is computed of two matrices in place of their sum."""


def _of(
    way: Callable[[np.ndarray, np.ndarray], np.ndarray],
    a: np.ndarray,
    b: np.ndarray,
    in_axes: tuple[int, int],
    out_axes: int,
) -> Rounded:
    firsts, seconds = np.moveaxis(a, in_axes[0], 0), np.moveaxis(b, in_axes[1], 0)
    with np.errstate(over="ignore"):  # the product of the largest values is too large
        return rounded.roughly(np.moveaxis(way(firsts, seconds), 0, out_axes))


def _first(array: np.ndarray, axis: int, reshaped: bool) -> np.ndarray:
    """The array with its axis of examples first, or with its numbers counted off as if it were."""
    moved = np.moveaxis(array, axis, 0)
    return array.reshape(moved.shape) if reshaped else moved


def _reshaped(
    a: np.ndarray,
    b: np.ndarray,
    in_axes: tuple[int, int],
    out_axes: int,
    given: bool,
    answer: bool,
) -> Rounded:
    """The sums where `reshape` stands for `moveaxis`, of what is given, of the answer or of both."""
    total = _first(a, in_axes[0], given) + _first(b, in_axes[1], given)
    moved = np.moveaxis(total, 0, out_axes)
    return rounded.roughly(total.reshape(moved.shape) if answer else moved)


LARGEST = 2.0**100
"""The sum of two such values is far from the end of float32."""


def draw(shape: Mapping[str, Any], random: np.random.RandomState, turn: int) -> dict[str, Any]:
    """The arguments of one call: float32 `a` and `b`, each with its batch axis where `in_axes` says."""
    arrays = []
    for axis in shape["in_axes"]:
        values = draw_wide_floats(
            random, turn, shape["examples"], *shape["matrix"], largest=LARGEST
        )
        arrays.append(np.ascontiguousarray(np.moveaxis(values, 0, axis)))
    return {
        "a": arrays[0],
        "b": arrays[1],
        "in_axes": tuple(shape["in_axes"]),
        "out_axes": shape["out_axes"],
    }


AXES = ((1, 0, 0), (0, 2, 1), (2, 1, 0), (-1, 0, 2), (1, -2, -1), (2, 2, 2), (0, 1, -2))

SOLUTION = """\
import jax
import jax.numpy as jnp


def vectorized_add(a, b, in_axes, out_axes):
    return jax.vmap(jnp.add, in_axes=in_axes, out_axes=out_axes)(a, b)
"""

EXERCISE = Exercise(
    name="vectorized_add",
    signature="vectorized_add(a, b, in_axes, out_axes)",
    task="add two matrices per example; in_axes and out_axes say where the batch axis is",
    law="axes.in-axes-permute",
    shapes=(
        *({"examples": 3, "matrix": (2, 4), "in_axes": (i, j), "out_axes": k} for i, j, k in AXES),
        {"examples": 19, "matrix": (18, 20), "in_axes": (0, 0), "out_axes": 0},
        {"examples": 2, "matrix": (2, 2), "in_axes": (0, 1), "out_axes": 2},
        {"examples": 1, "matrix": (1, 2), "in_axes": (2, 0), "out_axes": 1},
    ),
    draw=draw,
    reference=reference,
    solution=SOLUTION,
    pitfalls=(
        Pitfall(
            "wrong-in-axes",
            "Both arrays were mapped over axis 0, whatever `in_axes` says.",
            "Pass `in_axes` on: `jax.vmap(..., in_axes=in_axes, out_axes=out_axes)`.",
            _axes_ignored,
        ),
        Pitfall(
            "wrong-in-axes",
            "Both arrays were mapped over the first one's axis.",
            "Pass the whole of `in_axes` on: it has an entry for each argument.",
            _one_axis,
        ),
        Pitfall(
            "shapes-do-not-fit",
            "The matrices that met do not fit: a batch axis is elsewhere than it was looked for.",
            "Pass `in_axes` on: `jax.vmap(..., in_axes=in_axes, out_axes=out_axes)`.",
        ),
        *(
            Pitfall(
                "another-operation",
                f"The answer is {what}.",
                "Add them: `a + b`.",
                partial(_of, way),
            )
            for what, way in OTHERS.items()
        ),
        *(
            Pitfall(
                "reshaped-not-moved",
                f"{what} reshaped where axes had to be moved: the numbers stay in their old order.",
                "Use `jnp.moveaxis(a, in_axes[0], 0)`, and `jnp.moveaxis(answer, 0, out_axes)` at the end: "
                "`reshape` counts the same numbers off in other rows.",
                partial(_reshaped, given=given, answer=answer),
            )
            for what, given, answer in (
                ("The arrays were", True, False),
                ("The answer was", False, True),
                ("The arrays and the answer were", True, True),
            )
        ),
        Pitfall(
            "collapsed",
            "Each pair of matrices was added up to one number.",
            "Return the sum of the two matrices, a matrix: no `jnp.sum`.",
            lambda a, b, in_axes, out_axes: rounded.roughly(
                sum(
                    np.moveaxis(each, axis, 0).sum((1, 2))
                    for each, axis in zip((a, b), in_axes, strict=True)
                )
            ),
        ),
        Pitfall(
            "wrong-out-axes",
            "The answer has its batch axis at 0, whatever `out_axes` says.",
            "Pass `out_axes` on: `jax.vmap(..., out_axes=out_axes)`.",
            _examples_first,
        ),
    ),
    expects_map=True,
    read_error=read_errors.of_add,
    further_reading=("https://docs.jax.dev/en/latest/_autosummary/jax.vmap.html",),
)
