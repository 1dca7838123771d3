"""`vmap-conformance check`: hold candidate solutions to their exercises."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import click

from conformance.events.log import SCHEMA, EventLog
from conformance.judge.submissions import find_candidates
from conformance.judge.verdict import CONFORMS

if TYPE_CHECKING:
    from conformance.judge.session import JudgeSession

COULD_NOT_RUN = 3
MANY_CANDIDATES = 4
"""Candidates from which on it pays to compile the exercises' own solutions for them."""


@click.command()
@click.argument(
    "paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE..."
)
@click.option("--exercise", metavar="NAME", help="Hold the files to this exercise only.")
@click.option(
    "--exercise-file",
    "exercise_files",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A file with exercises of your own; may be repeated.",
)
@click.option("--examples", type=click.IntRange(1, 10_000), default=100, show_default=True)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True)
@click.option(
    "-n",
    "--workers",
    type=click.IntRange(1, 256),
    default=1,
    show_default=True,
    help="Candidates judged at the same time.",
)
@click.option("--strict", is_flag=True, help="Not calling flax.linen.vmap is a failure.")
@click.option(
    "--isolation",
    type=click.Choice(["auto", "namespaces", "process"]),
    default="auto",
    show_default=True,
    help="The level to demand; auto takes the best there is and says which.",
)
@click.option(
    "--patience",
    type=click.FloatRange(1, 10_000),
    default=20.0,
    show_default=True,
    help="A call may take this many times the reference's dearest one.",
)
@click.option("--log", type=click.Path(path_type=Path, dir_okay=False), help="Write events here.")
def check(paths: tuple[Path, ...], workers: int, log: Path | None, **options: Any) -> int:
    """Hold candidate solutions to their exercises.

    FILE is a candidate's Python file, or a directory of them.
    """
    for path in paths:
        if not os.path.lexists(path):
            raise click.UsageError(f"{path} does not exist: give a candidate's file or a directory")
    candidates = find_candidates(paths)
    if not candidates:
        raise click.UsageError(f"no Python file in {', '.join(map(str, paths))}")
    return judge(candidates, workers, log, **options)


def judge(
    candidates: list[Path],
    workers: int,
    log: Path | None,
    *,
    exercise: str | None,
    exercise_files: tuple[Path, ...],
    examples: int,
    seed: int,
    strict: bool,
    isolation: str,
    patience: float,
) -> int:
    """Judge the files and print the verdicts. The exit status."""
    clear_jax_settings()
    from conformance.runner import process_env

    process_env.prepare()
    from conformance.judge import compile_cache, server_process

    cache = compile_cache.prepare(
        process_env.cache_directory() / "judge" / process_env.compilation_cache().name
    )
    session, stop = None, Event()
    with ThreadPoolExecutor() as pool:
        place = None if cache is None else cache.directory / "compiled"
        starting = pool.submit(
            server_process.start_server, isolation, place
        )  # while JAX is imported here
        from conformance.judge.exercises import InvalidExercise, load_exercises
        from conformance.judge.expected_answers import ExerciseFailed, compute_ahead
        from conformance.judge.session import JudgeSession, Options, prefetch

        try:
            known = load_exercises(exercise_files)
            if exercise is not None and exercise not in known:
                there = ", ".join(known)
                raise InvalidExercise(f"no exercise is called {exercise}: there are {there}")
            chosen = Options(examples, seed, strict, patience, exercise)
            prefetched = prefetch(known, chosen, candidates[:3])
            for each in prefetched.values():
                pool.submit(compute_ahead, each, stop)
            many = len(candidates) >= MANY_CANDIDATES
            session = JudgeSession(starting.result(), known, chosen, cache, many, prefetched)
            return _judge_all(session, candidates, workers, log)
        except InvalidExercise as problem:
            raise click.UsageError(str(problem)) from None
        except server_process.IsolationUnavailable as problem:
            click.echo(f"The isolation {isolation!r} is not to be had: {problem}.", err=True)
        except ExerciseFailed as problem:
            click.echo(f"Could not judge: {problem}.", err=True)
        except LogFailed as problem:
            click.echo(f"The log {log} cannot be written: {problem}.", err=True)
        finally:
            stop.set()  # a thread of XLA's must not be cut short by the end of the process
            with suppress(server_process.IsolationUnavailable):
                server_process.stop_server(starting.result() if session is None else session.server)
    return COULD_NOT_RUN


class LogFailed(Exception):
    """The event log cannot be written; the message is the system's reason."""


def clear_jax_settings() -> None:
    """Right answers are those of JAX's defaults, whatever the user's own programs run with."""
    for name in list(os.environ):
        if name.startswith(("JAX_", "XLA_")):
            del os.environ[name]
    os.environ["JAX_PLATFORMS"] = "cpu"


def _judge_all(
    session: JudgeSession, candidates: list[Path], workers: int, log: Path | None
) -> int:
    from conformance.judge import check_file, feedback

    counts: Counter[str] = Counter()
    started = time.perf_counter()
    with _logging(log, session, workers) as note, ThreadPoolExecutor(max_workers=workers) as pool:
        click.echo(f"isolation: {session.server.level}")
        for lack in session.server.lacks:
            click.echo(f"  lacking: {lack}")
        for verdicts in pool.map(lambda path: check_file.check_file(session, path), candidates):
            for verdict in verdicts:
                counts[verdict.verdict] += 1
                click.echo(feedback.text(verdict))
                note("verdict", feedback.data(verdict))
    summary = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
    click.echo(f"{summary} in {time.perf_counter() - started:.1f} s")
    return 0 if set(counts) <= {CONFORMS} else 1


@contextmanager
def _logging(
    log: Path | None, session: JudgeSession, workers: int
) -> Iterator[Callable[[str, dict[str, Any]], None]]:
    """A function that writes one event, where a log is asked for. Raises LogFailed."""
    if log is None:
        yield lambda kind, fields: None
        return

    def note(kind: str, fields: dict[str, Any]) -> None:
        with _log_errors():
            events.write(kind, **fields)

    with _log_errors():
        events = EventLog(log)
    note("header", _header(session, workers))
    yield note
    with _log_errors():
        events.finish()


@contextmanager
def _log_errors() -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        raise LogFailed(problem.strerror) from None


def _header(session: JudgeSession, workers: int) -> dict[str, Any]:
    from conformance import __version__
    from conformance.runner.environment_info import environment

    return {
        "schema": SCHEMA,
        "suite": __version__,
        "environment": environment(),
        "profile": f"{session.options.examples} examples",
        "seed": session.options.seed,
        "shard": [1, 1],
        "command": ["check", *sys.argv[2:]],
        "isolation": session.server.level,
        "workers": workers,
    }


if __name__ == "__main__":
    check()
