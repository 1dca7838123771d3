"""The process between the server and a worker: it waits, watches, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
from typing import Any

from . import processes, scratch

POLL_SECONDS = 0.1
"""Seconds between two looks at how much the worker's processes use."""


def supervise(worker: int, life: int, status: int, limits: dict[str, Any]) -> None:
    """Wait for the worker, or stop it: when the judge closes `life`, or when it takes too much.

    Reports one JSON line on `status`, and ends every process that the worker started.

    Args:
        worker: the worker's process id, a child of this process.
        life: a pipe's reading end that the judge holds the other end of.
        status: the file descriptor that the report is written to.
        limits: `max_memory` in bytes and `max_tasks`, over all its processes; where its directory
            is on a disk, `directory` with `max_entries` and `max_bytes` in it.

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
            stopped = exceeded_limit(limits)
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
        members = set(processes.descendants())
        for pid in members - stopped:
            _signal(pid, signal.SIGSTOP)
        if members <= stopped:
            for pid in members:
                _signal(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                while True:
                    os.waitpid(-1, 0)
            if not processes.descendants():
                return
        stopped = members


def exceeded_limit(limits: dict[str, Any]) -> str | None:
    """The limit that this process's descendants are beyond, or None."""
    members = processes.descendants().values()
    if sum(memory for memory, _ in members) > limits["max_memory"]:
        return "memory"
    if sum(threads for _, threads in members) > limits["max_tasks"]:
        return "processes"
    if limits.get("directory") is not None:
        with contextlib.suppress(OSError):
            entries, size = scratch.usage(limits["directory"], limits["max_entries"])
            if entries > limits["max_entries"] or size > limits["max_bytes"]:
                return "disk space"
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
