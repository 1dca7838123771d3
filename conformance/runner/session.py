"""Run the suite in this environment: workers, log, and what came of it."""

import os
import shlex
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import UNSET

from conformance import __version__, runner
from conformance.events.outcomes import CONFORMING
from conformance.events.records import SCHEMA, Environment, Header, Record, Result
from conformance.events.writer import LogWriter
from conformance.runner import environment_info, process_env
from conformance.runner.controller import Controller
from conformance.runner.run_options import RunOptions

OBSERVATIONS_VERSION = 2
"""Which fixed list of cases is observed: only observations of one version are compared."""

_FINISHED = (
    pytest.ExitCode.OK,
    pytest.ExitCode.TESTS_FAILED,
    pytest.ExitCode.NO_TESTS_COLLECTED,  # a shard may have no item
)


class LostWorkersError(Exception):
    """The pipe to a worker closed: the message is what the pipe says."""


def run(
    options: RunOptions,
    *,
    workers: int,
    log_path: Path,
    command: Sequence[str] = (),
    cache: bool = True,
    listeners: Sequence[Callable[[Record], object]] = (),
    watch: Callable[[Controller], Any] = lambda controller: None,
) -> list[Record]:
    """Run the chosen items and write the log as the run goes, without a footer where it was stopped.

    Args:
        options: What to run.
        workers: In how many processes; 0 for this one.
        log_path: Where to write the log.
        command: The command line, for the header.
        cache: Whether to use the persistent compilation cache.
        listeners: Each is called with every record.
        watch: Called with the controller before the run begins.

    Returns:
        The records of the log.

    Raises:
        OSError: The log cannot be written.
        LostWorkersError: The worker processes are gone.
        Exception: Whatever the suite itself, or pytest, failed with: an internal error.

    """
    with tempfile.TemporaryDirectory(prefix="vmap-conformance-") as scratch:
        options = msgspec.structs.replace(options, scratch=scratch)
        log = LogWriter(log_path, listeners=listeners)
        controller = Controller(
            log, _header(options, command, cache), options.profile.deadline, Path(scratch)
        )
        watch(controller)
        with _environment(process_env.worker_environment(cache=cache)):
            _run_pytest(options, workers, controller)
    if controller.collection_errors:
        whole = controller.collection_errors[0]
        last = next(reversed(whole.strip().splitlines()), "").removeprefix("E").strip()
        raise RuntimeError(f"the items cannot be collected: {last}") from RuntimeError(whole)
    return log.records


def _run_pytest(options: RunOptions, workers: int, controller: Controller) -> None:
    """Run the items and close the log. Raises what the suite itself failed with, if it did."""
    assert options.scratch is not None  # `run` makes it
    arguments = [
        str(resources.files(runner) / "suite.py"),
        f"-c={resources.files(runner) / 'pytest.ini'}",
        f"--vmap-conformance={options.to_json()}",
        *("-p", "conformance.runner.plugin", "-p", "xdist.plugin", "-p", "pytest_timeout"),
        *("-p", "no:terminal", "-p", "no:cacheprovider", "-p", "no:faulthandler"),
        # At the end it looks for garbage five times, in all of JAX.
        *("-p", "no:unraisableexception"),
        *(_workers(workers), "--dist=worksteal" if workers else "--dist=no"),
        "--max-worker-restart=1000",
        *(f"--timeout={options.profile.deadline}", "--capture=sys"),
        # Not pytest's shared directory, where it would remove what other sessions left.
        f"--basetemp={Path(options.scratch) / 'pytest'}",
        f"--maxfail={options.max_failures}",
    ]
    finished = False
    try:
        ended = pytest.main(arguments, plugins=[controller]) in _FINISHED
        finished = ended and not _stopped_early(options, controller.log.records)
    except (EOFError, ConnectionError) as closed:
        controller.internal_error = controller.internal_error or closed
    finally:
        if controller.unwritable is None:
            controller.close(complete=finished and controller.internal_error is None)
    if controller.unwritable is not None:
        raise controller.unwritable
    error = controller.internal_error
    if isinstance(error, EOFError | ConnectionError) or (
        isinstance(error, OSError) and error.errno is None  # execnet's: `cannot send`
    ):
        raise LostWorkersError(" ".join(str(error).split()) or type(error).__name__) from error
    if error is not None:
        raise error


def _workers(number: int) -> str:
    """The option for so many workers, which take no module of the current directory for Python's own."""
    starts = shlex.join([sys.executable, str(resources.files(runner) / "start_worker.py")])
    return f"--tx={number}*popen//python={starts}" if number else "-n0"


def _stopped_early(options: RunOptions, records: Sequence[Record]) -> bool:
    """Whether the run ended at its last permitted failure: what comes after did not run."""
    failures = sum(isinstance(r, Result) and r.outcome not in CONFORMING for r in records)
    return 0 < options.max_failures <= failures


def _header(options: RunOptions, command: Sequence[str], cache: bool) -> Header:
    """The header of the run; a process that starts JAX completes the environment."""
    return Header(
        cell=options.cell,
        schema=SCHEMA,
        suite=__version__,
        environment=msgspec.convert(environment_info.versions(), Environment),
        profile=options.profile_name,
        seed=options.seed,
        shard=options.shard,
        command=list(command),
        chosen=options.chosen or UNSET,
        cache_entries=process_env.cached_programs() if cache else 0,
        observations=OBSERVATIONS_VERSION if options.observe else UNSET,
    )


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    """Variables for this process and the workers it starts, and pytest as if none were set."""
    variables = {**variables, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    before = dict(os.environ)
    os.environ.update(variables)
    os.environ.pop("PYTEST_ADDOPTS", None)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
