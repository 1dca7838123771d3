"""The pytest plugin of a run, in the processes that run items: options, environment, rules, deadline.

Workers attach what they find to their reports; the controller alone writes the log.
"""

import atexit
import faulthandler
import gc
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance.events.user_code import UserSubject
from conformance.runner.attachments import Attachment, Collected, save_collected
from conformance.runner.deadline import Deadline
from conformance.runner.run_options import RunOptions

OPTIONS: pytest.StashKey[RunOptions] = pytest.StashKey()
OWN: pytest.StashKey[dict[str, UserSubject]] = pytest.StashKey()
"""The user's subjects that the run chooses from."""
_DEADLINE = Deadline()
_IS_FIRST_DONE: pytest.StashKey[bool] = pytest.StashKey()
_REGISTERED: pytest.StashKey[list[str] | None] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The one option of a run."""
    parser.addoption("--vmap-conformance", default="{}", help="options of a run, as JSON")


def pytest_configure(config: pytest.Config) -> None:
    """Read the options; in a process that runs items, note from now on which batching rules run."""
    options = RunOptions.from_json(config.getoption("--vmap-conformance"))
    config.stash[OPTIONS] = options
    config.stash[OWN] = {}
    worker = getattr(config, "workerinput", None)
    if worker is not None and options.scratch is not None:
        _redirect_stderr(Path(options.scratch) / worker["workerid"])
    if _runs_items(config):
        # Before anything else is imported, which may register rules, and before anything is mapped.
        from conformance.runner import rule_coverage

        config.stash[_REGISTERED] = rule_coverage.instrument()


def _runs_items(config: pytest.Config) -> bool:
    """Whether this process is a worker, or the only one."""
    return hasattr(config, "workerinput") or config.getoption("dist", "no") == "no"


def _redirect_stderr(path: Path) -> None:
    """XLA and fault handlers write to the descriptor; what a dead worker wrote is kept there."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(descriptor, 2)
    os.close(descriptor)
    faulthandler.enable(2)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where there is nothing to choose from, pytest collects a test of nothing, to be skipped."""
    items[:] = [item for item in items if item.get_closest_marker("skip") is None]


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist tells the controller that it may read it
def pytest_collection_finish(session: pytest.Session) -> None:
    """Tell the controller which item each test runs: its names may not be read from the node id."""
    options = session.config.stash[OPTIONS]
    if options.scratch is None or not _runs_items(session.config):
        return
    items, groups = {}, {}
    for test in session.items:
        assert isinstance(test, pytest.Function)
        params: dict[str, Any] = dict(test.callspec.params)
        if "item" in params:
            items[test.nodeid] = params["item"].started(options.cell)
        elif "group" in params:
            groups[test.nodeid] = params["group"].name
    save_collected(Collected(items=items, groups=groups), Path(options.scratch))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """The first item of each process also attaches what environment it runs in."""
    if _IS_FIRST_DONE in item.session.stash:
        return
    from conformance.runner import environment_info

    item.session.stash[_IS_FIRST_DONE] = True
    gc.freeze()  # a twentieth of a run went into looking for garbage in all of JAX
    gc.set_threshold(400_000, 20, 100)
    if hasattr(item.config, "workerinput"):
        # JAX's own handler frees every program, a millisecond each, while the controller waits.
        atexit.register(os._exit, 0)  # of the handlers, the last registered is the first called
    Attachment(
        environment=environment_info.environment(),
        subjects=item.config.stash[OWN],
        registered_rules=item.config.stash.get(_REGISTERED, None),
    ).attach(item)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Attach the names of the batching rules that the item is the first to exercise here."""
    from conformance.runner import rule_coverage

    before = set(rule_coverage.COVERED_RULES)
    yield
    Attachment(covered_rules=sorted(rule_coverage.COVERED_RULES - before)).attach(item)


@pytest.hookimpl(tryfirst=True, optionalhook=True)
def pytest_timeout_set_timer(item: pytest.Item, settings: Any) -> bool:
    """End the process at the deadline, its stacks in its last words.

    What pytest-timeout does by itself needs a terminal reporter, and the interpreter's lock; and it counts
    the seconds of the clock, of which a slow or busy machine needs more.
    """
    _DEADLINE.start(settings.timeout)
    item.cancel_timeout = _DEADLINE.cancel  # type: ignore[attr-defined]  # pytest-timeout's own attribute
    return True
