"""What /proc says of processes: parents, memory, threads."""

from __future__ import annotations

import contextlib
import os

PAGE = os.sysconf("SC_PAGE_SIZE")


def table() -> dict[int, tuple[int, int, int]]:
    """Every process: its parent, its resident bytes, its number of threads."""
    found: dict[int, tuple[int, int, int]] = {}
    with contextlib.suppress(OSError):
        for name in os.listdir("/proc"):
            if not name.isdigit():
                continue
            with contextlib.suppress(OSError, ValueError, IndexError):
                with open(f"/proc/{name}/stat") as file:
                    fields = file.read().rpartition(")")[2].split()
                found[int(name)] = (int(fields[1]), int(fields[21]) * PAGE, int(fields[17]))
    return found


def descendants() -> dict[int, tuple[int, int]]:
    """Every descendant of this process: its resident bytes and its number of threads."""
    found = table()
    family, grown = {os.getpid()}, True
    while grown:
        grown = False
        for pid, (parent, _, _) in found.items():
            if parent in family and pid not in family:
                family.add(pid)
                grown = True
    family.discard(os.getpid())
    return {pid: found[pid][1:] for pid in family}


def children() -> list[int]:
    """The processes whose parent this one is."""
    mine = os.getpid()
    return [pid for pid, (parent, _, _) in table().items() if parent == mine]


def threads() -> int:
    """How many threads this process has; 0 where /proc does not say."""
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return 0


def tasks_of_user() -> int:
    """How many tasks this user has now: the process limit counts them all."""
    mine, count = os.geteuid(), 0
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError):
                if os.stat(f"/proc/{name}").st_uid == mine:
                    count += len(os.listdir(f"/proc/{name}/task"))
    return count
