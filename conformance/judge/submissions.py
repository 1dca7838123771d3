"""Finding candidates' files and reading them without being held up by what they are."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

MAX_BYTES = 2**20
"""Bytes of the largest source file that is read."""


class UnreadableCandidate(Exception):
    """A candidate that is no file to be read; the message says why."""


def find_candidates(paths: Iterable[Path]) -> list[Path]:
    """The files themselves, and of every directory the Python files anywhere in it, sorted."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += _below(path)
        else:
            found.append(path)
    return list(dict.fromkeys(found))


def _below(directory: Path) -> list[Path]:
    found = []
    for place, folders, names in os.walk(directory, followlinks=False):
        odd = [name for name in folders if name.endswith(".py")]
        folders[:] = sorted(
            name for name in folders if name not in odd and not name.startswith((".", "__"))
        )
        found += [Path(place, name) for name in (*names, *odd) if name.endswith(".py")]
    return sorted(found)


def read_candidate(path: Path) -> bytes:
    """The file's bytes. Raises Unreadable."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as problem:
        raise UnreadableCandidate(f"the file cannot be read: {problem.strerror}") from None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise UnreadableCandidate("this is no regular file: give a file of Python source")
        content = os.read(descriptor, MAX_BYTES + 1)
    except OSError as problem:
        raise UnreadableCandidate(f"the file cannot be read: {problem.strerror}") from None
    finally:
        os.close(descriptor)
    if len(content) > MAX_BYTES:
        raise UnreadableCandidate(
            f"the file is larger than {MAX_BYTES} bytes: give a file of Python source"
        )
    return content
