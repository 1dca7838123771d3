"""Answers that are right for another array than the one given: it was normalised, or turned round, first."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from conformance.judge.diagnosis import WrongAnswer
from conformance.judge.exercises.exercise import Exercise
from conformance.judge.expected_answers import Call, compute
from conformance.judge.one_operation_off import SMALL, close
from conformance.judge.value_ranges import is_usual
from conformance.judge.verdict import Diagnosis

SHAPES = 4
"""Shapes at which the changed array has to give the answers."""
TOLD = 3
"""Shapes at which it has to give others than the right ones."""

FACTORS = {
    -1.0: "with the opposite sign",
    2.0: "times 2",
    0.5: "divided by 2",
    10.0: "times 10",
    0.1: "divided by 10",
    100.0: "times 100",
    0.01: "divided by 100",
    1 / 255: "divided by 255",
}
"""What an array is multiplied by, and what is said of it."""

Change = Callable[[np.ndarray], np.ndarray]


def _less_mean(axis: Any, x: np.ndarray) -> np.ndarray:
    return np.asarray(x - x.mean(axis, keepdims=True))


def _by_deviation(axis: Any, small: float, x: np.ndarray) -> np.ndarray:
    return np.asarray(_less_mean(axis, x) / (x.std(axis, keepdims=True) + small))


def _by_variance(axis: Any, small: float, x: np.ndarray) -> np.ndarray:
    return np.asarray(_less_mean(axis, x) / np.sqrt(x.var(axis, keepdims=True) + small))


def _by_norm(axis: Any, x: np.ndarray) -> np.ndarray:
    return np.asarray(x / np.sqrt(np.sum(x * x, axis, keepdims=True)))


def _by_largest(axis: Any, x: np.ndarray) -> np.ndarray:
    return np.asarray(x / np.abs(x).max(axis, keepdims=True))


def _each(change: Callable[[Any, np.ndarray], np.ndarray], x: np.ndarray) -> np.ndarray:
    """The change of each example by itself, over all of its axes."""
    return change(tuple(range(1, x.ndim)), x)


def _every_second(start: int, x: np.ndarray) -> np.ndarray:
    kept = np.zeros_like(x)
    kept[..., start::2] = x[..., start::2]
    return kept


def _changes() -> Iterator[tuple[str, Change]]:
    """What is said of each change of an array `x`, and the change."""
    for axis, where in ((0, "along axis 0"), (-1, "along the last axis"), (None, "as a whole")):
        yield f"less its mean {where}", partial(_less_mean, axis)
        for small in SMALL:
            normalised = f"normalised to mean 0 and deviation 1 {where}"
            yield normalised, partial(_by_deviation, axis, small)
            if small:
                yield normalised, partial(_by_variance, axis, small)
        yield f"divided by its norm {where}", partial(_by_norm, axis)
        yield f"divided by its largest absolute value {where}", partial(_by_largest, axis)
    yield "less its mean in each example", partial(_each, _less_mean)
    yield "divided by its largest absolute value in each example", partial(_each, _by_largest)
    for axis, where in ((0, "axis 0"), (-1, "the last axis")):
        yield f"in reverse order along {where}", partial(np.flip, axis=axis)
        yield f"sorted along {where}", partial(np.sort, axis=axis)
    for step, (axis, where) in itertools.product((1, -1), ((0, "axis 0"), (-1, "the last axis"))):
        moved = f"with its entries along {where} moved on by one"
        yield moved, partial(np.roll, shift=step, axis=axis)
    yield (
        "with its first entry along axis 0 in place of all",
        lambda x: np.broadcast_to(x[:1], x.shape),
    )
    yield (
        "with its last entry along axis 0 in place of all",
        lambda x: np.broadcast_to(x[-1:], x.shape),
    )
    yield "without its negative numbers, which became 0", lambda x: np.maximum(x, 0)
    yield "without its signs", np.abs
    yield "cut to whole numbers", np.trunc
    yield "rounded down to whole numbers", np.floor
    yield "rounded to whole numbers", np.round
    for start, which in ((0, "first"), (1, "second")):
        yield (
            f"with every second number along the last axis alone, from the {which} on, and 0 elsewhere",
            partial(_every_second, start),
        )
    for more in (1.0, -1.0):
        yield f"{'plus' if more > 0 else 'less'} 1", partial(np.add, more)
    for factor, what in FACTORS.items():
        yield what, partial(np.multiply, factor)
    yield "after `tanh`", np.tanh
    yield "after `sigmoid`", lambda x: 1 / (1 + np.exp(-x))
    yield "after the square of each number", np.square


CHANGES = tuple(_changes())


def of_other_inputs(exercise: Exercise, wrong: Sequence[WrongAnswer]) -> Diagnosis | None:
    """Which array was changed, and how, before the right answers were computed from it.

    Args:
        exercise: whose reference gives the answers for the changed array.
        wrong: the wrong answers, the smallest call first; nothing else explains them.

    """
    usual = [each for each in wrong if is_usual(each.call) and each.given.arrays]
    if any(array.dtype.kind == "i" for each in usual for array in each.given.arrays) and all(
        leaf.dtype.startswith("float") for each in usual for leaf in each.expected.leaves
    ):
        return None
    by_shape: dict[int, WrongAnswer] = {}
    for each in usual:
        by_shape.setdefault(each.call.shape, each)
    if len(by_shape) < TOLD:
        return None
    # A call of some size rules most changes out, and the largest one costs most.
    tried = [*list(by_shape.values())[::-1], *usual]
    tried.sort(key=lambda each: _least_size(each.call) < 2)
    for what, change in CHANGES:
        with np.errstate(all="ignore"):
            names = [n for n in exercise.parameters if _is_told(exercise, tried, n, change)]
        if names:
            return _changed(names, what)
    return None


def _changed(names: Sequence[str], what: str) -> Diagnosis:
    # A dot product is the same where the one row is turned round and where the other is.
    which = " or ".join(f"`{name}`" for name in names)
    return Diagnosis(
        "changed-first",
        f"The answers are the right ones for {which} {what}.",
        f"Compute them from {which} as it is given: look for what changes it first.",
    )


def _least_size(call: Call) -> int:
    """The least size of an axis of the arrays that are arguments themselves."""
    arrays = [value for value in call.arguments.values() if isinstance(value, np.ndarray)]
    return min((size for array in arrays for size in array.shape), default=0)


def _is_told(exercise: Exercise, wrong: Sequence[WrongAnswer], name: str, change: Change) -> bool:
    shapes, told = set(), set()
    for each in wrong:
        changed = _changed_argument(each.call, name, change)
        if changed is None:
            continue
        try:
            due = compute(exercise.reference, {**each.call.arguments, name: changed}).leaves
        except Exception:  # no answer to such a call
            return False
        if len(due) != len(each.given.arrays) or not all(
            _near(array, leaf.value) for array, leaf in zip(each.given.arrays, due, strict=True)
        ):
            return False
        shapes.add(each.call.shape)
        if any(
            not _near(leaf.value, right.value)
            for leaf, right in zip(due, each.expected.leaves, strict=True)
        ):
            told.add(each.call.shape)
    return len(shapes) >= SHAPES and len(told) >= TOLD


def _changed_argument(call: Call, name: str, change: Change) -> np.ndarray | None:
    """The array after the change; None where it has no such one, or one that is no finite number."""
    value = call.arguments[name]
    if not isinstance(value, np.ndarray) or not value.ndim or value.dtype.kind not in "if":
        return None
    try:
        found = np.asarray(change(value.astype(np.float64)))
    except ValueError:  # an axis of no entries
        return None
    if found.shape != value.shape or not np.all(np.isfinite(found)):
        return None
    if value.dtype.kind == "i" and np.any(found != np.round(found)):
        return None
    return np.ascontiguousarray(found.astype(value.dtype))


def _near(given: np.ndarray, due: np.ndarray) -> bool:
    return given.shape == due.shape and close(given, due)
