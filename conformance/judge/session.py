"""All that judging needs, for all candidates: a server, exercises, calls and expected answers."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path

import attrs

from conformance.judge import channel, server_process, warm_cache, worker_process
from conformance.judge.compile_cache import CompileCache
from conformance.judge.errors import JudgeFailure
from conformance.judge.exercises.exercise import Exercise
from conformance.judge.expected_answers import ExpectedAnswers, draw_calls
from conformance.judge.submissions import UnreadableCandidate, read_candidate
from conformance.runner import process_env

MAX_MEMORY = 6 * 2**30
"""Bytes that all processes of one worker may hold together."""


def fresh_seed() -> int:
    """A seed that nobody can know beforehand."""
    return secrets.randbits(32)


def _names(given: str | Sequence[str] | None) -> tuple[str, ...]:
    """One name, several or none, as a tuple."""
    return (given,) if isinstance(given, str) else tuple(given or ())


@attrs.frozen
class Options:
    """How candidates are judged.

    Attributes:
        examples: calls for each function.
        seed: which calls are drawn.
        strict: whether not calling `flax.linen.vmap` fails where an exercise asks for it.
        patience: how many times the reference's slowest call a call may take.
        only: the exercises judged; none for all that a file has a function for.
        required: those that every file must have a function for.
        go_on: whether calls are made after one has raised: what is right is counted for the mark.

    """

    examples: int = 100
    seed: int = attrs.field(factory=fresh_seed)
    strict: bool = False
    patience: float = 20.0
    only: tuple[str, ...] = attrs.field(default=(), converter=_names)
    required: tuple[str, ...] = attrs.field(default=(), converter=_names)
    go_on: bool = False


def _slots() -> threading.Semaphore:
    return threading.Semaphore(max(1, process_env.cores() // server_process.WORKERS_PER_CANDIDATE))


@attrs.define
class JudgeSession:
    """All that judging needs: a server, the exercises, their calls and expected answers.

    Attributes:
        many: whether enough candidates come that filling the cache pays.
        early: workers that were started before they were needed, while JAX was imported here.
        call_slots: one for each candidate whose calls are made at a time: there is a core for each
            of its processes. Others meanwhile start, load and are compared.

    """

    server: server_process.Server
    exercises: Mapping[str, Exercise]
    options: Options
    cache: CompileCache | None = None
    many: bool = False
    early: list[Future[channel.Channel]] = attrs.field(factory=list)
    expectations: dict[str, ExpectedAnswers] = attrs.field(factory=dict)
    lock: threading.Lock = attrs.field(factory=threading.Lock)
    call_slots: threading.Semaphore = attrs.field(factory=_slots)

    def wanted(self) -> list[str]:
        """The names of the exercises that files are judged on."""
        return wanted_names(self.options, self.exercises)

    def expectations_for(self, exercise: Exercise) -> ExpectedAnswers:
        """The exercise's calls, drawn once for all candidates. Raises ExerciseFailed."""
        with self.lock:
            if exercise.name not in self.expectations:
                self.expectations[exercise.name] = draw(exercise, self.options)
            if self.many and self.cache is not None and exercise.name not in self.cache.started:
                warm_cache.start(self.cache, exercise)
            return self.expectations[exercise.name]

    def start_worker(self) -> channel.Channel:
        """A worker that is ready for a file.

        From a new server where a candidate has brought the old one down.

        Raises:
            JudgeFailure: No worker can be had.

        """
        server = self.server
        with suppress(JudgeFailure, IndexError):
            return self.early.pop().result()
        try:
            return start_worker(server, self.options.patience)
        except JudgeFailure:
            if server.process.poll() is None:
                raise
        with self.lock:
            if self.server is server:
                server_process.stop_server(server)
                cache = None if self.cache is None else self.cache.compiled
                self.server = server_process.start_server(server.level, cache)
        return start_worker(self.server, self.options.patience)

    def close(self) -> None:
        """End the server and everything that it started, and see the cache through."""
        end_early(self.early)
        server_process.stop_server(self.server)
        for thread in [] if self.cache is None else self.cache.threads:
            thread.join()


def start_worker(server: server_process.Server, patience: float) -> channel.Channel:
    """A worker of this server's that is ready for a file. Raises JudgeFailure."""
    opened = channel.Channel(worker_process.start_worker(server, patience * 60, MAX_MEMORY))
    channel.wait_until_ready(opened)
    return opened


def end_early(early: list[Future[channel.Channel]]) -> None:
    """End the workers that were started early and that no candidate has come to need."""
    while early:
        with suppress(JudgeFailure):
            channel.terminate(early.pop().result())


def wanted_names(options: Options, exercises: Mapping[str, Exercise]) -> list[str]:
    """The names of the exercises that the options ask for: all there are where they choose none."""
    chosen = (*options.only, *options.required)
    return list(dict.fromkeys(chosen)) if options.only else list(exercises)


def draw(exercise: Exercise, options: Options) -> ExpectedAnswers:
    """The calls that the options ask for. Raises ExerciseFailed."""
    return ExpectedAnswers(exercise, draw_calls(exercise, options.examples, options.seed))


def prefetch(
    exercises: Mapping[str, Exercise],
    options: Options,
    paths: Iterable[Path],
    *,
    every: bool = False,
) -> dict[str, ExpectedAnswers]:
    """The exercises whose names the files mention, their calls drawn: a guess, to save time.

    Args:
        exercises: all there are.
        options: which of them may be chosen, and which calls are drawn.
        paths: the files.
        every: choose every exercise that may be.

    Raises:
        ExerciseFailed: An exercise's `draw` failed.

    """
    content = b""
    for path in paths:
        with suppress(UnreadableCandidate):
            content += read_candidate(path).source
    named = [each for name, each in exercises.items() if every or name.encode() in content]
    chosen = [each for each in named if not options.only or each.name in options.only]
    return {each.name: draw(each, options) for each in chosen}
