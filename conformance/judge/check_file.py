"""From a file to its verdicts."""

from __future__ import annotations

import difflib
import re
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import attrs

from conformance.judge import build_verdict, channel, load_notes, verdict, worker_run
from conformance.judge.array_kinds import does_better_with_jax_arrays
from conformance.judge.attempt import Attempt
from conformance.judge.decide import decide, wrong_answers
from conformance.judge.exercises import is_of_the_package
from conformance.judge.exercises.exercise import Exercise
from conformance.judge.expected_answers import expected
from conformance.judge.server_process import WORKERS_PER_CANDIDATE
from conformance.judge.session import JudgeSession
from conformance.judge.split_calls import split_calls
from conformance.judge.submissions import Submission, UnreadableCandidate, read_candidate
from conformance.judge.verdict import Verdict
from conformance.judge.worker_run import Limits, Loaded, WorkerRun

MIN_REFERENCE_SECONDS = 0.5
"""What the reference's slowest call counts as at least: a machine may be busy for a moment."""


def check_file(
    session: JudgeSession, path: Path, *, named: bool = True, student: Path | None = None
) -> list[Verdict]:
    """One verdict for every exercise that the file has a function for; one where it has none.

    Args:
        session: the exercises, the options and the server that judge the file.
        path: the candidate's file, a Python source or a notebook.
        named: whether the user named this very file; only then is a symbolic link followed.
        student: the directory that is its student's, whose Python files it may import; None, or
            the file itself, where it is all of the student's.

    Raises:
        JudgeFailure: The judge itself, or an exercise, failed.

    """
    verdicts = _check_file(session, path, named, student)
    if student is None or student == path:
        return verdicts
    return [attrs.evolve(each, student=str(student)) for each in verdicts]


def _check_file(
    session: JudgeSession, path: Path, named: bool, student: Path | None
) -> list[Verdict]:
    started, name = time.perf_counter(), str(path)
    try:
        submission = read_candidate(path, named=named, student=student)
    except UnreadableCandidate as problem:
        seconds = time.perf_counter() - started
        return [build_verdict.plain(session, name, verdict.ERROR, str(problem), seconds)]
    runs: tuple[WorkerRun, ...] = ()
    try:
        runs, loaded = _start(session, submission)
        submission = attrs.evolve(
            submission, notes=(*submission.notes, *load_notes.of(loaded, submission))
        )
        attempt = Attempt(session, name, submission, runs, _first_limits(session), started)
        if attempt.failure is not None:
            return [build_verdict.failed(attempt, attempt.failure)]
        return _check_functions(attempt, loaded)
    finally:
        _terminate(runs)


def _check_functions(attempt: Attempt, loaded: Loaded) -> list[Verdict]:
    session = attempt.session
    exercises = [session.exercises[n] for n in session.wanted() if n in loaded.functions]
    absent = [n for n in session.options.required if n not in loaded.functions]
    if not exercises and loaded.failed_cells:
        return [build_verdict.failed(attempt, loaded.failed_cells[0])]
    if not exercises and not absent:
        message = _why_missing(session.wanted(), loaded, attempt.submission)
        return [build_verdict.plain(session, attempt.name, verdict.MISSING, message, 0.0)]
    results = []
    for place, exercise in enumerate(exercises):
        if place:
            began = time.perf_counter()
            runs, _ = _start(session, attempt.submission)
            attempt = attrs.evolve(attempt, runs=runs, started=began)
        found = _check_function(attrs.evolve(attempt, exercise=exercise))
        found = _with_remark_on_loops(found, exercise, loaded)
        results.append(_with_remark_on_devices(found, exercise, attempt.submission))
    if results:
        results[0] = _with_remark_on_names(results[0], session, loaded)
    for name in absent:
        message = _why_missing([name], loaded, attempt.submission)
        results.append(
            build_verdict.missing(session, attempt.name, session.exercises[name], message)
        )
    return _with_causes(session, _with_notes_once(results, attempt.submission))


def _with_notes_once(results: list[Verdict], submission: Submission) -> list[Verdict]:
    """The verdicts, with the notes on their file on the first, and on those that they may explain."""
    kept = results[:1]
    for each in results[1:]:
        if each.conforms:
            remarks = tuple(r for r in each.remarks if r not in submission.notes)
            each = attrs.evolve(each, remarks=remarks)
        kept.append(each)
    return kept


def _with_remark_on_loops(found: Verdict, exercise: Exercise, loaded: Loaded) -> Verdict:
    """The verdict, with a remark where a map was asked for and a loop of Python's does the work."""
    if not (found.conforms and exercise.expects_map and exercise.name in loaded.loops):
        return found
    remark = (
        "the function loops in Python, and the file maps nothing: the answers are right, but a map such "
        "as `jax.vmap` would do the same in one operation"
    )
    return attrs.evolve(found, remarks=(*found.remarks, remark))


def _with_remark_on_devices(found: Verdict, exercise: Exercise, submission: Submission) -> Verdict:
    """The verdict, with a remark where several devices were asked for and no file speaks of any."""
    sources = (submission.source, *(content for _, content in submission.modules))
    code = (_COMMENT.sub(b"", each) for each in sources)
    if not (found.conforms and exercise.expects_devices) or any(map(_OVER_DEVICES.search, code)):
        return found
    remark = (
        "the file has no map over devices, such as `jax.pmap`, and no sharding: the answers are right, but "
        "the task is to give each device its part"
    )
    return attrs.evolve(found, remarks=(*found.remarks, remark))


_COMMENT = re.compile(rb"#[^\n]*")
_OVER_DEVICES = re.compile(rb"pmap|shard|Mesh|mesh|pjit|xmap")


def _with_remark_on_names(found: Verdict, session: JudgeSession, loaded: Loaded) -> Verdict:
    """The verdict, with a remark on functions that have nearly an exercise's name.

    Nothing else says that they were not judged where the file has another exercise's function.
    """
    remarks = []
    for name in session.wanted():
        if name in loaded.functions or name in session.options.required:
            continue
        near = difflib.get_close_matches(name, loaded.defined, n=1, cutoff=0.85)
        if near:
            remarks.append(
                f"{near[0]} was not judged: it would have to be called {name}, if it is meant for that"
            )
    return attrs.evolve(found, remarks=(*found.remarks, *remarks)) if remarks else found


def _check_function(attempt: Attempt) -> Verdict:
    """The verdict on one function, with NumPy arrays first; the attempt's processes are over then."""
    try:
        if attempt.failure is not None:
            return build_verdict.failed(attempt, attempt.failure)
        attempt = _make_calls(attempt)
        wrong = wrong_answers(attempt)
        if not does_better_with_jax_arrays(attempt, wrong):
            return decide(attempt, wrong)
        _terminate(attempt.runs)
        runs, _ = _start(attempt.session, attempt.submission)
        for run in runs:
            run.jax_arrays = True
        attempt = attrs.evolve(attempt, runs=runs)
        if attempt.failure is not None:
            return build_verdict.failed(attempt, attempt.failure)
        attempt = _make_calls(attempt)
        return decide(attempt, wrong_answers(attempt))
    finally:
        _terminate(attempt.runs)


def _why_missing(wanted: Sequence[str], loaded: Loaded, submission: Submission) -> str:
    """What the file has in place of the functions asked for."""
    parts = []
    for name in wanted:
        if name in loaded.others:
            parts.append(f"{name} is {loaded.others[name]}, not a function")
            continue
        if name in loaded.nested:
            parts.append(_why_not_at_the_top(name, loaded.nested[name]))
            continue
        near = difflib.get_close_matches(name, loaded.defined, n=1, cutoff=0.75)
        if near:
            parts.append(f"there is no function {name}: is {near[0]} a misspelling of it?")
    if parts:
        return "; ".join(parts).replace("?; ", "? And ")
    holds = _holding(submission)
    if len(wanted) == 1:
        return f"the file {holds}defines no function {wanted[0]}"
    return f"the file {holds}defines none of: {', '.join(wanted)}"


def _holding(submission: Submission) -> str:
    """That a file has no code, before what it lacks for that; nothing of one that has."""
    lines = [line for line in map(bytes.strip, submission.source.splitlines()) if line]
    if not lines:
        return "has no code, and " if submission.notebook else "is empty, and "
    return "has comments alone, and " if all(line.startswith(b"#") for line in lines) else ""


def _why_not_at_the_top(name: str, place: str) -> str:
    """What to do with a function that is defined inside something."""
    kind, _, owner = place.partition(" ")
    if kind == "class":
        return f"{name} is a method of the class {owner}: define it outside, without `self`"
    if kind == "def":
        return f"{name} is defined inside the function {owner}: define it at the top of the file"
    return (
        f"{name} is defined under `if __name__ == '__main__':`, which is not run when the file is "
        "judged: define it above"
    )


def _with_causes(session: JudgeSession, results: list[Verdict]) -> list[Verdict]:
    """The verdicts, with a remark on those that may follow from another function's."""
    wrong = {each.exercise for each in results if each.verdict != verdict.CONFORMS}
    verdicts = []
    for each in results:
        builds_on = session.exercises[each.exercise].builds_on if each.exercise else ()
        causes = [name for name in builds_on if name in wrong]
        if each.verdict in (verdict.VIOLATES, verdict.ERROR) and causes:
            verb = "is" if len(causes) == 1 else "are"
            remark = (
                f"this may follow from {' and '.join(causes)}, which {verb} wrong too: start there"
            )
            each = attrs.evolve(each, remarks=(*each.remarks, remark))
        verdicts.append(each)
    return verdicts


def _start(session: JudgeSession, submission: Submission) -> tuple[tuple[WorkerRun, ...], Loaded]:
    """Processes that have loaded the file, and what both of them found in it."""
    runs: list[WorkerRun] = []
    try:

        def start() -> None:
            runs.append(WorkerRun(session.start_worker()))

        together([start] * WORKERS_PER_CANDIDATE)
        limits, found = _first_limits(session), []
        names = session.wanted()

        def load(run: WorkerRun) -> None:
            found.append(worker_run.load(run, submission, names, limits))

        together([partial(load, run) for run in runs])
    except BaseException:
        _terminate(runs)
        raise
    first = found[0]
    functions = tuple(name for name in first.functions if name in found[1].functions)
    return tuple(runs), attrs.evolve(first, functions=functions)


def _terminate(runs: Sequence[WorkerRun]) -> None:
    for run in runs:
        if not run.channel.closed:
            run.ended = channel.terminate(run.channel)


def _first_limits(session: JudgeSession) -> Limits:
    return Limits(session.options.patience, max(MIN_REFERENCE_SECONDS, session.server.seconds / 2))


def together(tasks: Sequence[Callable[[], Any]]) -> None:
    """Run the tasks at the same time; what one raises is raised here, once all have ended."""
    raised: list[BaseException] = []

    def guarded(task: Callable[[], Any]) -> None:
        try:
            task()
        except BaseException as problem:
            raised.append(problem)

    threads = [threading.Thread(target=guarded, args=(task,), daemon=True) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if raised:
        raise raised[0]


def _make_calls(attempt: Attempt) -> Attempt:
    """Have both processes make their calls, while the expected answers are computed."""
    session, exercise = attempt.session, attempt.exercise
    assert exercise is not None
    answers = session.expectations_for(exercise)
    parts = split_calls(answers.calls, session.options.seed)
    if not is_of_the_package(exercise):  # its reference may be slower than any of ours
        expected(answers, answers.calls[0].number)
    unit = max(MIN_REFERENCE_SECONDS, session.server.seconds / 4)
    limits = Limits(session.options.patience, unit, lambda: answers.slowest)
    go_on = session.options.go_on
    # One that hangs must not keep the others waiting.
    granted = session.call_slots.acquire(timeout=2 * max(unit, answers.slowest))
    try:
        together(
            [
                lambda: worker_run.work(attempt.runs[0], exercise, parts[0], limits, go_on=go_on),
                lambda: worker_run.work(attempt.runs[1], exercise, parts[1], limits, go_on=go_on),
                lambda: [expected(answers, call.number) for call in answers.calls],
            ]
        )
    finally:
        if granted:
            session.call_slots.release()
    return attrs.evolve(attempt, expected=answers, limits=limits)
