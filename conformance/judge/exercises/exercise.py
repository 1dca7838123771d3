"""What an exercise is: a contract, calls to try, the right answer, and the usual wrong ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs
import numpy as np

Arguments = Mapping[str, Any]
"""One call: argument names and values. Arrays are NumPy's; the rest is what JSON holds."""


@attrs.frozen
class Pitfall:
    """A named wrong way, in two sentences: what happened, and what to change.

    `reference` gives the wrong answer that this way leads to, for recognising it. One without a
    reference is recognised by other means (an error's text, what was observed, a second call).
    """

    id: str
    symptom: str
    fix: str
    reference: Callable[..., Any] | None = None


MORE_THAN_DEVICES = Pitfall(
    "more-elements-than-devices",
    "A map over devices was given more elements than there are devices.",
    "Give each device one slice: reshape to (devices, ...) or map the rest with `vmap`.",
)


@attrs.frozen
class Finding:
    """What the candidate was seen to do: the law it violates, and which pitfall that is."""

    law: str
    pitfall: str
    seen: str


@attrs.frozen
class Exercise:
    """A function that a candidate implements.

    `draw(shape, random, turn)` gives the arguments of one call: `shape` is one of `shapes`,
    `random` a NumPy RandomState, `turn` the number of the call at that shape.
    `reference(**arguments)` gives the right answer: plain arrays where it is exact,
    `reference.error_bounds.evaluate.Rounded` where it rounds. `tree` says that the answer is lists,
    tuples and dicts of arrays rather than one array. `solution` is the source of a right one: it warms the
    compilation cache, and a test holds it to the exercise. `observe(arguments, notes)` looks at
    what the candidate was seen to do.
    """

    name: str
    signature: str
    task: str
    law: str
    shapes: tuple[Mapping[str, Any], ...]
    draw: Callable[[Mapping[str, Any], np.random.RandomState, int], Arguments]
    reference: Callable[..., Any]
    solution: str = ""
    pitfalls: tuple[Pitfall, ...] = ()
    further_reading: tuple[str, ...] = ()
    tree: bool = False
    observe: Callable[[Arguments, Mapping[str, Any]], Finding | None] | None = None
    expects_lift: bool = False


EDGE_SEEDS = (0, 2**31, -1, 2**32 - 1, 1, 2**31 - 1, -(2**31))


def draw_seed(random: np.random.RandomState, turn: int) -> int:
    """Seeds at the edges in every third call, so that all of them come up at several shapes."""
    if turn % 3 == 0:
        return EDGE_SEEDS[turn // 3 % len(EDGE_SEEDS)]
    return int(random.randint(0, 10_000))


def draw_floats(random: np.random.RandomState, turn: int, *shape: int) -> np.ndarray:
    """Normal float32 values; in every other call multiples of a quarter, which print short."""
    values = random.standard_normal(shape)
    return np.asarray(np.round(values * 4) / 4 if turn % 2 else values, np.float32)
