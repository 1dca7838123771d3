"""What is told of a wrong body, with its answers computed in this process."""

from __future__ import annotations

from typing import Any

import numpy as np

from conformance.judge.compare import GivenAnswer, compare
from conformance.judge.decide import of_values
from conformance.judge.diagnosis import WrongAnswer, of_rare_mistakes, of_wrong
from conformance.judge.exercises import load_exercises
from conformance.judge.expected_answers import compute, draw_calls
from conformance.judge.sandbox import wire
from tests.conformance.judge.wrong_answers import IMPORTS

CALLS = 48
"""Six of each shape: with numbers near one, and far from it."""


def _answer(value: Any) -> GivenAnswer:
    arrays: list[np.ndarray] = []
    spec = wire.flatten(value, arrays, np.asarray)
    names = tuple(str(array.dtype) for array in arrays)
    return GivenAnswer(spec, tuple(arrays), names, (False,) * len(arrays))


def diagnosis_of(signature: str, body: str, seed: int = 0) -> str | None:
    """The id of what is told of a wrong body; an error where an answer of it is right."""
    scope: dict[str, Any] = {}
    exec(f"{IMPORTS}\ndef {signature}:\n    {body}\n", scope)
    name = signature.split("(", maxsplit=1)[0]
    exercise, function = load_exercises()[name], scope[name]
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
    assert wrong
    found = of_wrong(exercise, wrong) or of_values(wrong, calls)
    found = found or of_rare_mistakes(exercise, wrong)
    return None if found is None else found.pitfall
