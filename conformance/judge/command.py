"""`vmap-conformance check`: hold candidate solutions to their exercises."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import click

from conformance.judge.files import find_candidates
from conformance.judge.verdicts import CONFORMS
from conformance.log import SCHEMA, EventLog

if TYPE_CHECKING:
    from conformance.judge.bench import Bench
    from conformance.judge.expect import Expectations

NOT_RUN = 3
MANY = 4
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
def check(paths: tuple[Path, ...], workers: int, log: Path | None, **options: Any) -> None:
    """Hold candidate solutions to their exercises.

    FILE is a candidate's Python file, or a directory of them.
    """
    for path in paths:
        if not os.path.lexists(path):
            raise click.UsageError(f"{path} does not exist: give a candidate's file or a directory")
    candidates = find_candidates(paths)
    if not candidates:
        raise click.UsageError(f"no Python file in {', '.join(map(str, paths))}")
    sys.exit(judge(candidates, workers, log, **options))


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
    from conformance import startup

    startup.prepare()
    from conformance.judge import cache, launch

    warmth = cache.prepare(startup.cache_directory() / "judge" / startup.compilation_cache().name)
    with ThreadPoolExecutor(max_workers=1) as pool:
        place = None if warmth is None else warmth.place / "compiled"
        starting = pool.submit(launch.start_server, isolation, place)  # while JAX is imported here
        from conformance.exercises import NoExercise, load_exercises
        from conformance.judge.bench import Bench, Options, foresee

        try:
            known = load_exercises(exercise_files)
            if exercise is not None and exercise not in known:
                there = ", ".join(known)
                raise click.UsageError(f"no exercise is called {exercise}: there are {there}")
        except (NoExercise, click.UsageError) as problem:
            launch.stop_server(starting.result())
            raise click.UsageError(str(problem)) from None
        chosen = Options(examples, seed, strict, patience, exercise)
        foreseen = foresee(known, chosen, candidates[:3])
        for each in foreseen.values():
            Thread(target=expected_all, args=(each,), daemon=True).start()
        try:
            server = starting.result()
        except launch.Unavailable as problem:
            click.echo(f"The isolation {isolation!r} is not to be had: {problem}.", err=True)
            return NOT_RUN
    bench = Bench(server, known, chosen, warmth, len(candidates) >= MANY, foreseen)
    try:
        return _judge_all(bench, candidates, workers, log)
    except launch.Unavailable as problem:
        click.echo(f"Could not go on: {problem}.", err=True)
        return NOT_RUN
    finally:
        launch.stop_server(bench.server)


def expected_all(expectations: Expectations) -> None:
    """Compute the right answers ahead; whoever needs one first waits for it."""
    from conformance.judge.expect import expected

    for call in expectations.calls:
        expected(expectations, call.number)


def _judge_all(bench: Bench, candidates: list[Path], workers: int, log: Path | None) -> int:
    from conformance.judge import examine, show

    events = EventLog(log)
    if log is not None:
        events.write("header", **_header(bench, workers))
    click.echo(f"isolation: {bench.server.level}")
    for lack in bench.server.lacks:
        click.echo(f"  lacking: {lack}")
    started = time.perf_counter()
    counts: Counter[str] = Counter()
    with ThreadPoolExecutor(max_workers=workers) as pool:
        for verdicts in pool.map(lambda path: examine.check_file(bench, path), candidates):
            for verdict in verdicts:
                counts[verdict.verdict] += 1
                click.echo(show.text(verdict))
                if log is not None:
                    events.write("verdict", **show.data(verdict))
    if log is not None:
        events.finish()
    summary = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
    click.echo(f"{summary} in {time.perf_counter() - started:.1f} s")
    return 0 if set(counts) <= {CONFORMS} else 1


def _header(bench: Bench, workers: int) -> dict[str, Any]:
    from importlib.metadata import PackageNotFoundError, version

    from conformance.facts import environment

    try:
        suite = version("vmap-conformance")
    except PackageNotFoundError:
        suite = "unknown"
    return {
        "schema": SCHEMA,
        "suite": suite,
        "environment": environment(),
        "profile": f"{bench.options.examples} examples",
        "seed": bench.options.seed,
        "shard": [1, 1],
        "command": ["check", *sys.argv[2:]],
        "isolation": bench.server.level,
        "workers": workers,
    }


if __name__ == "__main__":
    check()
