"""Whether a function that is given NumPy arrays would do better with JAX arrays.

Most functions are right for both, and NumPy arrays cost nothing to make. Some are right for JAX arrays
alone, which whoever wrote them has tried: `x.at[0].set(1)`, `x[i]` of a traced `i`,
`isinstance(x, jax.Array)`. A function that changes a NumPy array in place is not asked again: `x *= 2`
does not change a JAX array, but whoever gives a NumPy array loses it.
"""

from __future__ import annotations

import attrs

from conformance.judge import also_right, worker_run
from conformance.judge import verdict as verdicts
from conformance.judge.attempt import Attempt
from conformance.judge.compare import compare
from conformance.judge.diagnosis import WrongAnswer
from conformance.judge.exercises.exercise import Exercise
from conformance.judge.expected_answers import Call, ExpectedAnswers, expected
from conformance.judge.worker_run import WorkerRun

NUMBER = 300_000
"""The number of the call that is made again: no call that was drawn, or made smaller, has it."""


def does_better_with_jax_arrays(attempt: Attempt, wrong: list[WrongAnswer]) -> bool:
    """Whether a call that raised, or was answered wrongly, gets further with JAX arrays.

    Args:
        attempt: an attempt whose calls have been made with NumPy arrays.
        wrong: its wrong answers, the smallest call first.

    Raises:
        ExerciseFailed: A reference of the exercise failed.

    """
    exercise, answers = attempt.exercise, attempt.expected
    assert exercise is not None
    assert answers is not None
    if any(run.changed for run in attempt.runs):
        return False
    for run in attempt.runs:
        failure = run.failure
        if failure is not None:
            if failure.verdict != verdicts.ERROR or failure.call is None:
                return False
            again = _made_again(run, exercise, answers.calls[failure.call], attempt).failure
            return again is None or (
                again.verdict == verdicts.ERROR and again.message != failure.message
            )
    if not wrong:
        return False
    number = wrong[0].call.number
    run = next(run for run in attempt.runs if number in run.answers)
    return _is_right(
        _made_again(run, exercise, answers.calls[number], attempt), exercise, answers, number
    )


def _made_again(run: WorkerRun, exercise: Exercise, call: Call, attempt: Attempt) -> WorkerRun:
    """The same process with nothing but the call, made with JAX arrays."""
    again = WorkerRun(run.channel, jax_arrays=True)
    worker_run.make(again, exercise, attrs.evolve(call, number=NUMBER), attempt.limits.new_shape)
    return again


def _is_right(run: WorkerRun, exercise: Exercise, answers: ExpectedAnswers, number: int) -> bool:
    if run.failure is not None:
        return False
    given, right = run.answers[NUMBER], expected(answers, number)
    mismatch = compare(given, right)
    if mismatch is None:
        return True
    return not also_right.without(
        exercise, [WrongAnswer(answers.calls[number], right, given, mismatch)]
    )
