"""Finding candidates' files and reading them without being held up by what they are."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

import attrs

from conformance.judge import notebooks
from conformance.reporting.verdicts import LEFT_BY_A_TOOL

MAX_BYTES = 4 * 2**20
"""Bytes of the largest file that is read; notebooks carry their pictures."""
MAX_SOURCE = 2**20
"""Bytes of the most Python source that is run."""
SUFFIXES = (".py", ".ipynb")
IGNORED = ("__pycache__", ".git", ".ipynb_checkpoints")
"""Directories that no student hands in: what tools leave behind."""


class UnreadableCandidate(Exception):
    """A candidate that cannot be read; the message says why, and what to give instead."""


@attrs.frozen
class Submission:
    """A candidate's source as it is run.

    Attributes:
        path: the file, as it was named or found.
        lines: where each line of the source is in a notebook: its cell and the line there.
        notes: what was left out of the file.

    """

    path: Path
    source: bytes
    notebook: bool = False
    lines: tuple[tuple[int, int], ...] = ()
    notes: tuple[str, ...] = ()

    def location(self, line: str) -> str:
        """A line number of the source in the words of whoever wrote the file."""
        if self.lines and line.isdecimal() and 0 < int(line) <= len(self.lines):
            cell, number = self.lines[int(line) - 1]
            return f"cell {cell}, line {number}"
        return line


@attrs.frozen
class Found:
    """The candidates below the paths that were given, and everything else that lies there."""

    candidates: tuple[Path, ...]
    skipped: tuple[str, ...]


def find_candidates(paths: Iterable[Path]) -> Found:
    """The files themselves, and of every directory the Python files and notebooks in it, sorted.

    Symbolic links inside a directory are never followed; one with a candidate's name is a candidate
    that cannot be read.
    """
    candidates: list[Path] = []
    skipped: list[str] = []
    for path in paths:
        if path.is_dir():
            found = _below(path)
            candidates += found.candidates
            skipped += found.skipped
        else:
            candidates.append(path)
    return Found(tuple(dict.fromkeys(candidates)), tuple(skipped))


def _below(directory: Path) -> Found:
    candidates: list[Path] = []
    skipped: list[str] = []

    def unreadable(problem: OSError) -> None:
        skipped.append(f"{problem.filename} (cannot be read: {problem.strerror})")

    for place, folders, names in os.walk(directory, followlinks=False, onerror=unreadable):
        links = [name for name in folders if os.path.islink(os.path.join(place, name))]
        odd = [name for name in folders if name.endswith(SUFFIXES)]
        ignored = [name for name in folders if name in IGNORED and name not in odd]
        folders[:] = sorted(set(folders) - {*links, *odd, *ignored})
        skipped += [f"{Path(place, name)} {LEFT_BY_A_TOOL}" for name in ignored]
        skipped += [f"{Path(place, name)} (a symbolic link)" for name in links if name not in odd]
        for name in (*names, *odd):
            if name.endswith(SUFFIXES):
                candidates.append(Path(place, name))
            else:
                skipped.append(f"{Path(place, name)} (no .py or .ipynb)")
    return Found(tuple(sorted(candidates)), tuple(sorted(skipped)))


def read_candidate(path: Path, *, named: bool = True) -> Submission:
    """The file as it is to be run.

    Args:
        path: the candidate's file, a Python source or a notebook.
        named: whether the user named this very file; only then is a symbolic link followed.

    Raises:
        UnreadableCandidate: It is no regular file, too large, or a notebook that is none.

    """
    content = read_file(path, named=named)
    try:
        return _submission(path, content)
    except notebooks.InvalidNotebook as problem:
        raise UnreadableCandidate(f"the notebook cannot be read: {problem}") from None


def _submission(path: Path, content: bytes) -> Submission:
    if path.name.endswith(".ipynb"):
        cells = notebooks.from_json(content)
        source = cells.source.encode("utf-8", "replace")
        notebook, lines, notes = True, cells.lines, cells.notes
    else:
        export = notebooks.from_export(_decoded(content))
        source, notebook, lines, notes = content, False, (), ()
        if export is not None:
            source, notes = export.source.encode("utf-8", "replace"), export.notes
    if len(source) > MAX_SOURCE:
        raise UnreadableCandidate(
            f"the source is larger than {MAX_SOURCE} bytes: hand in the solution alone"
        )
    if source.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UnreadableCandidate("the file is UTF-16: save it as UTF-8")
    return Submission(path, source, notebook, lines, notes)


def _decoded(content: bytes) -> str | None:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None  # Python says itself what is wrong, or finds the coding line


def read_file(path: Path, *, named: bool = True) -> bytes:
    """The file's bytes. Raises UnreadableCandidate."""
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if named else os.O_NOFOLLOW)
    try:
        if not named and path.is_symlink():
            raise UnreadableCandidate(
                "this is a symbolic link, which is not followed: hand in the file itself"
            )
        descriptor = os.open(path, flags)
    except OSError as problem:
        raise UnreadableCandidate(f"the file cannot be read: {problem.strerror}") from None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise UnreadableCandidate("this is not a regular file: give a file of Python source")
        content = os.read(descriptor, MAX_BYTES + 1)
    except OSError as problem:
        raise UnreadableCandidate(f"the file cannot be read: {problem.strerror}") from None
    finally:
        os.close(descriptor)
    if len(content) > MAX_BYTES or (len(content) > MAX_SOURCE and path.suffix != ".ipynb"):
        limit = MAX_BYTES if path.suffix == ".ipynb" else MAX_SOURCE
        raise UnreadableCandidate(
            f"the file is larger than {limit} bytes: give a file of Python source"
        )
    return content
