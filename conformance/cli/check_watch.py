"""`check --watch`: judge each file in a directory when it comes, and again when it changes."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import click

from conformance.judge.errors import JudgeFailure
from conformance.judge.submissions import Found, find_candidates, of_students
from conformance.reporting.printable import printable

if TYPE_CHECKING:
    from conformance.cli.check_output import WatchOutput
    from conformance.judge.verdict import Verdict

EVERY = 0.1
"""Seconds between two looks at the directories."""
SETTLED = 0.3
"""Seconds that a file must stay as it is before it is judged: it may be half written."""
LONGEST_UNWRITTEN = 10.0
"""Seconds after which views are written though more files wait."""

Signature = tuple[int, int, int, int]
"""What changes when a file is written or replaced: inode, size, times of content and of status."""

Signatures = tuple[Signature | None, ...]
"""Those of all files of a student."""


class Arrivals:
    """Which files have come or changed, and are not being written any more.

    Args:
        paths: the directories, all that lies below them included.
        students: which files are one student's, as `find_candidates` has it. A file is judged again
            where another one of its student changes, which it may import.
        names: the exercises' names.

    """

    def __init__(
        self, paths: Iterable[Path], students: str = "auto", names: Collection[str] = ()
    ) -> None:
        self.paths = tuple(paths)
        self._students, self._names = students, names
        self._since: dict[Path, tuple[Signatures, float]] = {}
        self._taken: dict[Path, Signatures] = {}
        self.waiting = False
        """Whether some file has come or changed, and is not given out to be judged yet."""

    def look(self, now: float, busy: Iterable[Path] = ()) -> tuple[list[Path], Found]:
        """The files to judge now, and all that was found.

        Args:
            now: the time, by any clock that only goes forward, in seconds.
            busy: files that are being judged: one that changes meanwhile waits.

        """
        directories = [path for path in self.paths if path.is_dir()]
        found = find_candidates(directories, self._students)
        owned: dict[Path, list[Path]] = {}
        for path in found.candidates:
            owned.setdefault(found.students[path], []).append(path)
        for path in self._taken.keys() - set(found.candidates):  # if it comes back, it is new
            del self._taken[path]
        judged_now = set(busy)
        ready = []
        self.waiting = False
        for own in owned.values():
            signatures = tuple(_signature(path) for path in own)
            settled = all(map(_is_old, own))
            for path in own:
                if self._taken.get(path) == signatures or not os.path.lexists(path):
                    continue
                first, since = self._since.get(path, (None, now))
                if first != signatures:
                    since = now
                    self._since[path] = (signatures, now)
                if path not in judged_now and (now - since >= SETTLED or settled):
                    self._taken[path] = signatures
                    ready.append(path)
                else:
                    self.waiting = True
        judged = of_students(found, self._names) if ready else found
        found = attrs.evolve(found, students=judged.students)
        return [path for path in ready if path in set(judged.candidates)], found


def _signature(path: Path) -> Signature | None:
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _is_old(path: Path) -> bool:
    """Whether nothing has happened to the file for a while: it was there, or was moved in."""
    try:
        found = os.lstat(path)
    except OSError:
        return False
    return time.time() - found.st_mtime >= SETTLED


def failed_on(path: Path, problem: Exception) -> str:
    """One line on a file that the judge's own code failed on."""
    said = f"{path}: {type(problem).__name__}: {problem} (a fault of the judge's, to be reported)"
    return printable(" ".join(said.split()))


def watch(
    arrivals: Arrivals,
    workers: int,
    judge: Callable[[Path, Path], list[Verdict]],
    output: WatchOutput,
    ended: threading.Event,
) -> list[str]:
    """Judge files as they come, until `ended` is set.

    Args:
        arrivals: says which files have come.
        workers: candidates judged at the same time.
        judge: gives the verdicts of a file, whose student's directory it is told.
        output: shows the verdicts of each file.
        ended: set by Ctrl-C, or by a request to end.

    Returns:
        What the judge's own code failed with, for each file that has no verdict therefore.

    """
    failed: list[str] = []
    pool = ThreadPoolExecutor(max_workers=workers)
    running: deque[tuple[Path, Future[list[Verdict]]]] = deque()
    places = ", ".join(map(str, arrivals.paths))
    click.echo(f"watching {places}: files are judged as they come or change; Ctrl-C ends it")
    sys.stdout.flush()
    # Not before the files that are there are judged: what a run before has written stays until then.
    written, unwritten = time.monotonic(), True
    try:
        while not ended.wait(EVERY):
            now = time.monotonic()
            ready, found = arrivals.look(now, (path for path, _ in running))
            running += [(path, pool.submit(judge, path, found.students[path])) for path in ready]
            while running and running[0][1].done():
                path, done = running.popleft()
                try:
                    verdicts = done.result()
                except (JudgeFailure, MemoryError):
                    raise
                except Exception as problem:
                    failed.append(failed_on(path, problem))
                    click.echo(f"Error: could not judge {failed[-1]}", err=True)
                else:
                    output.show_file(path, verdicts)
                unwritten = True
            unwritten |= output.see(found)
            through = not running and not arrivals.waiting
            if unwritten and (through or now - written >= LONGEST_UNWRITTEN):
                output.write()
                written, unwritten = now, False
        return failed
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
