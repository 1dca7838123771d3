"""`check` from file to file: all that are there, or as they come."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from conformance.cli.check_watch import Arrivals, failed_on, watch
from conformance.judge.errors import JudgeFailure

if TYPE_CHECKING:
    from conformance.cli.check_output import CheckOutput
    from conformance.judge.session import JudgeSession
    from conformance.judge.submissions import Found
    from conformance.judge.verdict import Verdict


def judge_as_they_come(
    session: JudgeSession,
    paths: tuple[Path, ...],
    students: str,
    workers: int,
    output: CheckOutput,
    ended: Event | None,
) -> list[str]:
    """Judge files as they come, until `ended` is set.

    Args:
        session: judges them.
        paths: the directories.
        students: which files are one student's.
        workers: candidates judged at the same time.
        output: shows the verdicts.
        ended: set by Ctrl-C, or by a request to end.

    Returns:
        As for `judge_all`.

    """
    from conformance.cli.check_output import WatchOutput
    from conformance.judge.check_file import check_file

    assert isinstance(output, WatchOutput)
    assert ended is not None

    def judge_one(path: Path, student: Path) -> list[Verdict]:
        return check_file(session, path, named=False, student=student)

    return watch(Arrivals(paths, students, session.wanted()), workers, judge_one, output, ended)


def judge_all(
    session: JudgeSession,
    paths: tuple[Path, ...],
    found: Found,
    workers: int,
    output: CheckOutput,
) -> list[str]:
    """Judge the candidates, each student's shown as soon as those before are.

    Args:
        session: judges them.
        paths: what the user named.
        found: the candidates there, and what else is there.
        workers: candidates judged at the same time.
        output: shows the verdicts.

    Returns:
        What the judge's own code failed with, for each file that has no verdict therefore: one file must not
        end the run for everybody's.

    Raises:
        JudgeFailure: No file can be judged, or an exercise failed.

    """
    from conformance.cli.check_progress import FileProgress
    from conformance.judge.check_file import check_file

    progress = FileProgress(len(found.candidates))
    named = set(paths)
    pool = ThreadPoolExecutor(max_workers=workers)
    try:
        waiting = [
            pool.submit(
                check_file, session, path, named=path in named, student=found.students[path]
            )
            for path in found.candidates
        ]
        of_student: list[Verdict] = []
        failed: list[str] = []
        for place, (path, future) in enumerate(zip(found.candidates, waiting, strict=True), 1):
            while not future.done():
                wait([future], timeout=1.0)
                progress.judged(sum(each.done() for each in waiting), path)
            try:
                of_student += future.result()
            except (JudgeFailure, MemoryError):
                raise
            except Exception as problem:
                failed.append(failed_on(path, problem))
            progress.hide()
            following = found.candidates[place] if place < len(waiting) else None
            if following is None or found.students[following] != found.students[path]:
                output.show(of_student)
                of_student = []
            progress.judged(sum(each.done() for each in waiting))
        return failed
    finally:
        progress.hide()
        pool.shutdown(wait=False, cancel_futures=True)
