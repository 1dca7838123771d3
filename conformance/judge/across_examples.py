"""Answers to one example that depend on the other ones, or on where it stands: asked for anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import numpy as np

from conformance.judge.compare import GivenAnswer
from conformance.judge.diagnosis import Ask, WrongAnswer
from conformance.judge.exercises.exercise import Exercise
from conformance.judge.expected_answers import Call, compute
from conformance.judge.ignored_arguments import other_numbers
from conformance.judge.one_operation_off import close
from conformance.judge.value_ranges import is_usual
from conformance.judge.verdict import Diagnosis

TRIED = 4
"""Shapes that are asked for."""
LEAST = 3
"""Examples that a call must have."""

ON_OTHERS = Diagnosis(
    "depends-on-other-examples",
    "The answer to one example changes with the other examples.",
    "Compute each answer from its own example: look for a mean, a sum or a deviation over the examples, "
    "`softmax` over axis 0, and for a value that a loop or `scan` carries from one example to the next.",
)
ON_THE_PLACE = Diagnosis(
    "depends-on-the-place",
    "Equal examples got different answers.",
    "Leave out what differs from one example to the next: random numbers, such as those of dropout, an "
    "index, and a value that a loop or `scan` carries on.",
)


def of_other_examples(
    exercise: Exercise, wrong: Sequence[WrongAnswer], ask: Ask
) -> Diagnosis | None:
    """Whether the answer to an example changes with the others, or with its place among them.

    Args:
        exercise: whose reference says which arrays hold examples.
        wrong: the wrong answers, the smallest call first; nothing else explains them.
        ask: makes a call of the candidate's function.

    """
    by_shape = {each.call.shape: each for each in wrong if is_usual(each.call)}
    found: list[Diagnosis | None] = []
    for each in by_shape.values():
        names = _names(exercise, each)
        if names:
            found.append(_of_call(exercise, each, names, ask))
        if len(found) == TRIED:
            break
    for known in (ON_OTHERS, ON_THE_PLACE):
        if known in found:
            return known
    return None


def _names(exercise: Exercise, wrong: WrongAnswer) -> list[str]:
    """The arguments that hold the examples: other ones leave the first answer, and change the others."""
    arrays = {
        name: value
        for name, value in wrong.call.arguments.items()
        if isinstance(value, np.ndarray) and value.ndim and value.dtype.kind in "if"
    }
    for count in sorted({len(value) for value in arrays.values() if len(value) >= LEAST}):
        names = [name for name, value in arrays.items() if len(value) == count]
        right = _right(exercise, _others_changed(wrong.call, names), count)
        before = _rows(wrong.expected.leaves, count)
        if right is None or before is None or right.shape != before.shape:
            continue
        changed = [not close(now, old) for now, old in zip(right, before, strict=True)]
        if not changed[0] and any(changed):
            return names
    return []


def _of_call(
    exercise: Exercise, wrong: WrongAnswer, names: Sequence[str], ask: Ask
) -> Diagnosis | None:
    count = len(wrong.call.arguments[names[0]])
    before = _rows_of(wrong.given, count)
    if before is None:
        return None
    for place in (0, -1):  # a running sum does not change the first one
        now = _asked(ask, _others_changed(wrong.call, names, place), count)
        if now is None or now.shape != before.shape:
            return None
        if not close(now[place], before[place]):
            return ON_OTHERS
    alike = _alike(wrong.call, names)
    right, given = _right(exercise, alike, count), _asked(ask, alike, count)
    if right is None or given is None or not all(close(row, right[0]) for row in right):
        return None
    return None if all(close(row, given[0]) for row in given) else ON_THE_PLACE


def _others_changed(call: Call, names: Sequence[str], place: int = 0) -> Call:
    """The call with other numbers in all examples but one."""
    return _with(call, {name: _changed(call.arguments[name], place) for name in names})


def _changed(array: np.ndarray, place: int) -> np.ndarray:
    other = other_numbers(array)
    other[place] = array[place]
    return other


def _alike(call: Call, names: Sequence[str]) -> Call:
    """The call with its first example in every place."""
    given = call.arguments
    return _with(
        call,
        {name: np.repeat(given[name][:1], len(given[name]), axis=0) for name in names},
    )


def _with(call: Call, arrays: Mapping[str, Any]) -> Call:
    return attrs.evolve(call, arguments={**call.arguments, **arrays})


def _right(exercise: Exercise, call: Call, count: int) -> np.ndarray | None:
    try:
        return _rows(compute(exercise.reference, call.arguments).leaves, count)
    except Exception:  # a call that a teacher's own exercise does not have
        return None


def _rows(leaves: Sequence[Any], count: int) -> np.ndarray | None:
    """The numbers of each example; None where the answer is not one array of so many examples."""
    return _split([leaf.value for leaf in leaves], count)


def _asked(ask: Ask, call: Call, count: int) -> np.ndarray | None:
    answer = ask(call)
    return None if answer is None else _rows_of(answer, count)


def _rows_of(given: GivenAnswer, count: int) -> np.ndarray | None:
    return None if given.unfit is not None else _split(given.arrays, count)


def _split(arrays: Sequence[np.ndarray], count: int) -> np.ndarray | None:
    if len(arrays) != 1 or not arrays[0].size or arrays[0].size % count:
        return None
    if arrays[0].dtype.kind not in "if" or not np.all(np.isfinite(arrays[0])):
        return None
    return arrays[0].astype(np.float64).reshape(count, -1)
