"""Expected answers, computed once for all candidates, and what computing them cost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import attrs
import numpy as np

from conformance.judge.errors import ExerciseFailed
from conformance.judge.exercises.exercise import Arguments, Exercise
from conformance.judge.sandbox import wire


@attrs.frozen
class Leaf:
    """One array of an expected answer; `error` is None where it has to be met exactly."""

    value: np.ndarray
    error: np.ndarray | None
    dtype: str


@attrs.frozen
class ExpectedAnswer:
    """An expected (or recognisably wrong) answer: nested containers and the arrays in them."""

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
    """The calls of one exercise, and their expected answers as far as they have been computed."""

    exercise: Exercise
    calls: list[Call]
    known: dict[int, ExpectedAnswer] = attrs.field(factory=dict)
    slowest: float = 0.0
    lock: threading.Lock = attrs.field(factory=threading.Lock)


def draw_calls(exercise: Exercise, count: int, seed: int) -> list[Call]:
    """The calls that `seed` gives: every shape in turn, values and seeds freely.

    Raises:
        ExerciseFailed: The exercise's `draw` raised, or gave something that cannot be passed.

    """
    calls = []
    for number in range(count):
        place = number % len(exercise.shapes)
        random = np.random.RandomState([seed % 2**32, number])
        try:
            arguments = exercise.draw(exercise.shapes[place], random, turn_of(exercise, number))
            _check_arguments(exercise, arguments)
        except KeyboardInterrupt:
            raise
        except BaseException as problem:  # SystemExit among them
            raise _broken(exercise, "draw", exercise.shapes[place], problem) from problem
        calls.append(Call(number, place, arguments))
    return calls


def turn_of(exercise: Exercise, number: int) -> int:
    """The turn that the call of this number was drawn with: which kind of values it has."""
    return number // len(exercise.shapes) + 3 * (number % len(exercise.shapes))


def _check_arguments(exercise: Exercise, arguments: object) -> None:
    """Raises TypeError where they are not the signature's, or cannot be sent."""
    if not isinstance(arguments, Mapping):
        raise TypeError(f"it gave {type(arguments).__name__}, not a dict of arguments")
    if set(arguments) != set(exercise.parameters):
        wanted, given = ", ".join(exercise.parameters), ", ".join(map(str, arguments))
        raise TypeError(f"it gave arguments ({given}), the signature has ({wanted})")
    wire.encode({}, flat_arrays(dict(arguments)))


def flat_arrays(tree: Any) -> list[np.ndarray]:
    """The arrays of a tree of arguments or answers; what JSON holds is left out."""
    arrays: list[np.ndarray] = []
    wire.flatten(tree, arrays, as_leaf)
    return arrays


def as_leaf(value: Any) -> Any:
    """A leaf as it travels: plain values as they are, the rest as arrays."""
    if isinstance(value, (bool, int, float, str)) or value is None:
        return value
    return np.asarray(value)


def _broken(exercise: Exercise, what: str, given: Any, problem: BaseException) -> ExerciseFailed:
    message = " ".join(f"{type(problem).__name__}: {problem}".split())[:300]
    return ExerciseFailed(
        f"the {what} of the exercise {exercise.name} failed at {given}: {message}"
    )


def compute_ahead(expectations: ExpectedAnswers, stop: threading.Event) -> None:
    """Compute the expected answers before they are needed, until told to stop.

    What fails here fails again, and is reported, when the answer is needed.
    """
    for call in expectations.calls:
        if stop.is_set():
            return
        try:
            expected(expectations, call.number)
        except ExerciseFailed:
            return


def expected(expectations: ExpectedAnswers, number: int) -> ExpectedAnswer:
    """The expected answer to one of the calls. Raises ExerciseFailed."""
    with expectations.lock:
        if number not in expectations.known:
            started = time.perf_counter()
            call = expectations.calls[number]
            exercise = expectations.exercise
            try:
                expectations.known[number] = compute(exercise.reference, call.arguments)
            except KeyboardInterrupt:
                raise
            except BaseException as problem:  # SystemExit among them
                shape = exercise.shapes[call.shape]
                raise _broken(exercise, "reference", shape, problem) from problem
            expectations.slowest = max(expectations.slowest, time.perf_counter() - started)
        return expectations.known[number]


def also_expected(
    exercise: Exercise, reference: Callable[..., Any], call: Call
) -> ExpectedAnswer | None:
    """What one of `exercise.also_right` says, or None where it has no other answer to the call.

    Raises:
        ExerciseFailed: The reference raised, or returned something else.

    """
    try:
        result = _on_cpu(reference, call.arguments)
        return None if result is None else _of_result(result)
    except Exception as problem:
        raise _broken(exercise, "also_right", exercise.shapes[call.shape], problem) from problem


def compute(reference: Callable[..., Any], arguments: Arguments) -> ExpectedAnswer:
    """What a reference says: `Rounded` values with their bounds, or plain arrays.

    Raises:
        TypeError: It returned something else.

    """
    return _of_result(_on_cpu(reference, arguments))


def _on_cpu(reference: Callable[..., Any], arguments: Arguments) -> Any:
    import jax

    with jax.default_device(jax.local_devices(backend="cpu")[0]):
        return reference(**arguments)


def _of_result(result: Any) -> ExpectedAnswer:
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
    for leaf in leaves:
        if leaf.value.dtype.kind not in wire.KINDS:
            raise TypeError(f"it returned {type(result).__name__}, not arrays of numbers")
    return ExpectedAnswer(spec, tuple(leaves))


def _rounded(value: np.ndarray, error: np.ndarray) -> Leaf:
    if value.dtype.kind == "f":
        return Leaf(value, error, "float32")
    return Leaf(value, None, str(value.dtype))
