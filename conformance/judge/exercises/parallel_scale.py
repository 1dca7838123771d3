"""Scale one number per device by a factor that all devices share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from conformance.judge.exercises import rounded
from conformance.judge.exercises.exercise import (
    MORE_THAN_DEVICES,
    Exercise,
    Pitfall,
)
from conformance.judge.exercises.wide_floats import draw_wide_floats
from reference.error_bounds.evaluate import Rounded


def _scale(value: jax.Array, factor: jax.Array) -> jax.Array:
    return value * factor


def reference(x: np.ndarray, factor: float) -> Rounded:
    """The products (D,), with their error bounds."""
    return rounded.each([rounded.evaluate(_scale, value, np.float32(factor)) for value in x])


def draw(shape: Mapping[str, int], random: np.random.RandomState, turn: int) -> dict[str, Any]:
    """The arguments of one call: float32 `x` (D,), and a `factor` that float32 holds exactly."""
    factor = draw_wide_floats(random, turn, 1).item()
    return {"x": draw_wide_floats(random, turn, shape["devices"]), "factor": factor}


SOLUTION = """\
import jax


def parallel_scale(x, factor):
    return jax.pmap(lambda value, factor: value * factor, in_axes=(0, None))(x, factor)
"""

EXERCISE = Exercise(
    name="parallel_scale",
    signature="parallel_scale(x, factor)",
    task="(D,) numbers and one scalar that all devices share, by pmap: (D,)",
    law="mapping.broadcasts-unmapped",
    shapes=tuple({"devices": count} for count in range(1, 9)),
    draw=draw,
    reference=reference,
    solution=SOLUTION,
    pitfalls=(
        Pitfall(
            "row-zero-broadcast",
            "Every device was given the first element.",
            "Map `x` and share the factor: `in_axes=(0, None)`.",
            lambda x, factor: reference(np.broadcast_to(x[:1], x.shape), factor),
        ),
        Pitfall(
            "factor-ignored",
            "The elements came back unscaled.",
            "Multiply by `factor` on every device.",
            lambda x, factor: reference(x, 1.0),
        ),
        *(
            Pitfall(
                "used-without-its-sign",
                f"The {which} was used without its sign.",
                "Multiply them as they are: `value * factor`, without `abs`.",
                of,
            )
            for which, of in (
                ("factor", lambda x, factor: reference(x, abs(factor))),
                ("element", lambda x, factor: reference(np.abs(x), factor)),
            )
        ),
        Pitfall(
            "added-not-multiplied",
            "The factor was added.",
            "Multiply by it: `value * factor`.",
            lambda x, factor: rounded.roughly(x + np.float32(factor)),
        ),
        Pitfall(
            "factor-applied-twice",
            "The elements were multiplied by the factor twice.",
            "Multiply once: `value * factor`.",
            lambda x, factor: rounded.roughly(x * np.float32(factor) * np.float32(factor)),
        ),
        Pitfall(
            "divided-not-multiplied",
            "The elements were divided by the factor.",
            "Multiply by it: `value * factor`.",
            lambda x, factor: rounded.roughly(x / np.float32(factor)),
        ),
        *(
            Pitfall(
                "factor-cut-to-an-integer",
                f"The factor was {how} to a whole number.",
                "Multiply by `factor` as it is: no `int`, no `round`, no integer dtype.",
                lambda x, factor, cut=cut: rounded.roughly(x * np.float32(cut(factor))),
            )
            for how, cut in (("cut", np.trunc), ("rounded", np.round), ("rounded down", np.floor))
        ),
        Pitfall(
            "scalar-not-broadcast",
            "The factor was mapped over the devices, but a scalar has no axis to map.",
            "Share it: `jax.pmap(..., in_axes=(0, None))`.",
        ),
        MORE_THAN_DEVICES,
    ),
    expects_map=True,
    expects_devices=True,
    further_reading=("https://docs.jax.dev/en/latest/_autosummary/jax.pmap.html",),
)
