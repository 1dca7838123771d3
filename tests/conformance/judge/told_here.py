"""What is told of a wrong body, with its answers computed in this process."""

from __future__ import annotations

import traceback
from typing import Any

import numpy as np

from conformance.judge.compare import GivenAnswer, compare
from conformance.judge.decide import of_values, weight
from conformance.judge.diagnosis import WrongAnswer, of_error, of_rare_mistakes, of_wrong
from conformance.judge.exercises import load_exercises
from conformance.judge.expected_answers import Call, compute, draw_calls
from conformance.judge.minimize import minimize
from conformance.judge.other_draws import of_other_draws
from conformance.judge.other_inputs import of_other_inputs
from conformance.judge.sandbox import wire
from conformance.judge.scaled_steps import of_other_steps, of_scaled_steps
from conformance.judge.verdict import Diagnosis
from tests.conformance.judge.wrong_answers import IMPORTS

PLACE = "<student>"
CALLS = 48
"""Six of each shape: with numbers near one, and far from it."""


def _answer(value: Any) -> GivenAnswer:
    arrays: list[np.ndarray] = []
    spec = wire.flatten(value, arrays, np.asarray)
    names = tuple(str(array.dtype) for array in arrays)
    return GivenAnswer(spec, tuple(arrays), names, (False,) * len(arrays))


def _function(signature: str, body: str) -> Any:
    """The exercise, and the function compiled from a body; its lines can be found by their numbers."""
    scope: dict[str, Any] = {}
    source = f"{IMPORTS}\ndef {signature}:\n    {body}\n"
    exec(compile(source, PLACE, "exec"), scope)
    name = signature.split("(", maxsplit=1)[0]
    return load_exercises()[name], scope[name], source.splitlines()


def told_of_error(signature: str, body: str, seed: int = 0) -> Diagnosis | None:
    """What is told of a body that raises, at a call made as small as a judge makes it."""
    exercise, function, lines = _function(signature, body)

    def error_of(call: Call) -> dict[str, Any] | None:
        try:
            function(*(call.arguments[each] for each in exercise.parameters))
        except Exception as problem:
            frames = [
                [str(frame.lineno), frame.name, lines[(frame.lineno or 1) - 1].strip()]
                for frame in traceback.extract_tb(problem.__traceback__)
                if frame.filename == PLACE
            ]
            return {"type": type(problem).__name__, "message": str(problem), "frames": frames}
        return None

    calls = sorted(draw_calls(exercise, CALLS, seed), key=lambda call: (*weight(call), call.number))
    raised = [(call, error) for call in calls if (error := error_of(call))]
    assert raised
    call, error = minimize(exercise, *raised[0], error_of)
    right = [call for call in calls if call not in [one for one, _ in raised]]
    return of_error(error, exercise, call, right)


def wrong_answers_of(
    signature: str, body: str, seed: int = 0
) -> tuple[list[Call], list[WrongAnswer]]:
    """The calls that were drawn, and the wrong answers of a body to them."""
    exercise, function, _ = _function(signature, body)
    calls, wrong = draw_calls(exercise, CALLS, seed), []
    for call in calls:
        with np.errstate(
            all="ignore"
        ):  # some numbers are far from one, and a wrong formula goes further
            given = _answer(function(*(call.arguments[each] for each in exercise.parameters)))
        right = compute(exercise.reference, call.arguments)
        mismatch = compare(given, right)
        if mismatch is not None:
            wrong.append(WrongAnswer(call, right, given, mismatch))
    return list(calls), wrong


def diagnosis_of(signature: str, body: str, seed: int = 0) -> str | None:
    """The id of what is told of a wrong body; an error where all answers of it are right."""
    exercise = _function(signature, body)[0]
    calls, wrong = wrong_answers_of(signature, body, seed)
    assert wrong
    found = of_wrong(exercise, wrong) or of_values(wrong, calls)
    found = found or of_other_steps(wrong) or of_rare_mistakes(exercise, wrong)
    found = found or of_other_draws(exercise, wrong)
    found = found or of_scaled_steps(wrong) or of_other_inputs(exercise, wrong)
    return None if found is None else found.pitfall
