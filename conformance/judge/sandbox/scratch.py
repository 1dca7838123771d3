"""A candidate's directory: how much lies in it, and removing it, however deep it is nested."""

from __future__ import annotations

import contextlib
import itertools
import os
import stat

_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def usage(directory: str, max_entries: int) -> tuple[int, int]:
    """How many entries lie below `directory`, and their bytes; counting ends after `max_entries`.

    One directory is open at a time, and no path is longer than a name: depth does no harm.
    """
    entries = size = 0
    here = os.open(directory, _FLAGS)
    pending: list[list[str]] = []

    def scan() -> None:
        nonlocal entries, size
        below = []
        with os.scandir(here) as found:
            for entry in found:
                entries += 1
                if entries > max_entries:
                    break
                with contextlib.suppress(OSError):
                    status = entry.stat(follow_symlinks=False)
                    size += status.st_blocks * 512
                    if stat.S_ISDIR(status.st_mode):
                        below.append(entry.name)
        pending.append(below)

    try:
        scan()
        while pending and entries <= max_entries:
            if pending[-1]:
                with contextlib.suppress(OSError):
                    inner = _enter(pending[-1].pop(), here)
                    os.close(here)
                    here = inner
                    scan()
            else:
                pending.pop()
                if pending:
                    outer = os.open("..", _FLAGS, dir_fd=here)
                    os.close(here)
                    here = outer
    finally:
        os.close(here)
    return entries, size


def _enter(name: str, directory: int) -> int:
    """The directory `name` in `directory`, opened; its owner's permissions are given back first."""
    try:
        return os.open(name, _FLAGS, dir_fd=directory)
    except PermissionError:
        _allow(name, directory)
        return os.open(name, _FLAGS, dir_fd=directory)


def _allow(name: str, directory: int) -> None:
    """Give a directory's owner all permissions; never what a symbolic link points to."""
    place = os.open(
        name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory
    )
    try:
        os.chmod(f"/proc/self/fd/{place}", 0o700)
    finally:
        os.close(place)


def remove_tree(directory: str) -> None:
    """Remove a directory with all that is in it. What cannot be removed stays, without a word.

    What lies in a directory is removed or moved up before the directory is removed, so that depth
    does no harm. Each listing is gone through to its end, so that width does none either.
    """
    with contextlib.suppress(OSError):
        top = os.open(directory, _FLAGS)
        try:
            while sum(_dissolve(name, top) for name in os.listdir(top)):
                pass
        finally:
            os.close(top)
        os.rmdir(directory)


_numbers = itertools.count()


def _unlink(name: str, directory: int) -> bool:
    try:
        os.unlink(name, dir_fd=directory)
    except OSError:  # a directory, among others
        return False
    return True


def _move_up(name: str, inner: int, top: int) -> bool:
    with contextlib.suppress(OSError):
        _allow(name, inner)  # moving a directory writes to it
    target = f".removed-{os.getpid()}-{next(_numbers)}"
    try:
        os.rename(name, target, src_dir_fd=inner, dst_dir_fd=top)
    except OSError:
        return False
    return True


def _dissolve(name: str, top: int) -> bool:
    """Remove one entry of `top`, or move up what lies in it. Whether anything came of it."""
    moved = False
    with contextlib.suppress(OSError):
        if not stat.S_ISDIR(os.lstat(name, dir_fd=top).st_mode):
            os.unlink(name, dir_fd=top)
            return True
        inner = _enter(name, top)
        try:
            for below in os.listdir(inner):
                moved = _unlink(below, inner) or _move_up(below, inner, top) or moved
        finally:
            os.close(inner)
        os.rmdir(name, dir_fd=top)
        moved = True
    return moved
