"""A smaller call for one that took too long or ended its process: made again, in new processes."""

from __future__ import annotations

import attrs

from conformance.judge import channel, worker_run
from conformance.judge import verdict as verdicts
from conformance.judge.attempt import Attempt
from conformance.judge.errors import JudgeFailure
from conformance.judge.expected_answers import Call
from conformance.judge.minimize import minimize
from conformance.judge.worker_run import Failure, WorkerRun

MAX_LIMIT = 60.0
"""Seconds that a call may take at most for one that took longer to be made again."""
TOGETHER = (
    "the call shown is the one that was being made when the time for all of them was over: "
    "it need not be slower than the others"
)
AS_DRAWN = (
    "the call is shown as it was drawn: in a new process, no smaller one was found that ends in the "
    "same way"
)
TOO_SLOW = (
    "the call is shown as it was drawn: to find a smaller one that takes longer than the limit of "
    "{:.0f} s would itself take too long"
)

NOT_AGAIN = (
    "the call is shown as it was drawn: what took more than its limits, or ended the process that "
    "watches over it, is not started again"
)


def smaller(attempt: Attempt, failure: Failure, call: Call) -> tuple[Failure, Call, str]:
    """How a smaller call ends a process of its own, the call, and a remark where there is none.

    At most one call that takes too long is made after the time for smaller ones is over.

    Args:
        attempt: whose file is loaded again.
        failure: a call that took too long, or ended its process.
        call: that call.

    """
    limit = attempt.limits.new_shape
    if failure.together:
        return failure, call, TOGETHER
    if failure.verdict == verdicts.TIMEOUT and limit > MAX_LIMIT:
        return failure, call, TOO_SLOW.format(limit)
    if any(run.ended.get("stopped") not in (None, "judge") for run in attempt.runs):
        return failure, call, NOT_AGAIN
    exercise = attempt.exercise
    assert exercise is not None
    fresh: list[WorkerRun] = []

    def in_the_same_way(small: Call) -> Failure | None:
        if not fresh or fresh[-1].channel.closed:
            try:
                fresh.append(_load_again(attempt))
            except JudgeFailure:
                return None
        run = fresh[-1]
        if run.failure is not None:  # it no longer loads
            return None
        worker_run.make(run, exercise, small, limit)
        again, run.failure = run.failure, None
        return again if again is not None and _alike(again, failure) else None

    try:
        small, found = minimize(exercise, call, failure, in_the_same_way, at_once=True)
    finally:
        for run in fresh:
            channel.terminate(run.channel)
    return found, small, AS_DRAWN if small is call else ""


def _load_again(attempt: Attempt) -> WorkerRun:
    """A new process that has loaded the file. Raises JudgeFailure."""
    assert attempt.exercise is not None
    run = WorkerRun(attempt.session.start_worker(), jax_arrays=attempt.runs[0].jax_arrays)
    worker_run.load(run, attempt.submission, [attempt.exercise.name], attempt.limits)
    return run


def _alike(one: Failure, other: Failure) -> bool:
    """Whether two calls ended in the same way; the limits that they were given may differ."""
    if one.verdict == verdicts.TIMEOUT:
        return other.verdict == verdicts.TIMEOUT
    return attrs.evolve(one, call=None) == attrs.evolve(other, call=None)
