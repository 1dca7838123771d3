"""A compilation cache that only the exercises' own solutions have written.

Candidates get it to read: what they compile themselves stays with them.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from conformance.judge import channel, server_process, worker_run
from conformance.judge.compile_cache import CompileCache
from conformance.judge.exercises.exercise import Exercise
from conformance.judge.expected_answers import draw_calls
from conformance.judge.worker_run import Limits, WorkerRun

PATIENCE = Limits(20.0, 30.0)
MEMORY = 8 * 2**30


def warm(cache: CompileCache, exercises: Iterable[Exercise]) -> None:
    """Compile the exercises' own solutions, unless that has been done. Failing does no harm."""
    with cache.lock:
        cold = [
            e for e in exercises if e.name not in cache.started and not _marker(cache, e).exists()
        ]
        cache.started.update(exercise.name for exercise in cold)
    if not cold:
        return
    with open(cache.directory / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        cold = [exercise for exercise in cold if not _marker(cache, exercise).exists()]
        if cold:
            with suppress(server_process.IsolationUnavailable):
                _compile(cache, cold)


def _compile(cache: CompileCache, exercises: Iterable[Exercise]) -> None:
    server = server_process.start_server("process")
    try:
        for exercise in exercises:
            fresh = cache.directory / "compiling"
            shutil.rmtree(fresh, ignore_errors=True)
            fresh.mkdir()
            worker = server_process.start_worker(server, 3600, MEMORY, fresh)
            run = WorkerRun(channel.Channel(worker))
            try:
                worker_run.load(run, "solution.py", exercise.solution.encode(), PATIENCE)
                worker_run.work(
                    run, exercise, draw_calls(exercise, len(exercise.shapes), 0), PATIENCE
                )
            finally:
                run.ended = channel.terminate(run.channel)
            if run.failure is None:
                for path in fresh.iterdir():  # whole files only: candidates are reading meanwhile
                    path.replace(cache.directory / "compiled" / path.name)
                _marker(cache, exercise).touch()
    finally:
        server_process.stop_server(server)


def _marker(cache: CompileCache, exercise: Exercise) -> Path:
    content = f"{exercise.solution}{exercise.shapes}{server_process.environment()}"
    return cache.directory / f"{exercise.name}-{hashlib.sha256(content.encode()).hexdigest()[:16]}"
