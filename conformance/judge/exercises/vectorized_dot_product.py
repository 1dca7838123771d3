"""The dot product of each pair of rows; integers stay integers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from conformance.judge.exercises import read_errors, rounded
from conformance.judge.exercises.exercise import Exercise, Pitfall
from conformance.judge.exercises.wide_floats import draw_wide_floats


def _dot(x: jax.Array, y: jax.Array) -> jax.Array:
    return jnp.dot(x, y)


def reference(x: np.ndarray, y: np.ndarray) -> Any:
    """The dot products (B,): int32 for integers, else float values with their error bounds."""
    if x.dtype.kind == "i":
        return np.asarray([int(np.dot(a, b)) for a, b in zip(x, y, strict=True)], np.int32)
    return rounded.each([rounded.evaluate(_dot, a, b) for a, b in zip(x, y, strict=True)])


def _columns(x: np.ndarray, y: np.ndarray) -> Any:
    return reference(x.T.copy(), y.T.copy())


def _first_of_y(x: np.ndarray, y: np.ndarray) -> Any:
    return reference(x, np.broadcast_to(y[:1], y.shape))


def _first_of_x(x: np.ndarray, y: np.ndarray) -> Any:
    return reference(np.broadcast_to(x[:1], x.shape), y)


def _every_pair(x: np.ndarray, y: np.ndarray) -> Any:
    rows = [reference(np.broadcast_to(row, y.shape), y) for row in x]
    return np.stack(rows) if x.dtype.kind == "i" else rounded.each(rows)


def _all_pairs(x: jax.Array, y: jax.Array) -> jax.Array:
    return jnp.sum(x * y)


def _one_number(x: np.ndarray, y: np.ndarray) -> Any:
    """All products in one sum, in which integers of 32 bits wrap around."""
    if x.dtype.kind == "i":
        return np.asarray((x * y).sum(dtype=x.dtype))
    return rounded.evaluate(_all_pairs, x, y)


def _cosines(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(x, axis=1) * np.linalg.norm(y, axis=1)
    return np.asarray((x * y).sum(1) / lengths, np.float32)


def _means(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    means = (x * y).mean(1)
    # As float32, in which JAX computes a mean of integers: it rounds large ones.
    return np.asarray(np.trunc(means) if x.dtype.kind == "i" else means, np.float32)


def _of_fewer_digits(dtype: str, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    x, y = (rounded.of_fewer_digits(dtype, each) for each in (x, y))
    return np.asarray((x * y).sum(1))


OTHERS: tuple[tuple[str, str, str, Callable[[np.ndarray, np.ndarray], np.ndarray]], ...] = (
    (
        "divided-by-the-lengths",
        "The products were divided by the lengths of both rows: these are cosines.",
        "Leave the lengths out.",
        _cosines,
    ),
    (
        "averaged-not-summed",
        "The products were averaged.",
        "Add them up: `jnp.dot` of each pair, or `jnp.sum` in place of `jnp.mean`.",
        _means,
    ),
    (
        "averaged-not-summed",
        "The products were averaged.",
        "Add them up: `jnp.dot` of each pair, or `jnp.sum` in place of `jnp.mean`.",
        lambda x, y: (x * y).mean(1).astype(np.float32),
    ),
    *(
        (
            "root-taken",
            f"The root of the {what} was taken.",
            "Leave the root out: `jnp.sum(x * y, axis=1)`.",
            of,
        )
        for what, of in (
            ("dot product", lambda x, y: np.sqrt((x * y).sum(1)).astype(np.float32)),
            (
                "sum of the products' absolute values",
                lambda x, y: np.sqrt(np.abs(x * y).sum(1)).astype(np.float32),
            ),
            (
                "dot product's absolute value",
                lambda x, y: np.sqrt(np.abs((x * y).sum(1))).astype(np.float32),
            ),
        )
    ),
    *(
        (
            "made-whole-numbers",
            f"The {what} cut to whole numbers.",
            "Leave the cast out: the answer has the dtype of the inputs, and integers stay what they are.",
            of,
        )
        for what, of in (
            ("products were", lambda x, y: np.trunc(x * y).sum(1, dtype=x.dtype)),
            ("dot product was", lambda x, y: np.trunc((x * y).sum(1)).astype(x.dtype)),
            (
                "numbers were",
                lambda x, y: (np.trunc(x) * np.trunc(y)).sum(1).astype(x.dtype),
            ),
        )
    ),
    *(
        (
            "not-accurate",
            f"The numbers were rounded to `{dtype}` before they were multiplied.",
            "Leave them in float32: the answer's last digits depend on it.",
            partial(_of_fewer_digits, dtype),
        )
        for dtype in ("bfloat16", "float16")
    ),
    *(
        (
            "divided-by-a-length",
            f"The products were divided by the length of each row of {name}.",
            "Leave the length out: `jnp.sum(x * y, axis=1)`.",
            of,
        )
        for name, of in (
            ("x", lambda x, y: (x * y).sum(1) / np.linalg.norm(x, axis=1)),
            ("y", lambda x, y: (x * y).sum(1) / np.linalg.norm(y, axis=1)),
        )
    ),
    *(
        (
            "every-second-product",
            f"Only every second product of each pair is in the answer, from the {which} on.",
            "Add up all of them: no `[::2]`.",
            of,
        )
        for which, of in (
            ("first", lambda x, y: (x * y)[:, ::2].sum(1, dtype=x.dtype)),
            ("second", lambda x, y: (x * y)[:, 1::2].sum(1, dtype=x.dtype)),
        )
    ),
    *(
        (
            "one-array-with-itself",
            f"Every row of {name} was multiplied by itself; the other array was not used.",
            "Give the map both: `jax.vmap(jnp.dot)(x, y)`.",
            of,
        )
        for name, of in (("x", lambda x, y: (x * x).sum(1)), ("y", lambda x, y: (y * y).sum(1)))
    ),
    *(
        (
            "one-product-missing",
            f"The {which} product of each pair was left out.",
            "Add up all of them: a loop over `range(n)` begins at 0 and ends at n - 1.",
            of,
        )
        for which, of in (
            ("first", lambda x, y: (x * y)[:, 1:].sum(1)),
            ("last", lambda x, y: (x * y)[:, :-1].sum(1)),
        )
    ),
    *(
        (
            "one-product-only",
            f"Only the {which} product of each pair is in the answer.",
            "Add up all of them: `total += a * b`, not `total = a * b`, and no `[0]` or `[-1]`.",
            of,
        )
        for which, of in (
            ("last", lambda x, y: (x * y)[:, -1]),
            ("first", lambda x, y: (x * y)[:, 0]),
        )
    ),
    (
        "one-answer-for-each-product",
        "There is an answer for each product: the sum of a pair's products up to there.",
        "Add the sum to the answers after the inner loop, one step further to the left.",
        lambda x, y: (x * y).cumsum(1).ravel(),
    ),
    (
        "product-of-sums",
        "The numbers of each row were added up before they were multiplied.",
        "Multiply first, then add up: `jnp.sum(x * y, axis=1)`.",
        lambda x, y: x.sum(1) * y.sum(1),
    ),
    *(
        (
            "one-product-only",
            f"Only the {which} product of each pair is in the answer.",
            "Add up all of them: `jnp.sum(x * y, axis=1)`.",
            of,
        )
        for which, of in (
            ("largest", lambda x, y: (x * y).max(1)),
            ("smallest", lambda x, y: (x * y).min(1)),
        )
    ),
    (
        "products-multiplied",
        "The products of each pair were multiplied with each other.",
        "Add them up: `jnp.sum(x * y, axis=1)`, no `prod`.",
        lambda x, y: (x * y).prod(1, dtype=x.dtype),
    ),
    (
        "every-row-of-y",
        "Each row of x was multiplied by every row of y, and all of that added up.",
        "Pair the rows one to one: `jnp.einsum('ij,ij->i', x, y)`, the same letter for the rows of both.",
        lambda x, y: x @ y.sum(0),
    ),
    (
        "as-many-answers-as-columns",
        "There are as many answers as a row has numbers.",
        "Make one for each row: `len(x)` or `x.shape[0]`, not `x.shape[1]`.",
        lambda x, y: (x * y).sum(1)[np.minimum(np.arange(x.shape[1]), len(x) - 1)],
    ),
    (
        "outer-product",
        "Each answer is the outer product of two rows.",
        "Use `jnp.dot`, which adds up the products of a pair: `jax.vmap(jnp.dot)(x, y)`.",
        lambda x, y: x[:, :, None] * y[:, None, :],
    ),
    (
        "added-not-multiplied",
        "The rows were added to each other, not multiplied.",
        "Multiply: `jnp.sum(x * y, axis=1)`.",
        lambda x, y: (x + y).sum(1),
    ),
    (
        "squared-distance",
        "Each answer is the squared distance of two rows.",
        "Multiply the rows: `jnp.sum(x * y, axis=1)`.",
        lambda x, y: ((x - y) ** 2).sum(1),
    ),
)
"""Of each its pitfall's id, symptom and fix, and what is computed."""


def draw(shape: Mapping[str, Any], random: np.random.RandomState, turn: int) -> dict[str, Any]:
    """The arguments of one call: `x` and `y`, both (B, n), of int32 or float32."""
    size = (shape["examples"], shape["inputs"])
    if shape["dtype"] == "int32":
        largest = 9 if turn % 2 else 15_000  # the products fit neither 16 bits nor float32
        whole = [random.randint(-largest, largest + 1, size).astype(np.int32) for _ in "xy"]
        return dict(zip("xy", whole, strict=True))
    return {name: draw_wide_floats(random, turn, *size) for name in "xy"}


SIZES = ((1, 1), (3, 2), (2, 5), (3, 3), (1, 4), (5, 1), (21, 20))

SOLUTION = """\
import jax
import jax.numpy as jnp


def vectorized_dot_product(x, y):
    return jax.vmap(jnp.dot)(x, y)
"""

EXERCISE = Exercise(
    name="vectorized_dot_product",
    signature="vectorized_dot_product(x, y)",
    task="the dot product of each pair of rows: (B, n), (B, n) to (B,); integers stay integers",
    law="mapping.equals-per-example",
    shapes=tuple(
        {"examples": b, "inputs": n, "dtype": dtype}
        for b, n in SIZES
        for dtype in ("float32", "int32")
    ),
    draw=draw,
    reference=reference,
    solution=SOLUTION,
    pitfalls=(
        Pitfall(
            "wrong-in-axes",
            "The map ran over columns instead of rows.",
            "Map axis 0 of both: `jax.vmap(jnp.dot)`, or `in_axes=(0, 0)`.",
            _columns,
        ),
        Pitfall(
            "row-zero-broadcast",
            "Every row of x was multiplied by the first row of y.",
            "Map both arguments: `in_axes=(0, 0)`.",
            _first_of_y,
        ),
        Pitfall(
            "row-zero-broadcast",
            "Every row of y was multiplied by the first row of x.",
            "Map both arguments: `in_axes=(0, 0)`.",
            _first_of_x,
        ),
        Pitfall(
            "every-pair",
            "Every row of x was multiplied by every row of y.",
            "Pair the rows one to one: `jax.vmap(jnp.dot)(x, y)`, not `x @ y.T`.",
            _every_pair,
        ),
        Pitfall(
            "collapsed",
            "The products of all pairs were added up to one number.",
            "Return one number for each pair of rows: `jax.vmap(jnp.dot)(x, y)`, no `jnp.vdot(x, y)`, and no "
            "`sum` without `axis=1`.",
            _one_number,
        ),
        *(
            Pitfall(name, symptom, fix, lambda x, y, of=of: rounded.roughly(of(x, y)))
            for name, symptom, fix, of in OTHERS
        ),
    ),
    expects_map=True,
    read_error=read_errors.of_dot,
    further_reading=("https://docs.jax.dev/en/latest/automatic-vectorization.html",),
)
