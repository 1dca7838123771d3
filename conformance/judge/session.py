"""All that judging needs, for all candidates: a server, exercises, calls and right answers."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import attrs

from conformance.judge import server_process, warm_cache
from conformance.judge.compile_cache import CompileCache
from conformance.judge.exercises.exercise import Exercise
from conformance.judge.expected_answers import ExpectedAnswers, draw_calls
from conformance.judge.submissions import UnreadableCandidate, read_candidate
from conformance.runner import process_env

WORKERS_PER_CANDIDATE = 2
"""Processes that make one candidate's calls at the same time."""
MAX_MEMORY = 6 * 2**30
"""Bytes that all processes of one worker may hold together."""


@attrs.frozen
class Options:
    """How candidates are judged."""

    examples: int = 100
    seed: int = 0
    strict: bool = False
    patience: float = 20.0
    only: str | None = None


@attrs.define
class JudgeSession:
    """All that judging needs: a server, the exercises, their calls and right answers.

    With `many` candidates to come, compiling an exercise's own solution for them pays.
    """

    server: server_process.Server
    exercises: Mapping[str, Exercise]
    options: Options
    cache: CompileCache | None = None
    many: bool = False
    expectations: dict[str, ExpectedAnswers] = attrs.field(factory=dict)
    lock: threading.Lock = attrs.field(factory=threading.Lock)
    turns: threading.Semaphore = attrs.field(
        factory=lambda: threading.Semaphore(max(1, process_env.cores() // WORKERS_PER_CANDIDATE))
    )
    """One for each candidate whose calls are made at a time: there is a core for each of its lanes.
    Others meanwhile start, load and are compared."""


def prefetch(
    exercises: Mapping[str, Exercise], options: Options, paths: Iterable[Path]
) -> dict[str, ExpectedAnswers]:
    """The exercises whose names the files mention, their calls drawn: a guess, to save time."""
    content = b""
    for path in paths:
        with suppress(UnreadableCandidate):
            content += read_candidate(path)
    named = [each for name, each in exercises.items() if f"def {name}(".encode() in content]
    return {each.name: draw(each, options) for each in named}


def draw(exercise: Exercise, options: Options) -> ExpectedAnswers:
    return ExpectedAnswers(exercise, draw_calls(exercise, options.examples, options.seed))


def expectations_for(session: JudgeSession, exercise: Exercise) -> ExpectedAnswers:
    """The exercise's calls, drawn once for all candidates."""
    with session.lock:
        if exercise.name not in session.expectations:
            session.expectations[exercise.name] = draw(exercise, session.options)
        if (
            session.many
            and session.cache is not None
            and exercise.name not in session.cache.started
        ):
            threading.Thread(target=warm_cache.warm, args=(session.cache, [exercise])).start()
        return session.expectations[exercise.name]


def worker(session: JudgeSession) -> server_process.Worker:
    """A worker; from a new server where a candidate has brought the old one down."""
    seconds = session.options.patience * 60
    server = session.server
    try:
        return server_process.start_worker(server, seconds, MAX_MEMORY)
    except server_process.IsolationUnavailable:
        with session.lock:
            if session.server is server:
                server_process.stop_server(server)
                cache = None if session.cache is None else session.cache.directory / "compiled"
                session.server = server_process.start_server(server.level, cache)
        return server_process.start_worker(session.server, seconds, MAX_MEMORY)
