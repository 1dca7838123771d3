"""A smaller call that still fails: what a student reads instead of the call that was drawn."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import attrs
import numpy as np

from conformance.judge.exercises.exercise import Exercise
from conformance.judge.expected_answers import Call, turn_of
from conformance.judge.value_ranges import is_usual

MAX_TRIES = 16
MAX_SECONDS = 5.0
"""How much one counterexample may cost. A try at a new shape compiles."""
TURNS = (5, 9)
"""Turns of `Exercise.draw` that give usual values, in the first one such that print short."""
SPARE = 3
"""Tries kept for the call's own shape and kind of values, where nothing else fails."""
NUMBER = 200_000
"""Numbers of these calls begin here: no call that was drawn has such a one."""

Failing = TypeVar("Failing")


def minimize(
    exercise: Exercise,
    call: Call,
    failing: Failing,
    try_call: Callable[[Call], Failing | None],
    *,
    at_once: bool = False,
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
        at_once: try first with every size as small as can be: where each call that fails takes long.

    """
    shape: Mapping[str, Any] = exercise.shapes[call.shape]
    own = turn_of(exercise, call.number)
    of_own_kind = [(own, which) for which in range(SPARE)]
    kinds = [(turn, 0) for turn in TURNS] if is_usual(call) else of_own_kind
    began, numbers = time.monotonic(), iter(range(NUMBER, NUMBER + MAX_TRIES - SPARE))

    def attempt(
        proposal: Mapping[str, Any], kind: tuple[int, int], number: int
    ) -> tuple[Call, Failing] | None:
        made = _draw(exercise, call, proposal, kind, number)
        found = None if made is None else try_call(made)
        return None if made is None or found is None else (made, found)

    def first(shape: Mapping[str, Any], *, same: bool) -> tuple[Any, tuple[Call, Failing]] | None:
        """The first smaller shape at which a call fails, and the call; None where the tries are over."""
        least = [_smallest(exercise, shape)] if at_once and same else []
        for proposal in (*least, *_smaller(exercise, shape, same=same)):
            for kind in kinds:
                number = next(numbers, None)
                if number is None or time.monotonic() - began > MAX_SECONDS:
                    return None
                if (found := attempt(proposal, kind, number)) is not None:
                    return proposal, found
        return None

    smallest = None
    while (smaller := first(shape, same=smallest is None)) is not None:
        shape, smallest = smaller
    if smallest is None:
        spare = ((kind, NUMBER + MAX_TRIES + place) for place, kind in enumerate(of_own_kind))
        smallest = next(filter(None, (attempt(shape, *each) for each in spare)), None)
    return smallest or (call, failing)


def _smallest(exercise: Exercise, shape: Mapping[str, Any]) -> Mapping[str, Any]:
    """The shape with the smallest of each size that the exercise's own shapes have."""

    def least(name: str, size: Any) -> Any:
        others = [each.get(name) for each in exercise.shapes]
        return min([size, *(n for n in others if type(n) is int and n > 0)])

    return {n: least(n, s) if type(s) is int and s > 0 else s for n, s in shape.items()}


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
    exercise: Exercise, call: Call, shape: Mapping[str, Any], kind: tuple[int, int], number: int
) -> Call | None:
    """A call of this shape; None where the exercise does not draw one.

    Args:
        exercise: draws it.
        call: what it replaces.
        shape: its sizes.
        kind: the turn it is drawn with, and which of several draws with that turn it is.
        number: its number.

    """
    # A shape may have an axis, too, counted from the end.
    sizes = [size % 2**32 for size in shape.values() if type(size) is int]
    turn, which = kind
    random = np.random.RandomState([turn, *sizes, *([which] if which else [])])
    try:
        arguments = exercise.draw(shape, random, turn)
    except Exception:  # a shape that a teacher's own exercise does not have
        return None
    if set(arguments) != set(exercise.parameters):
        return None
    return attrs.evolve(call, number=number, arguments=arguments)
