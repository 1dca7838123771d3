"""All that judging needs, for all candidates: a server, exercises, calls and right answers."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import attrs

from conformance.judge import server_process, warm_cache
from conformance.judge.compile_cache import Warmth
from conformance.judge.exercises.exercise import Exercise
from conformance.judge.expected_answers import Expectations, draw_calls
from conformance.judge.submissions import Unreadable, read_candidate
from conformance.runner import process_env

LANES = 2
"""Processes that make one candidate's calls at the same time."""
MOST_MEMORY = 6 * 2**30
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
class Bench:
    """All that judging needs: a server, the exercises, their calls and right answers.

    With `many` candidates to come, compiling an exercise's own solution for them pays.
    """

    server: server_process.Server
    exercises: Mapping[str, Exercise]
    options: Options
    warmth: Warmth | None = None
    many: bool = False
    expectations: dict[str, Expectations] = attrs.field(factory=dict)
    lock: threading.Lock = attrs.field(factory=threading.Lock)
    turns: threading.Semaphore = attrs.field(
        factory=lambda: threading.Semaphore(max(1, process_env.cores() // LANES))
    )
    """One for each candidate whose calls are made at a time: there is a core for each of its lanes.
    Others meanwhile start, load and are compared."""


def foresee(
    exercises: Mapping[str, Exercise], options: Options, paths: Iterable[Path]
) -> dict[str, Expectations]:
    """The exercises whose names the files mention, their calls drawn: a guess, to save time."""
    content = b""
    for path in paths:
        with suppress(Unreadable):
            content += read_candidate(path)
    named = [each for name, each in exercises.items() if f"def {name}(".encode() in content]
    return {each.name: draw(each, options) for each in named}


def draw(exercise: Exercise, options: Options) -> Expectations:
    return Expectations(exercise, draw_calls(exercise, options.examples, options.seed))


def expectations_of(bench: Bench, exercise: Exercise) -> Expectations:
    """The exercise's calls, drawn once for all candidates."""
    with bench.lock:
        if exercise.name not in bench.expectations:
            bench.expectations[exercise.name] = draw(exercise, bench.options)
        if bench.many and bench.warmth is not None and exercise.name not in bench.warmth.begun:
            threading.Thread(target=warm_cache.warm, args=(bench.warmth, [exercise])).start()
        return bench.expectations[exercise.name]


def worker(bench: Bench) -> server_process.Worker:
    """A worker; from a new server where a candidate has brought the old one down."""
    seconds = bench.options.patience * 60
    server = bench.server
    try:
        return server_process.start_worker(server, seconds, MOST_MEMORY)
    except server_process.Unavailable:
        with bench.lock:
            if bench.server is server:
                server_process.stop_server(server)
                cache = None if bench.warmth is None else bench.warmth.place / "compiled"
                bench.server = server_process.start_server(server.level, cache)
        return server_process.start_worker(bench.server, seconds, MOST_MEMORY)
