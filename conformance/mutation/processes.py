"""Run mutation tests in worker processes: a mutant may hang its process, or end it."""

import contextlib
import faulthandler
import io
import multiprocessing
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, TypeVar

from conformance.runner import process_env

Result = TypeVar("Result")
MAX_SECONDS = 1800
"""Seconds for one task, after which its process ends: many times what the longest takes alone."""


class WorkerDiedError(Exception):
    """A worker process died, or one task took more than `MAX_SECONDS`."""


def run_in_processes(
    function: Callable[..., list[Result]], tasks: Mapping[str, tuple[Any, ...]], workers: int
) -> list[Result]:
    """The results of the function for the arguments of each task, in the order of the tasks.

    Args:
        function: A function of a module, since its name is sent to the workers.
        tasks: The arguments, by what a message calls the task.
        workers: How many processes.

    Raises:
        WorkerDiedError: Where a worker did not come to an end.

    """
    process_env.prepare()
    results: list[Result] = []
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, spawn, initializer=silence_xla) as pool:
        futures = {name: pool.submit(_limited, function, *task) for name, task in tasks.items()}
        for name, future in futures.items():
            try:
                results += future.result()
            except BrokenProcessPool:
                raise WorkerDiedError(
                    f"a worker process died or took more than {MAX_SECONDS} s for one task, "
                    f"{name} or one that ran beside it"
                ) from None
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
    return results


def silence_xla() -> None:
    """Keep XLA's errors about mutants off stderr. This comes before JAX is imported."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"


def _limited(function: Callable[..., list[Result]], *task: Any) -> list[Result]:
    # A loop that waits for a broken rule may never end, and compiled code heeds no signal.
    with Path(os.devnull).open("w") as nowhere:
        faulthandler.dump_traceback_later(MAX_SECONDS, exit=True, file=nowhere)
        try:
            # Some subjects print.
            with contextlib.redirect_stdout(io.StringIO()):
                return function(*task)
        finally:
            faulthandler.cancel_dump_traceback_later()
