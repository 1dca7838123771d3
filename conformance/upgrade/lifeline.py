"""Processes that end with the one that started them, however that ends.

A child's standard input is a pipe that its parent never writes to. The parent's end closes when the parent
ends, by SIGKILL too; the child then ends its whole process group, its own workers among it. Needs POSIX.
"""

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import attrs

STOPPING = threading.Event()
"""Set while this process ends its children: nothing new is started."""

_running: set["subprocess.Popen[str]"] = set()
_lock = threading.RLock()


class StoppedError(Exception):
    """The child was not started, or was ended, because this process is about to end."""


@attrs.frozen
class Ended:
    """What a child left."""

    status: int
    """Its exit status; negative for the signal that ended it."""
    stdout: str
    stderr: str


def end_with_parent() -> None:
    """In a child: end the process group as soon as the parent's end of standard input closes.

    The child must lead its group, as `run` starts it.
    """
    if os.getpgrp() != os.getpid():
        raise RuntimeError("only the leader of a process group may end it with its parent")
    pipe = os.dup(0)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.set_inheritable(pipe, False)

    def watch() -> None:
        with contextlib.suppress(OSError):
            while os.read(pipe, 1):
                pass
        os.killpg(os.getpgrp(), signal.SIGKILL)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()


def run(
    command: Sequence[str],
    *,
    cwd: Path | str,
    env: Mapping[str, str],
    timeout: float | None = None,
    while_it_runs: Callable[[], None] = lambda: None,
) -> Ended:
    """Run a child in a process group of its own, to its end.

    Args:
        command: The child's command. One that does not call `end_with_parent` outlives a SIGKILL of this
            process.
        cwd: Its directory.
        env: Its environment variables.
        timeout: Seconds after which it is ended.
        while_it_runs: Called twice a second.

    Raises:
        StoppedError: This process is ending.
        subprocess.TimeoutExpired: The child took longer than `timeout`.

    """
    with _lock:
        if STOPPING.is_set():
            raise StoppedError
        child = subprocess.Popen(
            command,
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        _running.add(child)
    try:
        lifeline, child.stdin = child.stdin, None  # else `communicate` would close it
        return _wait(child, timeout, while_it_runs)
    finally:
        _end(child)
        if lifeline is not None:
            lifeline.close()
        with _lock:
            _running.discard(child)


def _wait(
    child: "subprocess.Popen[str]", timeout: float | None, while_it_runs: Callable[[], None]
) -> Ended:
    waited = 0.0
    while True:
        try:
            stdout, stderr = child.communicate(timeout=0.5)
        except subprocess.TimeoutExpired:
            waited += 0.5
            if timeout is not None and waited >= timeout:
                raise
            while_it_runs()
            continue
        if STOPPING.is_set():
            raise StoppedError
        return Ended(child.returncode, stdout, stderr)


def stop_all() -> None:
    """End every child, and let none start."""
    with _lock:
        STOPPING.set()
        for child in _running:
            _end(child)


def _end(child: "subprocess.Popen[str]") -> None:
    """End the process group of a child that has not ended; workers notice by themselves that theirs has."""
    if child.poll() is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
