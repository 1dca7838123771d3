"""`vmap-conformance check`: hold candidate solutions to their exercises."""

from __future__ import annotations

import gc
import importlib
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any, NoReturn

import attrs
import click

from conformance.cli import errors
from conformance.cli.check_files import judge_all, judge_as_they_come
from conformance.cli.chosen_exercises import chosen_names
from conformance.cli.exits import end_process
from conformance.cli.options import FILE, output_format
from conformance.cli.verdict_views import (
    VerdictFiles,
    check_writable,
    marks_option,
    read_marks,
    verdict_files,
)
from conformance.judge.api import clear_jax_settings
from conformance.judge.errors import InvalidExercise, JudgeFailure
from conformance.judge.exercises import exercise_names, load_exercises
from conformance.judge.submissions import STUDENTS, Found, find_candidates, of_students
from conformance.runner import process_env

if TYPE_CHECKING:
    from conformance.cli.check_output import CheckOutput
    from conformance.judge.channel import Channel
    from conformance.judge.compile_cache import CompileCache
    from conformance.judge.server_process import Server
    from conformance.judge.session import JudgeSession
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
@click.option(
    "--watch",
    is_flag=True,
    help="Stay, and judge each file in the directories when it comes or changes.",
)
@click.option(
    "--students",
    type=click.Choice(STUDENTS),
    default="auto",
    show_default=True,
    help="Which files are one student's, and may import each other: directory, those of each directory "
    "in DIR; auto, the same, but each file where two of them define one exercise; file, each file; "
    "path, all below each FILE.",
)
@click.option("--log", type=FILE, help="Write events here.")
@verdict_files
@marks_option
@click.option("-v", "--verbose", is_flag=True, help="Say which law a wrong answer violates.")
@click.option("-q", "--quiet", is_flag=True, help="Print one line: how many verdicts of each kind.")
@output_format
def check(paths: tuple[Path, ...], files: VerdictFiles, **options: Any) -> int:
    """Hold candidate solutions to their exercises.

    FILE is a candidate's Python file or notebook, or a directory of them.
    """
    quiet, verbose = options.pop("quiet"), options.pop("verbose")
    if quiet and verbose:
        raise click.UsageError("-q and -v contradict each other: give one of them")
    if options["format"] == "json" and (quiet or verbose):
        raise click.UsageError("--format json is the whole: -q and -v do not apply to it")
    for path in paths:
        if not os.path.lexists(path):
            raise click.UsageError(f"{path} does not exist: give a candidate's file or a directory")
        if options["watch"] and not path.is_dir():
            raise click.UsageError(f"--watch waits for files in a directory, which {path} is not")
    if options["watch"] and options["format"] == "json":
        raise click.UsageError(
            "--format json is one document, at the end: --watch prints as it goes"
        )
    students = options.pop("students")
    found = find_candidates(paths, students)
    if not found.candidates and not options["watch"]:
        places = ", ".join(map(str, paths))
        raise click.UsageError(f"no Python file or notebook in {places}")
    for name, target in {"log": options["log"], **files.named()}.items():
        _refuse_to_overwrite(name, target, found)
    files = attrs.evolve(files, judged=tuple(map(str, paths)))
    check_writable(files, options["log"])
    named = (options.pop("exercises"), options.pop("required"), options.pop("marks_file"))
    marking = read_marks(named[2], alone=not (named[0] or named[1]))
    if not options["exercise_files"]:  # else JAX has to be imported first, to know their names
        chosen_names(exercise_names(), marking, *named)
    given = {"students": students, "named": named, "marking": marking, "files": files, **options}
    given["verbosity"] = -1 if quiet else int(verbose)
    ended = Event() if given.pop("watch") else None
    try:
        with _ending_at_once(ended):
            return judge(paths, found, ended=ended, **given)
    except BrokenPipeError:  # `check ... | head` has read what it wanted
        errors.abandon_output()
        return errors.NOT_RUN


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
    students: str,
    named: tuple[tuple[str, ...], str, Path | None],
    exercise_files: tuple[Path, ...],
    examples: int,
    seed: int | None,
    workers: int,
    strict: bool,
    isolation: str,
    patience: float,
    ended: Event | None,
    log: Path | None,
    files: VerdictFiles,
    marking: Marking | None,
    verbosity: int,
    format: str,
) -> int:
    """Judge the files and print the verdicts. The exit status."""
    clear_jax_settings()
    process_env.prepare()
    session, stop, pool = None, Event(), ThreadPoolExecutor()
    cache, starting, early = _start_server(pool, isolation, patience)
    try:
        with _no_garbage_collection():
            printer = _printer(format if ended is None else "watch")
            from conformance.judge import session as sessions
            from conformance.judge.expected_answers import compute_ahead

            known = load_exercises(exercise_files)
        wanted = chosen_names(known, marking, *named)
        drawn, go_on = sessions.fresh_seed() if seed is None else seed, marking is not None
        chosen = sessions.Options(examples, drawn, strict, patience, *wanted, go_on=go_on)
        found = of_students(found, sessions.wanted_names(chosen, known))
        _say(found.notes if verbosity >= 0 else ())
        stays = ended is not None
        prefetched = sessions.prefetch(known, chosen, found.candidates[:PREFETCHED], every=stays)
        for each in prefetched.values():
            pool.submit(compute_ahead, each, stop)
        many = stays or len(found.candidates) >= MANY_CANDIDATES
        server = starting.result()
        session = sessions.JudgeSession(server, known, chosen, cache, many, early, prefetched)
        with printer(session, log, files, marking, workers, found.skipped, verbosity) as output:
            if stays:
                failed = judge_as_they_come(session, paths, students, workers, output, ended)
            else:
                failed = judge_all(session, paths, found, workers, output)
            status = 0 if output.conforming else errors.VIOLATED
        _raise_for(failed)
        return _end(status) if stays else status
    except InvalidExercise as problem:
        raise click.UsageError(str(problem)) from None
    except (JudgeFailure, MemoryError) as problem:
        raise click.ClickException(f"could not judge: {problem or 'not enough memory'}") from None
    finally:
        stop.set()  # a thread of XLA's must not be cut short by the end of the process
        _close(session, starting, early)
        pool.shutdown()


def _say(notes: Sequence[str]) -> None:
    """Say on standard error what concerns the candidates together."""
    from conformance.reporting.verdicts import text

    for note in notes:
        click.echo(text.one_line(note), err=True)


def _raise_for(failed: list[str]) -> None:
    """End the run with status 3 where files have no verdict; the others have theirs by now."""
    if failed:
        raise click.ClickException(
            f"could not judge {'; '.join(failed)}; every other file was judged"
        )


def _start_server(
    pool: ThreadPoolExecutor, isolation: str, patience: float
) -> tuple[CompileCache | None, Future[Server], list[Future[Channel]]]:
    """The cache of compiled programs; the server, and a candidate's workers as soon as it is there.

    They start while JAX is imported here.
    """
    from conformance.judge import compile_cache, server_process

    cache = compile_cache.prepare(
        process_env.cache_directory() / "judge" / process_env.compilation_cache().name
    )
    compiled = None if cache is None else cache.compiled
    starting = pool.submit(server_process.start_server, isolation, compiled)

    def start_worker() -> Channel:
        server = starting.result()
        from conformance.judge import session

        return session.start_worker(server, patience)

    count = server_process.WORKERS_PER_CANDIDATE
    return cache, starting, [pool.submit(start_worker) for _ in range(count)]


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Import JAX without looking for garbage meanwhile, which takes a twelfth of the time and finds none.

    What was imported is not looked through afterwards either, nor at the end of the process.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.set_threshold(50_000, 50, 100)  # tracing makes much that is short-lived, and no cycles
        if was_enabled:
            gc.enable()


def _printer(format: str) -> type[CheckOutput]:
    """What prints in the format. Imports all that is used later, too: threads would hold that up."""
    importlib.import_module("conformance.cli.check_progress")
    importlib.import_module("conformance.judge.check_file")
    from conformance.cli.check_output import output_of

    return output_of(format)


def _close(
    session: JudgeSession | None, starting: Future[Server], early: list[Future[Channel]]
) -> None:
    from conformance.judge import server_process

    if session is not None:
        session.close()
    elif starting.exception() is None:
        from conformance.judge.session import end_early

        end_early(early)
        server_process.stop_server(starting.result())


@contextmanager
def _ending_at_once(ended: Event | None) -> Iterator[None]:
    """Have Ctrl-C, a request to end and hanging up stop every process, without waiting for any thread.

    Args:
        ended: set instead, where there is one.

    """

    def stop(number: int, frame: object) -> None:
        if ended is not None and not ended.is_set():
            ended.set()
        else:
            _end(errors.NOT_RUN)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    # `nohup` ignores hanging up, and that stays so.
    unheard = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    heard = [number for number in _ENDING if not (unheard and number == signal.SIGHUP)]
    before = {number: signal.signal(number, stop) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(status: int) -> NoReturn:
    """Stop every process, and end without waiting for any thread."""
    from conformance.judge import server_process

    server_process.stop_all(seconds=0.3)
    os.write(2, b"Stopped.\n")
    end_process(status)


_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


if __name__ == "__main__":
    # Not `check.main`: it ends with status 1 where the output is closed.
    def _run() -> int:
        with check.make_context("check", sys.argv[1:]) as context:
            return int(check.invoke(context) or 0)

    sys.exit(errors.exit_status(_run))
