"""From the server's fork to a worker with a supervisor above it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from typing import Any

from . import isolation, linux, own_modules, processes, supervisor, system_calls

SPARE_USER_TASKS = 200
"""Tasks that an ordinary user's other programs may start meanwhile: the process limit counts them
all, and must not stop an honest candidate. The supervisor's watch is what stops a bomb there."""


def begin(
    level: str, number: int, message: dict[str, Any], fds: list[int], files: dict[str, Any]
) -> None:
    """In the process that the server has forked: isolate, fork the worker, and supervise it.

    Args:
        level: the isolation level.
        number: which worker this is.
        message: what the judge asks for.
        fds: the worker's descriptors.
        files: what of the file system is `visible` and `masked`, and the `cache`.

    """
    requests, answers, output, life, status = fds
    try:
        os.setsid()
        tasks = processes.tasks_of_user() + SPARE_USER_TASKS if os.geteuid() else 0
        if level == "namespaces":
            isolation.new_namespaces(number)
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
    except OSError as problem:
        report_failure(status, f"a worker cannot be started: {problem}")
        os._exit(0)
    if worker:
        for fd in (requests, answers, output):
            os.close(fd)
        supervisor.supervise(worker, life, status, _limits(level, message))
        os._exit(0)
    worker_number = None if level == "namespaces" else number
    run(message, tasks, worker_number, requests, answers, output, files)


def report_failure(status: int, reason: str) -> None:
    """Tell the judge, where a supervisor would, that there is no worker."""
    with contextlib.suppress(OSError):
        os.write(status, (json.dumps({"failed": reason}) + "\n").encode())


def _limits(level: str, message: dict[str, Any]) -> dict[str, Any]:
    limits = {"max_memory": message["max_memory"], "max_tasks": message["max_tasks"]}
    if level == "process":  # elsewhere it is memory, of a limited size
        limits["directory"] = message["directory"]
        limits["max_entries"], limits["max_bytes"] = isolation.MAX_FILES, isolation.MAX_FILE_BYTES
    return limits


def run(
    message: dict[str, Any],
    tasks: int,
    worker_number: int | None,
    requests: int,
    answers: int,
    output: int,
    files: dict[str, Any],
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
    work = os.path.join(message["directory"], "work")
    os.mkdir(work)
    os.chdir(work)
    for name in ("HOME", "TMPDIR"):
        os.environ[name] = os.getcwd()
    if worker_number is not None:
        isolation.chown_scratch(message["directory"], worker_number)
        if message["target"] is None:  # else it is our own solution, and may write there
            isolation.drop_privileges(worker_number)
            with contextlib.suppress(OSError):  # the level says that it is lacking
                isolation.restrict_files(message["directory"], **files)
    linux.prctl(linux.SET_PDEATHSIG, signal.SIGKILL)
    isolation.limit_at_start(message["cpu_seconds"])
    with contextlib.suppress(OSError):  # the level says that it is lacking
        system_calls.install()
    own_modules.hide(map(os.path.basename, files["masked"]))
    from . import wire, worker  # NumPy and all that follows only here, where a server is used once

    write, failure = os.write, wire.OWN_FAILURE
    try:
        worker.work(
            requests, answers, message["spare_tasks"] + tasks, message["shared"], message["target"]
        )
    except BaseException:
        with contextlib.suppress(BaseException):
            write(answers, failure)
        raise


def try_filter() -> str | None:
    """Why system calls cannot be filtered here; None where they can."""
    child = os.fork()
    if child == 0:
        try:
            system_calls.install()
        except OSError:
            os._exit(1)
        finally:
            os._exit(0)
    refused = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0
    return isolation.NO_FILTER if refused else None


def try_namespaces() -> None:
    """Go through a worker's isolation once, so that a refusal is known before any candidate.

    Raises OSError.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        try:
            isolation.new_namespaces(0)
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
