"""Starting one worker from the server, and discarding it with all that it left."""

from __future__ import annotations

import array
import contextlib
import itertools
import json
import os
import socket
from pathlib import Path

import attrs

from conformance.judge.errors import IsolationUnavailable
from conformance.judge.sandbox.isolation import SCRATCH
from conformance.judge.server_process import (
    Server,
    make_directory,
    remove_directory,
    start_server,
    stop_server,
)

MAX_TASKS = 400
"""Processes and threads that all of one worker's may come to."""
SPARE_TASKS = 100
"""Those that it may start beyond what JAX has started by itself."""

_tokens = itertools.count()


@attrs.define
class Worker:
    """A running worker: the judge's ends of its pipes."""

    requests: int
    replies: int
    output: int
    life: int
    status: int
    directory: str | None
    server: Server
    token: int
    own_server: bool = False


def start_worker(
    server: Server, cpu_seconds: float, max_memory: int, target: Path | None = None
) -> Worker:
    """A worker forked from the server; from a server of its own where that cannot fork safely.

    Args:
        server: the server to fork from.
        cpu_seconds: processor time that one process may take.
        max_memory: resident bytes of all its processes together.
        target: where our own solutions leave what was compiled for them; None for candidates.

    Raises:
        IsolationUnavailable: The server is gone.

    """
    own = not server.preloaded
    if own:
        server = start_server(server.level, preload=False)
    directory = None
    if server.level == "process":
        directory = make_directory("candidate-")
        server.directories.add(directory)
    pipes = _pipes()
    token = next(_tokens)
    message = {
        "token": token,
        "directory": SCRATCH if directory is None else directory,
        "shared": server.shared,
        "target": None if target is None else str(target),
        "cpu_seconds": cpu_seconds,
        "max_memory": max_memory,
        "max_tasks": MAX_TASKS,
        "spare_tasks": SPARE_TASKS,
    }
    requests, replies, output, life, status = pipes
    theirs = [requests[0], replies[1], output[1], life[0], status[1]]
    ours = (requests[1], replies[0], output[0], life[1], status[0])
    worker = Worker(*ours, directory, server, token, own)
    try:
        with server.lock:
            fds = array.array("i", theirs)
            ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)]
            server.control.sendmsg([json.dumps(message).encode()], ancillary)
    except OSError as problem:
        discard(worker)
        raise IsolationUnavailable(f"the server is gone: {problem}") from None
    finally:
        for fd in theirs:
            os.close(fd)
    for fd in (requests[1], replies[0], output[0], status[0]):
        os.set_blocking(fd, False)
    return worker


def _pipes() -> list[tuple[int, int]]:
    pipes: list[tuple[int, int]] = []
    try:
        for _ in range(5):
            pipes.append(os.pipe())
    except OSError as problem:
        for fd in itertools.chain(*pipes):
            os.close(fd)
        raise IsolationUnavailable(f"no pipe to a worker: {problem}") from None
    return pipes


def reap_orphans(worker: Worker) -> None:
    """Have the server end processes that a dead supervisor left behind, and wait until it has."""
    server = worker.server
    with contextlib.suppress(OSError), server.lock:
        server.control.sendall(json.dumps({"reap": worker.token}).encode())
        server.control.recv(65536)


def discard(worker: Worker) -> None:
    """Close a worker's pipes and remove its directory, and its server where it had its own."""
    for fd in (worker.requests, worker.replies, worker.output, worker.life, worker.status):
        with contextlib.suppress(OSError):
            os.close(fd)
    if worker.server.level == "process":
        reap_orphans(worker)
    if worker.directory is not None:
        remove_directory(worker.directory)
        worker.server.directories.discard(worker.directory)
    if worker.own_server:
        stop_server(worker.server)
