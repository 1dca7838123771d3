"""`vmap-conformance check`: hold candidate solutions to their exercises."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any, NoReturn

import click

from conformance.cli import errors
from conformance.cli.exits import end_process
from conformance.cli.options import FILE, output_format
from conformance.cli.verdict_views import VerdictFiles, marks_option, read_marks, verdict_files
from conformance.judge.errors import InvalidExercise, JudgeFailure
from conformance.judge.submissions import Found, find_candidates
from conformance.judge.verdict import CONFORMS
from conformance.reporting.suggestions import unknown

if TYPE_CHECKING:
    from conformance.cli.check_output import CheckOutput
    from conformance.judge.exercises.exercise import Exercise
    from conformance.judge.server_process import Server
    from conformance.judge.session import JudgeSession
    from conformance.judge.verdict import Verdict
    from conformance.reporting.verdicts.marking import Marking

MANY_CANDIDATES = 4
"""Candidates from which on it pays to compile the exercises' own solutions for them."""
PREFETCHED = 3
"""Candidates that are looked at for what exercises to draw calls of meanwhile."""


@click.command(epilog="Exit status: 0 all conform, 1 some do not, 2 wrong use, 3 could not judge.")
@click.argument(
    "paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE..."
)
@click.option(
    "--exercise",
    "exercises",
    multiple=True,
    metavar="NAME",
    help="Hold the files to this exercise only; repeatable.",
)
@click.option(
    "--exercise-file",
    "exercise_files",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A file with exercises of your own; repeatable.",
)
@click.option(
    "--require",
    "required",
    metavar="A,B,...",
    default="",
    help="Exercises that every file must have a function for; they make the mark.",
)
@click.option(
    "--examples",
    type=click.IntRange(1, 10_000),
    default=100,
    show_default=True,
    help="Calls for each function.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    metavar="N",
    help="What the calls are drawn from; the output prints it. A fresh one by default.",
)
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
    help="A call may take this many times as long as the slowest one of the reference.",
)
@click.option("--log", type=FILE, help="Write events here.")
@verdict_files
@marks_option
@click.option("-v", "--verbose", is_flag=True, help="Say which law a wrong answer violates.")
@output_format
def check(paths: tuple[Path, ...], files: VerdictFiles, **options: Any) -> int:
    """Hold candidate solutions to their exercises.

    FILE is a candidate's Python file or notebook, or a directory of them.
    """
    if options["verbose"] and options["format"] == "json":
        raise click.UsageError("--format json is the whole: -v does not apply to it")
    for path in paths:
        if not os.path.lexists(path):
            raise click.UsageError(f"{path} does not exist: give a candidate's file or a directory")
    found = find_candidates(paths)
    if not found.candidates:
        places = ", ".join(map(str, paths))
        raise click.UsageError(f"no Python file or notebook in {places}")
    for name, target in {"log": options["log"], **files.named()}.items():
        _refuse_to_overwrite(name, target, found)
    with _ending_at_once():
        return judge(paths, found, files=files, **options)


def _refuse_to_overwrite(option: str, target: Path | None, found: Found) -> None:
    """A file that somebody handed in, or any Python file, is not written to."""
    if target is None:
        return
    same = target.exists() and any(
        candidate.exists() and candidate.samefile(target) for candidate in found.candidates
    )
    if same or target.suffix in (".py", ".ipynb"):
        raise click.UsageError(
            f"--{option} {target} names a candidate or a Python file, which it would overwrite: "
            f"give another name, such as {_NAMES[option]}"
        )


_NAMES = {
    "log": "verdicts.jsonl",
    "csv": "marks.csv",
    "html": "feedback",
    "junit": "verdicts.xml",
    "gradescope": "results.json",
}


def judge(
    paths: tuple[Path, ...],
    found: Found,
    *,
    exercises: tuple[str, ...],
    exercise_files: tuple[Path, ...],
    required: str,
    examples: int,
    seed: int | None,
    workers: int,
    strict: bool,
    isolation: str,
    patience: float,
    log: Path | None,
    files: VerdictFiles,
    marks_file: Path | None,
    verbose: bool,
    format: str,
) -> int:
    """Judge the files and print the verdicts. The exit status."""
    from conformance.judge.api import clear_jax_settings
    from conformance.runner import process_env

    clear_jax_settings()
    process_env.prepare()
    from conformance.judge import compile_cache, server_process

    marking = read_marks(marks_file, alone=not (exercises or required))
    cache = compile_cache.prepare(
        process_env.cache_directory() / "judge" / process_env.compilation_cache().name
    )
    session, stop, pool = None, Event(), ThreadPoolExecutor()
    compiled = None if cache is None else cache.compiled
    starting = pool.submit(server_process.start_server, isolation, compiled)  # JAX loads meanwhile
    try:
        printer = _printer(format)
        from conformance.judge.exercises import load_exercises
        from conformance.judge.expected_answers import compute_ahead
        from conformance.judge.session import JudgeSession, Options, fresh_seed, prefetch

        known = load_exercises(exercise_files)
        names, needed = _exercises(known, exercises, _names(required), marking, f"{marks_file}: ")
        drawn, go_on = fresh_seed() if seed is None else seed, marking is not None
        chosen = Options(examples, drawn, strict, patience, names, needed, go_on)
        prefetched = prefetch(known, chosen, found.candidates[:PREFETCHED])
        for each in prefetched.values():
            pool.submit(compute_ahead, each, stop)
        many = len(found.candidates) >= MANY_CANDIDATES
        session = JudgeSession(starting.result(), known, chosen, cache, many, prefetched)
        shown = (log, files, marking, workers, found.skipped, verbose)
        with printer(session, *shown) as output:
            return _judge_all(session, paths, found, workers, output.show)
    except InvalidExercise as problem:
        raise click.UsageError(str(problem)) from None
    except (JudgeFailure, MemoryError) as problem:
        reason = str(problem) or "not enough memory"
        raise click.ClickException(f"could not judge: {reason}") from None
    finally:
        stop.set()  # a thread of XLA's must not be cut short by the end of the process
        _close(session, starting)
        pool.shutdown()


def _printer(format: str) -> type[CheckOutput]:
    """What prints in the format. Imports all that is used later, too: threads would hold that up."""
    importlib.import_module("conformance.cli.check_progress")
    importlib.import_module("conformance.judge.check_file")
    from conformance.cli.check_output import output_of

    return output_of(format)


def _exercises(
    known: dict[str, Exercise],
    named: tuple[str, ...],
    required: tuple[str, ...],
    marking: Marking | None,
    where: str,
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The exercises to judge and those that are required: the file of marks names its own."""
    if marking is None:
        _check_names(known, (*named, *required))
        return named, required
    _check_names(known, tuple(marking.exercises), where)
    return tuple(marking.exercises), marking.required


def _names(listed: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in listed.split(",") if name.strip())


def _check_names(known: dict[str, Exercise], names: tuple[str, ...], where: str = "") -> None:
    for name in names:
        if name not in known:
            raise click.UsageError(where + unknown("exercise", name, known))


def _close(session: JudgeSession | None, starting: Future[Server]) -> None:
    from conformance.judge import server_process

    if session is not None:
        session.close()
    elif starting.exception() is None:
        server_process.stop_server(starting.result())


@contextmanager
def _ending_at_once() -> Iterator[None]:
    """Have Ctrl-C and a request to end stop every process, without waiting for any thread."""

    def stop(number: int, frame: object) -> NoReturn:
        from conformance.judge import server_process

        server_process.stop_all(seconds=0.3)
        os.write(2, b"Stopped.\n")
        end_process(errors.NOT_RUN)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, stop) for number in _ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _judge_all(
    session: JudgeSession,
    paths: tuple[Path, ...],
    found: Found,
    workers: int,
    show: Callable[[Verdict], None],
) -> int:
    """Judge the candidates, each shown as soon as those before it are. The exit status."""
    from conformance.cli.check_progress import FileProgress
    from conformance.judge.check_file import check_file

    progress = FileProgress(len(found.candidates))
    counts: Counter[str] = Counter()
    named = set(paths)
    pool = ThreadPoolExecutor(max_workers=workers)
    try:
        waiting = [
            pool.submit(check_file, session, path, named=path in named) for path in found.candidates
        ]
        for future in waiting:
            verdicts = future.result()
            progress.hide()
            for verdict in verdicts:
                counts[verdict.verdict] += 1
                show(verdict)
            progress.step()
    finally:
        progress.hide()
        pool.shutdown(wait=False, cancel_futures=True)
    return 0 if set(counts) <= {CONFORMS} else errors.VIOLATED


if __name__ == "__main__":
    # Not `check.main`: it ends with status 1 where the output is closed.
    def _run() -> int:
        with check.make_context("check", sys.argv[1:]) as context:
            return int(check.invoke(context) or 0)

    sys.exit(errors.exit_status(_run))
