"""Square data across devices, one slice for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from conformance.judge.exercises import rounded
from conformance.judge.exercises.exercise import (
    MORE_THAN_DEVICES,
    Exercise,
    Pitfall,
)
from conformance.judge.exercises.vectorized_square import other_powers
from conformance.judge.exercises.wide_floats import draw_wide_floats
from reference.error_bounds.evaluate import Rounded


def _square(part: jax.Array) -> jax.Array:
    return part * part


def reference(data: np.ndarray) -> Rounded:
    """The squares, in the shape of `data`, with their error bounds."""
    return rounded.each([rounded.evaluate(_square, part) for part in data])


def _of_slices(reduction: Callable[..., np.ndarray], data: np.ndarray) -> np.ndarray:
    """What each device's slice is reduced to, along axes of size 1."""
    return np.asarray(reduction(data, axis=tuple(range(1, data.ndim)), keepdims=True))


def draw(shape: Mapping[str, Any], random: np.random.RandomState, turn: int) -> dict[str, Any]:
    """The argument of one call: float32 `data`, one slice per device along axis 0."""
    return {"data": draw_wide_floats(random, turn, *shape["shape"])}


SHAPES = ((1,), (3,), (8,), (1, 2), (2, 3), (4, 4), (8, 1), (3, 2, 4))

SOLUTION = """\
import jax


def parallel_compute(data):
    return jax.pmap(lambda part: part**2)(data)
"""

EXERCISE = Exercise(
    name="parallel_compute",
    signature="parallel_compute(data)",
    task="squares, one slice of the data per device, by pmap",
    law="parallel.pmap-agrees-with-vmap",
    shapes=tuple({"shape": shape} for shape in SHAPES),
    draw=draw,
    reference=reference,
    solution=SOLUTION,
    pitfalls=(
        Pitfall(
            "row-zero-broadcast",
            "Every device was given the first slice.",
            "Map `data` over its first axis: `jax.pmap(f)(data)`.",
            lambda data: reference(np.broadcast_to(data[:1], data.shape)),
        ),
        Pitfall(
            "not-stacked",
            "The devices' parts were joined end to end.",
            "Leave the axis of devices where `pmap` puts it: the answer has the shape of `data`.",
            lambda data: rounded.flat(reference(data)),
        ),
        *other_powers("Square each number: `part**2`."),
        *(
            Pitfall(
                "joined-over-a-slice",
                f"Every answer is {what} of its device's slice.",
                "Square each number by itself: `part**2`.",
                lambda data, way=way: rounded.roughly(way(data)),
            )
            for what, way in (
                ("the number times the mean", lambda data: data * _of_slices(np.mean, data)),
                ("the number times the sum", lambda data: data * _of_slices(np.sum, data)),
                ("the square of the mean", lambda data: _of_slices(np.mean, data) ** 2 + 0 * data),
                ("the square of the sum", lambda data: _of_slices(np.sum, data) ** 2 + 0 * data),
            )
        ),
        MORE_THAN_DEVICES,
    ),
    expects_map=True,
    expects_devices=True,
    further_reading=("https://docs.jax.dev/en/latest/_autosummary/jax.pmap.html",),
)
