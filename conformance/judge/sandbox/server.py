"""The server: a process that has imported jax and flax once, and forks a worker for every request.

It starts no backend and no thread, and holds nothing a candidate could want: it runs in a clean
environment and never sees a call, an answer or a verdict. Where the count of threads is not one, it
says so, and the judge uses each server for one worker that imports for itself.
"""

from __future__ import annotations

import array
import contextlib
import gc
import importlib
import json
import os
import signal
import socket
import sys
import time
import traceback
from typing import Any

from . import isolation, landlock, linux, mlir_context, processes, start_worker, supervisor

FDS = 5
LATE_IMPORTS = (
    "importlib.metadata",
    "jax.experimental.multihost_utils",
    "jax.experimental.pjit",
    "jax.experimental.shard_map",
    "jaxlib.mlir.dialects.mhlo",
)
"""What JAX imports only at the first compilation: a fifth of a second for every worker."""

_supervisors: dict[int, int] = {}
"""The supervisors that were not waited for yet, by the judge's token for each worker."""


def main(arguments: dict[str, Any]) -> None:
    """Enter the isolation, import, and serve the judge's requests until it hangs up."""
    control = socket.socket(fileno=arguments["control"])
    with contextlib.suppress(OSError):
        linux.prctl(linux.SET_CHILD_SUBREAPER, 1)
    try:
        if arguments["level"] == "namespaces":
            isolation.enter_root(
                arguments["base"], arguments["visible"], arguments["masked"], arguments["cache"]
            )
            sys.modules[__package__].__path__ = [isolation.MODULES]
            start_worker.try_namespaces()
        lacking = start_worker.try_filter()
    except OSError as problem:
        _send(control, {"refused": str(problem)})
        return
    if arguments["preload"]:
        preload()
    seconds = time.process_time()  # of computing: how fast this machine is when it is not busy
    ready = {"threads": processes.threads(), "seconds": seconds, "lacking": lacking}
    _send(control, {**ready, "landlock": landlock.version()})
    files = {name: arguments[name] for name in ("visible", "masked", "cache")}
    _serve(control, arguments["level"], files)


def _serve(control: socket.socket, level: str, files: dict[str, Any]) -> None:
    number = 0
    while True:
        message, fds = _receive(control)
        if message is None:
            supervisor.kill_tree()
            os._exit(0)  # what Python does at its end takes long, and nothing is left to do
        if "reap" in message:
            _reap_orphans(message["reap"])
            _send(control, {"reaped": True})
            continue
        _reap_exited()
        number += 1
        try:
            child = os.fork()
        except OSError as problem:
            start_worker.report_failure(fds[-1], f"the server cannot fork: {problem}")
            child = -1
        if child == 0:
            try:
                control.close()
                start_worker.begin(level, number, message, fds, files)
            except BaseException:
                traceback.print_exc()
                sys.stderr.flush()
            finally:
                os._exit(1)
        for fd in fds:
            os.close(fd)
        if child > 0:
            _supervisors[message["token"]] = child


def preload() -> None:
    """Import what candidates import, so that no worker has to."""
    gc.disable()  # imports make next to no garbage, and looking for it is a twelfth of their time
    import flax.linen  # noqa: F401
    import jax.numpy  # noqa: F401

    from . import worker  # noqa: F401

    for name in LATE_IMPORTS:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    mlir_context.install()
    gc.freeze()  # or every worker's collector goes over all of JAX, and copies its pages
    gc.enable()
    gc.set_threshold(50_000, 50, 100)  # tracing makes much that is short-lived, and no cycles


def _reap_orphans(token: int) -> None:
    """Make sure of one supervisor's end, and kill the orphans that it left if it was killed."""
    supervisor_left = _supervisors.pop(token, None)
    if supervisor_left is not None:  # until it is gone its descendants are not ours yet
        with contextlib.suppress(ProcessLookupError):
            os.kill(supervisor_left, signal.SIGKILL)
        os.waitpid(supervisor_left, 0)
    for _ in range(100):
        _reap_exited()
        known = set(_supervisors.values())
        orphans = [pid for pid in processes.children() if pid not in known]
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


def _send(control: socket.socket, message: dict[str, Any]) -> None:
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
