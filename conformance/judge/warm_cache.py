"""A compilation cache that only the exercises' own solutions have written.

Candidates can read an entry only if they have written its program: `sandbox.compiled_programs`.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import threading
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from conformance.judge import channel, server_process, worker_process, worker_run
from conformance.judge.compile_cache import CompileCache
from conformance.judge.errors import JudgeFailure
from conformance.judge.exercises.exercise import Exercise
from conformance.judge.expected_answers import draw_calls
from conformance.judge.submissions import Submission
from conformance.judge.worker_run import Limits, WorkerRun

LIMITS = Limits(20.0, 30.0)
MAX_MEMORY = 8 * 2**30
CPU_SECONDS = 3600


def start(cache: CompileCache, exercise: Exercise) -> None:
    """Compile an exercise's own solution in the background, unless that has been done."""
    thread = threading.Thread(target=warm, args=(cache, [exercise]))
    cache.threads.append(thread)
    thread.start()


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
            with suppress(JudgeFailure):
                _compile(cache, cold)


def _compile(cache: CompileCache, exercises: Iterable[Exercise]) -> None:
    server = server_process.start_server("process")
    try:
        for exercise in exercises:
            fresh = cache.directory / "compiling"
            shutil.rmtree(fresh, ignore_errors=True)
            fresh.mkdir()
            worker = worker_process.start_worker(server, CPU_SECONDS, MAX_MEMORY, fresh)
            run = WorkerRun(channel.Channel(worker))
            try:
                channel.wait_until_ready(run.channel)
                solution = Submission(Path("solution.py"), exercise.solution.encode())
                worker_run.load(run, solution, [exercise.name], LIMITS)
                calls = draw_calls(exercise, len(exercise.shapes), 0)
                worker_run.work(run, exercise, calls, LIMITS)
            finally:
                run.ended = channel.terminate(run.channel)
            if run.failure is None:
                for path in fresh.iterdir():  # whole files only: candidates are reading meanwhile
                    path.replace(cache.compiled / path.name)
                _marker(cache, exercise).touch()
    finally:
        server_process.stop_server(server)


def _marker(cache: CompileCache, exercise: Exercise) -> Path:
    content = f"{exercise.solution}{exercise.shapes}{server_process.environment()}"
    return cache.directory / f"{exercise.name}-{hashlib.sha256(content.encode()).hexdigest()[:16]}"
