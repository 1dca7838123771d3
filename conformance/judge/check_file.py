"""From a file to its verdicts."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

from conformance.judge import channel, verdict, worker_run
from conformance.judge.decide import decide, plain, troubled
from conformance.judge.exercises.exercise import Exercise
from conformance.judge.expected_answers import expected
from conformance.judge.session import Bench, expectations_of, worker
from conformance.judge.submissions import Unreadable, read_candidate
from conformance.judge.verdict import Verdict
from conformance.judge.worker_run import Lane, Limits, Trouble

LEAST_UNIT = 0.5


def check_file(bench: Bench, path: Path) -> list[Verdict]:
    """One verdict for every exercise that the file has a function for; one where it has none."""
    started = time.perf_counter()
    name = path.name
    try:
        content = read_candidate(path)
    except Unreadable as problem:
        return [plain(bench, name, verdict.ERROR, str(problem), started)]
    pair = _pair(bench)
    try:
        functions = _load(bench, pair, name, content, _first_limits(bench))
        trouble = _trouble(pair)
        if trouble is not None:
            return [troubled(bench, name, None, pair, trouble, None, started)]
        wanted = [bench.options.only] if bench.options.only else list(bench.exercises)
        exercises = [bench.exercises[each] for each in wanted if each in functions]
        if not exercises:
            words = f"the file defines none of: {', '.join(wanted)}"
            return [plain(bench, name, verdict.MISSING, words, started)]
        results = []
        for place, exercise in enumerate(exercises):
            if place:
                started = time.perf_counter()
                _end(pair)
                pair = _pair(bench)
                _load(bench, pair, name, content, _first_limits(bench))
                trouble = _trouble(pair)
            results.append(
                _examine(bench, name, exercise, pair, started)
                if trouble is None
                else troubled(bench, name, exercise, pair, trouble, None, started)
            )
        return results
    finally:
        _end(pair)


def _pair(bench: Bench) -> tuple[Lane, Lane]:
    first = Lane(channel.Talk(worker(bench)))
    try:
        return first, Lane(channel.Talk(worker(bench)))
    except BaseException:
        channel.end(first.talk)
        raise


def _trouble(pair: tuple[Lane, Lane]) -> Trouble | None:
    return next((lane.trouble for lane in pair if lane.trouble), None)


def _end(pair: tuple[Lane, Lane]) -> None:
    for lane in pair:
        if not lane.talk.closed:
            lane.ended = channel.end(lane.talk)


def _first_limits(bench: Bench) -> Limits:
    return Limits(bench.options.patience, max(LEAST_UNIT, bench.server.seconds / 2))


def _load(
    bench: Bench, pair: tuple[Lane, Lane], name: str, content: bytes, limits: Limits
) -> list[str]:
    found: list[list[str]] = []
    _together(
        [
            lambda lane=lane: found.append(worker_run.load(lane, name, content, limits))
            for lane in pair
        ]
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
    bench: Bench, name: str, exercise: Exercise, pair: tuple[Lane, Lane], started: float
) -> Verdict:
    wanted = expectations_of(bench, exercise)
    first, second = worker_run.divide(wanted.calls, bench.options.seed)
    if wanted.calls:
        expected(wanted, wanted.calls[0].number)
    limits = Limits(
        bench.options.patience, max(LEAST_UNIT, wanted.slowest, bench.server.seconds / 4)
    )
    # One that hangs must not keep the others waiting.
    granted = bench.turns.acquire(timeout=2 * limits.unit)
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
            bench.turns.release()
    return decide(bench, name, exercise, pair, limits, started)
