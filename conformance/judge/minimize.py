"""A smaller call that still fails: what a student reads instead of the call that was drawn."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import attrs
import numpy as np

from conformance.judge.exercises.exercise import Exercise
from conformance.judge.expected_answers import Call

MAX_TRIES = 16
MAX_SECONDS = 5.0
"""How much one counterexample may cost. A try at a new shape compiles."""
TURNS = (5, 9)
"""Turns of `Exercise.draw` that give usual values, in the first one such that print short."""
NUMBER = 200_000
"""Numbers of these calls begin here: no call that was drawn has such a one."""

Failing = TypeVar("Failing")


def minimize(
    exercise: Exercise, call: Call, failing: Failing, try_call: Callable[[Call], Failing | None]
) -> tuple[Call, Failing]:
    """The smallest call found that fails, and how it fails.

    Each size of the call's shape is made smaller in turn, down to sizes that the exercise's own shapes
    have, so that no call is outside its contract. Values are drawn anew from nothing but the shape: who
    reads them learns nothing of the seed of the other calls.

    Args:
        exercise: gives the calls.
        call: a call that fails.
        failing: how it fails.
        try_call: makes a call; None where it does not fail in the same way.

    """
    shape: Mapping[str, Any] = exercise.shapes[call.shape]
    began, tries, smaller = time.monotonic(), 0, True
    while smaller:
        smaller = False
        for proposal in _smaller(exercise, shape, same=call.number < NUMBER):
            for turn in TURNS:
                if tries >= MAX_TRIES or time.monotonic() - began > MAX_SECONDS:
                    return call, failing
                tries += 1
                made = _draw(exercise, call, proposal, turn, NUMBER + tries)
                found = None if made is None else try_call(made)
                if made is not None and found is not None:
                    shape, call, failing, smaller = proposal, made, found, True
                    break
            if smaller:
                break
    return call, failing


def _smaller(
    exercise: Exercise, shape: Mapping[str, Any], *, same: bool
) -> Iterator[Mapping[str, Any]]:
    """The shape with one of its sizes smaller, the number of examples first; then itself if `same`."""
    for name, size in sorted(shape.items(), key=lambda item: item[0] != "examples"):
        if type(size) is not int:
            continue
        others = {each.get(name) for each in exercise.shapes}
        for less in sorted(each for each in others if type(each) is int and 0 < each < size):
            yield {**shape, name: less}
    if same:
        yield shape


def _draw(
    exercise: Exercise, call: Call, shape: Mapping[str, Any], turn: int, number: int
) -> Call | None:
    """A call of this shape; None where the exercise does not draw one."""
    sizes = [size for size in shape.values() if type(size) is int]
    try:
        arguments = exercise.draw(shape, np.random.RandomState([turn, *sizes]), turn)
    except Exception:  # a shape that a teacher's own exercise does not have
        return None
    if set(arguments) != set(exercise.parameters):
        return None
    return attrs.evolve(call, number=number, arguments=arguments)
