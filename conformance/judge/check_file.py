"""From a file to its verdicts."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

from conformance.judge import channel, verdict, worker_run
from conformance.judge.decide import decide, failed_verdict, plain
from conformance.judge.exercises.exercise import Exercise
from conformance.judge.expected_answers import expected
from conformance.judge.session import JudgeSession, expectations_for, worker
from conformance.judge.submissions import UnreadableCandidate, read_candidate
from conformance.judge.verdict import Verdict
from conformance.judge.worker_run import Failure, Limits, WorkerRun

MIN_REFERENCE_SECONDS = 0.5


def check_file(session: JudgeSession, path: Path) -> list[Verdict]:
    """One verdict for every exercise that the file has a function for; one where it has none."""
    started = time.perf_counter()
    name = path.name
    try:
        content = read_candidate(path)
    except UnreadableCandidate as problem:
        return [plain(session, name, verdict.ERROR, str(problem), started)]
    pair = _pair(session)
    try:
        functions = _load(session, pair, name, content, _first_limits(session))
        failure = _failure(pair)
        if failure is not None:
            return [failed_verdict(session, name, None, pair, failure, None, started)]
        wanted = [session.options.only] if session.options.only else list(session.exercises)
        exercises = [session.exercises[each] for each in wanted if each in functions]
        if not exercises:
            message = f"the file defines none of: {', '.join(wanted)}"
            return [plain(session, name, verdict.MISSING, message, started)]
        results = []
        for place, exercise in enumerate(exercises):
            if place:
                started = time.perf_counter()
                _terminate(pair)
                pair = _pair(session)
                _load(session, pair, name, content, _first_limits(session))
                failure = _failure(pair)
            results.append(
                _examine(session, name, exercise, pair, started)
                if failure is None
                else failed_verdict(session, name, exercise, pair, failure, None, started)
            )
        return results
    finally:
        _terminate(pair)


def _pair(session: JudgeSession) -> tuple[WorkerRun, WorkerRun]:
    first = WorkerRun(channel.Channel(worker(session)))
    try:
        return first, WorkerRun(channel.Channel(worker(session)))
    except BaseException:
        channel.terminate(first.channel)
        raise


def _failure(pair: tuple[WorkerRun, WorkerRun]) -> Failure | None:
    return next((run.failure for run in pair if run.failure), None)


def _terminate(pair: tuple[WorkerRun, WorkerRun]) -> None:
    for run in pair:
        if not run.channel.closed:
            run.ended = channel.terminate(run.channel)


def _first_limits(session: JudgeSession) -> Limits:
    return Limits(session.options.patience, max(MIN_REFERENCE_SECONDS, session.server.seconds / 2))


def _load(
    session: JudgeSession,
    pair: tuple[WorkerRun, WorkerRun],
    name: str,
    content: bytes,
    limits: Limits,
) -> list[str]:
    found: list[list[str]] = []
    _together(
        [lambda run=run: found.append(worker_run.load(run, name, content, limits)) for run in pair]
    )
    return [each for each in found[0] if each in found[1]]


def _together(tasks: list[Any]) -> None:
    """Run the tasks at the same time; what one raises is raised here."""
    raised: list[BaseException] = []

    def guarded(task: Any) -> None:
        try:
            task()
        except BaseException as problem:
            raised.append(problem)

    threads = [threading.Thread(target=guarded, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if raised:
        raise raised[0]


def _examine(
    session: JudgeSession,
    name: str,
    exercise: Exercise,
    pair: tuple[WorkerRun, WorkerRun],
    started: float,
) -> Verdict:
    wanted = expectations_for(session, exercise)
    first, second = worker_run.split_calls(wanted.calls, session.options.seed)
    if wanted.calls:
        expected(wanted, wanted.calls[0].number)
    limits = Limits(
        session.options.patience,
        max(MIN_REFERENCE_SECONDS, wanted.slowest, session.server.seconds / 4),
    )
    # One that hangs must not keep the others waiting.
    granted = session.turns.acquire(timeout=2 * limits.unit)
    try:
        _together(
            [
                lambda: worker_run.work(pair[0], exercise, first, limits),
                lambda: worker_run.work(pair[1], exercise, second, limits),
                lambda: [expected(wanted, call.number) for call in wanted.calls],
            ]
        )
    finally:
        if granted:
            session.turns.release()
    return decide(session, name, exercise, pair, limits, started)
