"""Whether a function that is given NumPy arrays would do better with JAX arrays.

Most functions are right for both, and NumPy arrays cost nothing to make. Some are right for JAX arrays
alone, which whoever wrote them has tried: `x.at[0].set(1)`, `x[i]` of a traced `i`,
`isinstance(x, jax.Array)`. A function that changes a NumPy array in place is not asked again: `x *= 2`
does not change a JAX array, but whoever gives a NumPy array loses it. Neither is one that does better with
NumPy arrays, too, when it is asked again: it is the number of calls that matters there, or chance.
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
"""The number of a call that is made again: no call that was drawn, or made smaller, has it."""


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
            call = answers.calls[failure.call]
            same = _made_again(run, exercise, call, attempt, jax_arrays=False).failure
            if same is None or same.place != failure.place:
                return False
            again = _made_again(run, exercise, call, attempt, jax_arrays=True).failure
            return again is None or (
                again.verdict == verdicts.ERROR and again.message != failure.message
            )
    if not wrong:
        return False
    number = wrong[0].call.number
    run = next(run for run in attempt.runs if number in run.answers)
    call = answers.calls[number]
    for jax_arrays in (False, True):
        answered = _made_again(run, exercise, call, attempt, jax_arrays=jax_arrays)
        if _is_right(answered, exercise, answers, number) is not jax_arrays:
            return False
    return True


def _made_again(
    run: WorkerRun, exercise: Exercise, call: Call, attempt: Attempt, *, jax_arrays: bool
) -> WorkerRun:
    """The same process with nothing but the call, made with one kind of arrays."""
    again = WorkerRun(run.channel, jax_arrays=jax_arrays)
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
