"""Landlock: what is not listed can be neither opened nor changed, without any right to set it up.

It stands at level `process` for the mounts of level `namespaces`. Source: Linux's
`Documentation/userspace-api/landlock.rst`.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import stat
import struct
from collections.abc import Iterable, Iterator

from . import linux

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 2, 4, 8
READ = EXECUTE | READ_FILE | READ_DIR
ON_FILES = EXECUTE | WRITE_FILE | READ_FILE | 1 << 14 | 1 << 15
"""What a rule for a file, not a directory, may allow."""
DEVICE_NODES = 1 << 6 | 1 << 11
"""Making character and block devices."""
SCOPES = 3
"""Abstract sockets and signals of processes outside."""
SIGNALS = 6
"""The version since which signals are kept inside."""

_CREATE, _ADD, _RESTRICT = 444, 445, 446


def version() -> int:
    """The version of Landlock that the kernel has; 0 for none."""
    found: int = linux.syscall(_CREATE, None, 0, 1)
    return max(found, 0)


def handled(known: int) -> int:
    """All kinds of access that this version knows."""
    bits = 13 + (known >= 2) + (known >= 3) + (known >= 5)
    return (1 << bits) - 1


def restrict(readable: Iterable[str], writable: Iterable[str], masked: Iterable[str]) -> None:
    """Keep this process and all that it starts to these files and directories, for good.

    Args:
        readable: what may be read and executed, with everything below.
        writable: what may be changed, too.
        masked: what may not even be read, though it lies below something readable.

    Raises:
        OSError: The kernel has no Landlock, or refuses.

    """
    known = version()
    access = handled(known)
    attributes = struct.pack("QQQ", access, 0, SCOPES if known >= SIGNALS else 0)
    ruleset = _called(_CREATE, attributes, len(attributes) if known >= SIGNALS else 8, 0)
    try:
        hidden = [os.path.abspath(path) for path in masked]
        for path in {each for place in readable for each in _less(place, hidden)}:
            _allow(ruleset, path, READ)
        for path in writable:
            _allow(ruleset, path, access & ~DEVICE_NODES)
        linux.prctl(linux.SET_NO_NEW_PRIVS, 1)
        _called(_RESTRICT, ruleset, 0)
    finally:
        os.close(ruleset)


def _less(path: str, masked: list[str]) -> Iterator[str]:
    """The path, or where something below it is masked, all that lies beside that."""
    if path in masked:
        return
    if not any(each.startswith(path.rstrip("/") + "/") for each in masked):
        yield path
        return
    with contextlib.suppress(OSError):
        for entry in os.listdir(path):
            below = os.path.join(path, entry)
            if not os.path.islink(below):  # what it leads to is listed, or not to be read
                yield from _less(below, masked)


def _allow(ruleset: int, path: str, access: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # what is not there needs no leave
    try:
        if not stat.S_ISDIR(os.fstat(place).st_mode):
            access &= ON_FILES & handled(version())
        rule = struct.pack("=Qi", access, place)
        _called(_ADD, ruleset, 1, rule, 0)
    finally:
        os.close(place)


def _called(number: int, *arguments: int | bytes) -> int:
    result: int = linux.syscall(number, *arguments)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"landlock: {os.strerror(code)}")
    return result
