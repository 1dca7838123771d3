"""Right answers, computed once for all candidates, and what computing them cost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import attrs
import numpy as np

from conformance.judge.exercises.exercise import Arguments, Exercise
from conformance.judge.sandbox import wire


class ExerciseFailed(Exception):
    """An exercise, a teacher's own perhaps, that cannot judge; the message says why."""


@attrs.frozen
class Leaf:
    """One array of a right answer; ``error`` is None where it has to be met exactly."""

    value: np.ndarray
    error: np.ndarray | None
    dtype: str


@attrs.frozen
class ExpectedAnswer:
    """A right (or recognisably wrong) answer: nested containers and the arrays in them."""

    spec: Any
    leaves: tuple[Leaf, ...]


@attrs.frozen
class Call:
    """One call of a candidate's function: plain data."""

    number: int
    shape: int
    arguments: Arguments


@attrs.define
class ExpectedAnswers:
    """The calls of one exercise, and their right answers as far as they have been computed."""

    exercise: Exercise
    calls: list[Call]
    known: dict[int, ExpectedAnswer] = attrs.field(factory=dict)
    slowest: float = 0.0
    lock: threading.Lock = attrs.field(factory=threading.Lock)


def draw_calls(exercise: Exercise, count: int, seed: int) -> list[Call]:
    """The calls that `seed` gives: every shape in turn, values and seeds freely.

    Raises BrokenExercise.
    """
    calls = []
    for number in range(count):
        place = number % len(exercise.shapes)
        random = np.random.RandomState([seed % 2**32, number])
        turn = number // len(exercise.shapes) + 3 * place
        try:
            arguments = exercise.draw(exercise.shapes[place], random, turn)
        except Exception as problem:
            raise _broken(exercise, "draw", exercise.shapes[place], problem) from problem
        calls.append(Call(number, place, arguments))
    return calls


def _broken(exercise: Exercise, what: str, given: Any, problem: Exception) -> ExerciseFailed:
    message = f"{type(problem).__name__}: {problem}".splitlines()[0][:300]
    return ExerciseFailed(
        f"the {what} of the exercise {exercise.name} failed at {given}: {message}"
    )


def compute_ahead(expectations: ExpectedAnswers, stop: threading.Event) -> None:
    """Compute the right answers before they are needed, until told to stop."""
    for call in expectations.calls:
        if stop.is_set():
            return
        expected(expectations, call.number)


def expected(expectations: ExpectedAnswers, number: int) -> ExpectedAnswer:
    """The right answer to one of the calls. Raises BrokenExercise."""
    with expectations.lock:
        if number not in expectations.known:
            started = time.perf_counter()
            call = expectations.calls[number]
            exercise = expectations.exercise
            try:
                expectations.known[number] = compute(exercise.reference, call.arguments)
            except Exception as problem:
                shape = exercise.shapes[call.shape]
                raise _broken(exercise, "reference", shape, problem) from problem
            expectations.slowest = max(expectations.slowest, time.perf_counter() - started)
        return expectations.known[number]


def compute(reference: Callable[..., Any], arguments: Arguments) -> ExpectedAnswer:
    """What a reference says: `Rounded` values with their bounds, or plain arrays."""
    import jax

    with jax.default_device(jax.local_devices(backend="cpu")[0]):
        result = reference(**arguments)
    leaves: list[Leaf] = []
    if hasattr(result, "error") and hasattr(result, "value"):
        values: list[np.ndarray] = []
        errors: list[np.ndarray] = []
        spec = wire.flatten(result.value, values, np.asarray)
        wire.flatten(result.error, errors, np.asarray)
        leaves = [_rounded(v, e) for v, e in zip(values, errors, strict=True)]
    else:
        plain: list[np.ndarray] = []
        spec = wire.flatten(result, plain, np.asarray)
        leaves = [Leaf(value, None, str(value.dtype)) for value in plain]
    return ExpectedAnswer(spec, tuple(leaves))


def _rounded(value: np.ndarray, error: np.ndarray) -> Leaf:
    if value.dtype.kind == "f":
        return Leaf(value, error, "float32")
    return Leaf(value, None, str(value.dtype))
