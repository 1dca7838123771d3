"""The process between the server and a worker: it waits, watches, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
from typing import Any

PAGE = os.sysconf("SC_PAGE_SIZE")
POLL_SECONDS = 0.1
"""Seconds between two looks at how much the worker's processes use."""


def supervise(worker: int, life: int, status: int, max_memory: int, max_tasks: int) -> None:
    """Wait for the worker, or stop it: when the judge closes `life`, or when it takes too much.

    Reports one JSON line on `status`, and ends every process that the worker started.
    """
    events = select.poll()
    events.register(life, select.POLLIN | select.POLLHUP)
    with contextlib.suppress(OSError):
        events.register(os.pidfd_open(worker), select.POLLIN)
    stopped: str | None = None
    while True:
        ready = [number for number, _ in events.poll(POLL_SECONDS * 1000)]
        ended = _reap(worker)
        if ended is not None:
            break
        if life in ready and stopped is None:
            stopped = "judge"
        elif not ready and stopped is None:
            stopped = _exceeded_limit(max_memory, max_tasks)
        if stopped is not None:
            _signal(worker, signal.SIGKILL)
            ended = os.waitpid(worker, 0)[1]
            break
    os.write(status, (json.dumps({"stopped": stopped, **_describe(ended)}) + "\n").encode())
    kill_tree()


def kill_tree() -> None:
    """Kill every descendant, until none is left.

    All are stopped before any is killed: a bomb would fill the place of each one at once.
    """
    if os.getpid() == 1:  # of a PID namespace, where all go at a stroke
        _signal(-1, signal.SIGKILL)
    stopped: set[int] = set()
    for _ in range(1000):
        members = set(descendants())
        for pid in members - stopped:
            _signal(pid, signal.SIGSTOP)
        if members <= stopped:
            for pid in members:
                _signal(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                while True:
                    os.waitpid(-1, 0)
            if not descendants():
                return
        stopped = members


def descendants() -> dict[int, tuple[int, int]]:
    """Every descendant of this process: its resident bytes and its number of threads."""
    found: dict[int, tuple[int, int, int]] = {}
    with contextlib.suppress(OSError):
        for name in os.listdir("/proc"):
            if not name.isdigit():
                continue
            with contextlib.suppress(OSError, ValueError, IndexError):
                with open(f"/proc/{name}/stat") as file:
                    fields = file.read().rpartition(")")[2].split()
                found[int(name)] = (int(fields[1]), int(fields[21]) * PAGE, int(fields[17]))
    mine, grown = {os.getpid()}, True
    while grown:
        grown = False
        for pid, (parent, _, _) in found.items():
            if parent in mine and pid not in mine:
                mine.add(pid)
                grown = True
    mine.discard(os.getpid())
    return {pid: found[pid][1:] for pid in mine}


def _exceeded_limit(max_memory: int, max_tasks: int) -> str | None:
    members = descendants().values()
    if sum(memory for memory, _ in members) > max_memory:
        return "memory"
    if sum(threads for _, threads in members) > max_tasks:
        return "processes"
    return None


def _reap(worker: int) -> int | None:
    """The worker's wait status if it has ended; orphans that came to us are let go of."""
    while True:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == worker:
            return status
        if pid == 0:
            return None


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def _describe(status: int) -> dict[str, Any]:
    if os.WIFSIGNALED(status):
        return {"signal": os.WTERMSIG(status)}
    return {"exit": os.WEXITSTATUS(status)}
