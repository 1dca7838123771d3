"""Run the suite in this environment: workers, log, and what came of it."""

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

import attrs
import pytest

from conformance import runner
from conformance.events.log import Event, EventLog
from conformance.runner import process_env
from conformance.runner.plugin import STDERR, Controller, RunOptions

SUITE_VERSION = "0.1.0"

OBSERVATIONS_VERSION = 1
"""Which fixed list of cases is observed: only observations of one version are compared."""

_FINISHED = (
    pytest.ExitCode.OK,
    pytest.ExitCode.TESTS_FAILED,
    pytest.ExitCode.NO_TESTS_COLLECTED,  # a shard may have no item
)


class RunError(Exception):
    """The suite could not run, in words for a person."""


def run(
    options: RunOptions,
    *,
    workers: int,
    log_path: Path,
    command: Sequence[str] = (),
    cache: bool = True,
    listeners: Sequence[Callable[[Event], None]] = (),
    watch: Callable[[Controller], Any] = lambda controller: None,
) -> list[Event]:
    """Run the chosen items in ``workers`` processes (0: in this one) and return the events.

    The log is written as the run goes; without a footer where it was interrupted. Raises `RunError`
    where the items cannot even be collected.
    """
    header = {
        "schema": 1,
        "suite": SUITE_VERSION,
        "profile": options.profile_name,
        "seed": options.seed,
        "shard": list(options.shard),
        "command": list(command),
        "cache_entries": process_env.cached_programs() if cache else 0,
    }
    if options.observe:
        header["observations"] = OBSERVATIONS_VERSION
    deadline = options.profile.deadline
    with tempfile.TemporaryDirectory(prefix="vmap-conformance-") as scratch:  # noqa: SIM117
        with _environment({**process_env.environment(cache=cache), STDERR: scratch}):
            log = EventLog(log_path, listeners=listeners)
            controller = Controller(log, header, deadline, Path(scratch))
            watch(controller)
            arguments = [
                str(resources.files(runner) / "suite.py"),
                f"-c={resources.files(runner) / 'pytest.ini'}",
                f"--vmap-conformance={json.dumps(attrs.asdict(options))}",
                *("-p", "conformance.runner.plugin", "-p", "xdist.plugin", "-p", "pytest_timeout"),
                *("-p", "no:terminal", "-p", "no:cacheprovider", "-p", "no:faulthandler"),
                # At the end it looks for garbage five times, in all of JAX.
                *("-p", "no:unraisableexception"),
                *("-n", str(workers), "--dist=worksteal", "--max-worker-restart=1000"),
                *(f"--timeout={deadline}", "--capture=sys"),
            ]
            try:
                code = pytest.main(arguments, plugins=[controller])
                finished = code in _FINISHED
            except BaseException:
                controller.close(complete=False)
                raise
            if controller.unwritable is not None:
                raise controller.unwritable
            controller.close(complete=finished)
    if controller.faults:
        raise RunError("the suite could not be collected:\n" + controller.faults[0])
    return log.events


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
