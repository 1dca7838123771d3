"""A Dask cluster on loopback, whose workers can be killed."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any


@contextlib.contextmanager
def running(tmp_path: Path) -> Iterator[tuple[str, list["subprocess.Popen[bytes]"]]]:
    """A Dask scheduler with two workers of one thread each, on loopback."""
    address, started = tmp_path / "scheduler.json", []
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}

    def start(*arguments: str) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "distributed.cli." + arguments[0], *arguments[1:]]
        file = ["--scheduler-file", str(address), "--no-dashboard"]
        process = subprocess.Popen(
            [*command, *file],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        started.append(process)
        return process

    try:
        start("dask_scheduler", "--host", "127.0.0.1", "--port", "0")
        worker = ("dask_worker", "--nthreads", "1", "--no-nanny", "--host", "127.0.0.1")
        workers = [start(*worker, "--local-directory", str(tmp_path / name)) for name in "ab"]
        yield str(address), workers
    finally:
        for process in started:
            with_children(process, signal.SIGKILL)


def with_children(process: "subprocess.Popen[bytes]", number: int) -> None:
    """Send a signal to a process and all that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
    process.wait()


def until(condition: Callable[[], Any], seconds: float = 60) -> Any:
    """Wait for a condition to be true, and give what it gave."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found
