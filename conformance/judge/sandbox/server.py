"""The server: a process that has imported jax and flax once, and forks a worker for every request.

It starts no backend and no thread, and holds nothing a candidate could want: it runs in a clean
environment and never told a call, an answer or a verdict. Where the count of threads is not one, it
says so, and the judge uses each server for one worker that imports for itself.
"""

from __future__ import annotations

import array
import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import time
import traceback
from typing import Any

from . import isolation, linux, mlir_contexts, supervisor

FDS = 5
SPARE_USER_TASKS = 200
"""Tasks that an ordinary user's other programs may start meanwhile: the process limit counts them
all, and must not stop an honest candidate. The keeper's watch is what bites there."""
LATE_IMPORTS = (
    "importlib.metadata",
    "jax.experimental.multihost_utils",
    "jax.experimental.pjit",
    "jax.experimental.shard_map",
    "jaxlib.mlir.dialects.mhlo",
)
"""What JAX imports only at the first compilation: a fifth of a second for every worker."""


def main(arguments: dict[str, Any]) -> None:
    control = socket.socket(fileno=arguments["control"])
    level, started = arguments["level"], time.perf_counter()
    with contextlib.suppress(OSError):
        linux.prctl(linux.SET_CHILD_SUBREAPER, 1)
    try:
        if level == "namespaces":
            isolation.enter_root(
                arguments["base"], arguments["visible"], arguments["masked"], arguments["cache"]
            )
            sys.modules[__package__].__path__ = [isolation.MODULES]
            _try_a_worker()
    except OSError as problem:
        _say(control, {"refused": str(problem)})
        return
    if arguments["preload"]:
        preload()
    threads = _threads()
    _say(control, {"threads": threads, "seconds": time.perf_counter() - started})
    number = 0
    while True:
        while not select.select([control], [], [], 0)[0] and mlir_contexts.prepare():
            pass
        message, fds = _receive(control)
        if message is None:
            supervisor.kill_tree()
            return
        if "sweep" in message:
            _reap_orphans(message["sweep"])
            _say(control, {"swept": True})
            continue
        _reap_exited()
        number += 1
        child = os.fork()
        if child == 0:
            try:
                control.close()
                begin(level, number, message, fds)
            except BaseException:
                traceback.print_exc()
                sys.stderr.flush()
            finally:
                os._exit(70)
        for fd in fds:
            os.close(fd)
        _supervisors[message["token"]] = child


def preload() -> None:
    """Import what candidates import, so that no worker has to."""
    import flax.linen  # noqa: F401
    import jax.numpy  # noqa: F401

    from . import worker  # noqa: F401

    for name in LATE_IMPORTS:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    mlir_contexts.install()
    gc.collect()
    gc.freeze()  # or every worker's collector goes over all of JAX, and copies its pages
    gc.set_threshold(50_000, 50, 100)  # tracing makes much that is short-lived, and no cycles


def begin(level: str, number: int, message: dict[str, Any], fds: list[int]) -> None:
    """From the server's fork to a worker with a keeper above it."""
    requests, answers, output, life, status = fds
    os.setsid()
    tasks = _tasks() + SPARE_USER_TASKS if os.geteuid() else 0
    if level == "namespaces":
        isolation.leave(number)
        first = os.fork()
        if first:
            for fd in fds:
                os.close(fd)
            os.waitpid(first, 0)
            os._exit(0)
        isolation.finish_sandbox()
    else:
        linux.prctl(linux.SET_CHILD_SUBREAPER, 1)
    worker = os.fork()
    if worker:
        for fd in (requests, answers, output):
            os.close(fd)
        supervisor.supervise(worker, life, status, message["most_memory"], message["most_tasks"])
        os._exit(0)
    run(message, tasks, None if level == "namespaces" else number, requests, answers, output)


def run(
    message: dict[str, Any],
    tasks: int,
    worker_number: int | None,
    requests: int,
    answers: int,
    output: int,
) -> None:
    """In the worker's own process: descriptors, directory, user and limits, then the work."""
    os.setsid()
    sys.argv[:] = [""]
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    requests, answers = os.dup2(requests, 100), os.dup2(answers, 101)
    os.closerange(3, 100)
    os.closerange(102, 4096)
    sys.stdin = os.fdopen(0)
    sys.stdout = os.fdopen(1, "w", closefd=False, errors="backslashreplace")
    sys.stderr = os.fdopen(2, "w", 1, closefd=False, errors="backslashreplace")
    for name in ("work", "compiled"):
        os.mkdir(os.path.join(message["directory"], name))
    os.chdir(os.path.join(message["directory"], "work"))
    for name in ("HOME", "TMPDIR"):
        os.environ[name] = os.getcwd()
    compiled = message["compiled"] or os.path.join(message["directory"], "compiled")
    if worker_number is not None:
        isolation.chown_scratch(message["directory"], worker_number)
        if message["compiled"] is None:  # else it is our own solution, and may write there
            isolation.drop_privileges(worker_number)
    linux.prctl(linux.SET_PDEATHSIG, signal.SIGKILL)
    isolation.limit_at_start(message["cpu_seconds"])
    from . import worker  # NumPy and all that follows only here, where a fresh server is used once

    worker.work(requests, answers, message["spare_tasks"] + tasks, compiled, message["warmed"])


def _try_a_worker() -> None:
    """Go through a worker's isolation once, so that a refusal is known before any candidate."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        try:
            isolation.leave(0)
            first = os.fork()
            if first == 0:
                isolation.finish_sandbox()
                os.write(writer, b"ok")
            else:
                os.waitpid(first, 0)
        except OSError as problem:
            os.write(writer, str(problem).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with open(reader, "rb") as file:
        said = file.read()
    os.waitpid(child, 0)
    if said != b"ok":
        raise OSError(said.decode() or "a worker could not be isolated")


def _reap_orphans(token: int) -> None:
    """Make sure of one keeper's end, and kill the strangers that it left to us if it was killed."""
    keeper_left = _supervisors.pop(token, None)
    if keeper_left is not None:  # until it is gone its family is not ours yet
        with contextlib.suppress(ProcessLookupError):
            os.kill(keeper_left, signal.SIGKILL)
        os.waitpid(keeper_left, 0)
    mine = os.getpid()
    for _ in range(100):
        _reap_exited()
        known = set(_supervisors.values())
        orphans = [pid for pid, parent in _parents() if parent == mine and pid not in known]
        if not orphans:
            return
        for pid in orphans:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.005)


def _reap_exited() -> None:
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG)[0]) != 0:
            for token in [token for token, pid in _supervisors.items() if pid == ended]:
                del _supervisors[token]


_supervisors: dict[int, int] = {}
"""The keepers that were not waited for yet, by the judge's token for each worker."""


def _parents() -> list[tuple[int, int]]:
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            with (
                contextlib.suppress(OSError, IndexError, ValueError),
                open(f"/proc/{name}/stat") as file,
            ):
                found.append((int(name), int(file.read().rpartition(")")[2].split()[1])))
    return found


def _threads() -> int:
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return 0


def _tasks() -> int:
    """How many tasks this user has now: the process limit counts them all."""
    mine, count = os.geteuid(), 0
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError):
                if os.stat(f"/proc/{name}").st_uid == mine:
                    count += len(os.listdir(f"/proc/{name}/task"))
    return count


def _say(control: socket.socket, message: dict[str, Any]) -> None:
    control.sendall((json.dumps(message) + "\n").encode())


def _receive(control: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    """The next request, a JSON line of its own, with the worker's descriptors."""
    room = socket.CMSG_LEN(FDS * array.array("i").itemsize)
    data, ancillary, _, _ = control.recvmsg(65536, room)
    if not data:
        return None, []
    fds = array.array("i")
    for _, kind, content in ancillary:
        if kind == socket.SCM_RIGHTS:
            fds.frombytes(content[: len(content) - len(content) % fds.itemsize])
    return json.loads(data), list(fds)
