"""Square every element: the smallest function there is to map."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from conformance.judge.exercises import rounded
from conformance.judge.exercises.exercise import Exercise, Pitfall
from conformance.judge.exercises.wide_floats import draw_wide_floats
from reference.error_bounds.evaluate import Rounded


def _square(value: jax.Array) -> jax.Array:
    return value * value


ROUNDINGS = 3
"""Those of a product that a factor goes into and out of again: `3 * x * x / 3`, the slope of x**3 / 3."""


def reference(x: np.ndarray) -> Rounded:
    """The squares (B,), with their error bounds."""
    squares = rounded.each([rounded.evaluate(_square, value) for value in x])
    return rounded.at_least(squares, ROUNDINGS)


def _row_zero(x: np.ndarray) -> Rounded:
    return reference(np.broadcast_to(x[:1], x.shape))


POWERS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "twice the number": lambda x: x + x,
    "the number itself": lambda x: x,
    "the number times its absolute value": lambda x: x * np.abs(x),
    "the square of the positive numbers, and 0 for the others": lambda x: x * np.maximum(x, 0),
    "the number's absolute value": np.abs,
    "the third power": lambda x: x * x * x,
    "the fourth power": lambda x: (x * x) * (x * x),
    "the number to the power of itself": lambda x: np.power(x, x),
    "the number's absolute value to the power of 1.5": lambda x: np.abs(x) ** 1.5,
    "the number's absolute value to the power of 2.5": lambda x: np.abs(x) ** 2.5,
    "the root of the number's absolute value": lambda x: np.sqrt(np.abs(x)),
    "the number times the mean of all": lambda x: x * x.mean(),
    "the number times the sum of all": lambda x: x * x.sum(),
    "the square of the mean of all": lambda x: np.broadcast_to(x.mean() ** 2, x.shape),
    "two to the power of the number": np.exp2,
    "the exponential of the number": np.exp,
    "the number's square root, and NaN where it is negative": np.sqrt,
}


def other_powers(fix: str) -> tuple[Pitfall, ...]:
    """The pitfalls of other powers than the square, of the only argument."""
    return tuple(
        Pitfall(
            "another-power",
            f"Every answer is {formula}.",
            fix,
            lambda *given, power=power, **named: rounded.roughly(power(*given, *named.values())),
        )
        for formula, power in POWERS.items()
    )


def draw(shape: Mapping[str, int], random: np.random.RandomState, turn: int) -> dict[str, Any]:
    """The argument of one call: float32 `x` (B,)."""
    return {"x": draw_wide_floats(random, turn, shape["examples"])}


SOLUTION = """\
import jax


def vectorized_square(x):
    return jax.vmap(lambda value: value**2)(x)
"""

EXERCISE = Exercise(
    name="vectorized_square",
    signature="vectorized_square(x)",
    task="square each of B numbers: (B,) to (B,)",
    law="mapping.equals-per-example",
    shapes=tuple({"examples": size} for size in (1, 2, 3, 4, 5, 8, 17, 33)),
    draw=draw,
    reference=reference,
    solution=SOLUTION,
    pitfalls=(
        Pitfall(
            "row-zero-broadcast",
            "Every answer is the square of the first element.",
            "Map over `x` instead of using `x[0]`.",
            _row_zero,
        ),
        Pitfall(
            "collapsed",
            "The squares were added up to one number.",
            "Return one square for every element.",
            lambda x: rounded.moved(reference(x), np.sum),
        ),
        Pitfall(
            "outer-product",
            "Every number was multiplied by every number.",
            "Multiply each by itself: `x * x`, without `[:, None]` and `jnp.outer`.",
            lambda x: rounded.roughly(np.outer(x, x)),
        ),
        *other_powers("Square each number: `value**2`."),
    ),
    expects_map=True,
    further_reading=("https://docs.jax.dev/en/latest/automatic-vectorization.html",),
)
