"""One candidate's attempt at one exercise: the file, its two processes, and the limits they have."""

from __future__ import annotations

import time

import attrs

from conformance.judge.exercises.exercise import Exercise
from conformance.judge.expected_answers import ExpectedAnswers
from conformance.judge.session import JudgeSession
from conformance.judge.submissions import Submission
from conformance.judge.worker_run import Failure, Limits, WorkerRun


@attrs.frozen
class Attempt:
    """What a verdict is made from.

    Attributes:
        name: what the file is called in its verdicts.
        exercise: None where the file was not loaded far enough to know.
        expected: the calls and their answers; None before any call was made.
        runs: the two processes that loaded the file.
        started: `time.perf_counter()` when the work on it began.

    """

    session: JudgeSession
    name: str
    submission: Submission
    runs: tuple[WorkerRun, ...]
    limits: Limits
    started: float
    exercise: Exercise | None = None
    expected: ExpectedAnswers | None = None

    @property
    def failure(self) -> Failure | None:
        """What ended one of the runs, if anything did."""
        return next((run.failure for run in self.runs if run.failure), None)

    @property
    def seconds(self) -> float:
        """How long the attempt has taken."""
        return time.perf_counter() - self.started
