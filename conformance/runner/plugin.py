"""The pytest plugin behind ``vmap-conformance run``: options, events, and what becomes of workers.

Workers run items and attach the result to their report; only the controller writes the log. A worker
that dies leaves the name of its item in the ``started`` event before it.
"""

import faulthandler
import gc
import json
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import attrs
import pytest

from conformance.events.log import EventLog, encode
from properties.profile import PROFILES, Profile

_SAID: pytest.StashKey[bool] = pytest.StashKey()

_REGISTERED: pytest.StashKey[list[str] | None] = pytest.StashKey()

RESULT = "vmap-conformance-result"
NOT_SAMPLED = "vmap-conformance-not-sampled"
OBSERVATIONS = "vmap-conformance-observations"
ENVIRONMENT = "vmap-conformance-environment"
REGISTERED = "vmap-conformance-registered-rules"
COVERED_RULES = "vmap-conformance-exercised-rules"
STDERR = "VMAP_CONFORMANCE_STDERR"
_HELD = "::test_holds["
_RAN_OUT = "Timeout ("
_STACKS = ("Fatal Python error", _RAN_OUT)


def _pair(numbers: Iterable[int]) -> tuple[int, int]:
    part, parts = numbers
    return part, parts


def _tuple(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(names)


@attrs.frozen
class RunOptions:
    """What a run was asked for; travels to the workers as JSON in one pytest option."""

    profile_name: str = "quick"
    seed: int = 0
    laws: tuple[str, ...] = attrs.field(default=(), converter=_tuple)
    transforms: tuple[str, ...] = attrs.field(default=(), converter=_tuple)
    subjects: tuple[str, ...] = attrs.field(default=(), converter=_tuple)
    database_directory: str | None = None
    plan: str | None = None
    """Replay the calls of this file instead of drawing any."""
    shard: tuple[int, int] = attrs.field(default=(1, 1), converter=_pair)
    observe: tuple[str, ...] = attrs.field(default=(), converter=_tuple)
    """Record these groups of observations, too; globs."""
    own: tuple[str, ...] = attrs.field(default=(), converter=_tuple)
    """Modules that list subjects of the user's own."""

    KEY: ClassVar[pytest.StashKey["RunOptions"]] = pytest.StashKey()

    @property
    def profile(self) -> Profile:
        return PROFILES[self.profile_name].asked(self.seed, self.laws, self.subjects)

    def database(self) -> Any:
        """Where thorough runs keep what failed; None for the others."""
        if self.database_directory is None:
            return None
        from hypothesis.database import DirectoryBasedExampleDatabase

        return DirectoryBasedExampleDatabase(self.database_directory)


def encoded(fields: dict[str, Any]) -> str:
    return json.dumps(encode(fields), allow_nan=False)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--vmap-conformance", default="{}", help="options of a run, as JSON")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[RunOptions.KEY] = RunOptions(**json.loads(config.getoption("--vmap-conformance")))
    worker = getattr(config, "workerinput", None)
    if worker is not None and STDERR in os.environ:
        _redirect_stderr(Path(os.environ[STDERR]) / worker["workerid"])
    if worker is not None or not config.getoption("numprocesses", 0):
        # Before anything else is imported, which may register rules, and before anything is mapped.
        from conformance.runner import rule_table

        config.stash[_REGISTERED] = rule_table.instrument()


def _redirect_stderr(path: Path) -> None:
    """XLA and fault handlers write to the descriptor; what a dead worker said is kept there."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(descriptor, 2)
    os.close(descriptor)
    faulthandler.enable(2)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where there is nothing to choose from, pytest collects a test of nothing, to be skipped."""
    items[:] = [item for item in items if item.get_closest_marker("skip") is None]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """The first item of each process also says what environment it runs in."""
    if _SAID not in item.session.stash:
        from conformance.runner import environment_info

        item.session.stash[_SAID] = True
        gc.freeze()  # a twentieth of a run went into looking for garbage in all of JAX
        gc.set_threshold(400_000, 20, 100)
        item.user_properties.append((ENVIRONMENT, encoded(environment_info.environment())))
        registered = item.config.stash.get(_REGISTERED, None)
        item.user_properties.append((REGISTERED, json.dumps(registered)))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Attach the names of the batching rules that the item is the first to exercise here."""
    from conformance.runner import rule_table

    before = set(rule_table.COVERED_RULES)
    yield
    new = sorted(rule_table.COVERED_RULES - before)
    item.user_properties.append((COVERED_RULES, json.dumps(new)))


@pytest.hookimpl(tryfirst=True, optionalhook=True)
def pytest_timeout_set_timer(item: pytest.Item, settings: Any) -> bool:
    """End the process at the deadline, its stacks in its last words.

    pytest-timeout's own way needs a terminal reporter, and the interpreter's lock.
    """
    faulthandler.dump_traceback_later(settings.timeout, exit=True, file=2)
    item.cancel_timeout = faulthandler.cancel_dump_traceback_later  # type: ignore[attr-defined]
    return True


class Controller:
    """Turns pytest's reports into events. Registered in the controlling process only."""

    def __init__(
        self, log: EventLog, header: dict[str, Any], deadline: float, stderr: Path | None
    ) -> None:
        self.log = log
        self.total: int | None = None
        self._header: dict[str, Any] | None = header
        self._waiting: list[dict[str, Any]] = []
        self._deadline = deadline
        self._stderr = stderr
        self._started: dict[str, float] = {}
        self.faults: list[str] = []
        self._registered: list[str] | None = None
        self._exercised: set[str] = set()
        self.unwritable: OSError | None = None
        """What the disk said when it took no more; the run ends there."""

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any, ids: list[str]) -> None:
        self.total = len(ids)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.total = len(session.items) or self.total

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.faults.append(str(report.longrepr))

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._started[nodeid] = time.monotonic()
        if _HELD in nodeid:
            self._write("started", names(nodeid))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        properties: dict[str, Any] = dict(report.user_properties)
        if self._header is not None and ENVIRONMENT in properties:
            self._open(json.loads(properties[ENVIRONMENT]))
        if report.when == "call":
            self._registered = json.loads(properties.get(REGISTERED, "null")) or self._registered
            self._exercised.update(json.loads(properties.get(COVERED_RULES, "[]")))
        if report.when == "call" and OBSERVATIONS in properties:
            for key, value in json.loads(properties[OBSERVATIONS]).items():
                self._write("observation", {"key": key, "value": value})
        elif report.failed and observes(report.nodeid):
            crashed = {"crashed": self._casualty(report)["detail"]}
            self._write("observation", {"key": observes(report.nodeid), "value": crashed})
        elif report.when == "call" and NOT_SAMPLED in properties:
            results = json.loads(properties[NOT_SAMPLED])
            self.total = (self.total or 1) + len(results) - 1
            for result in results:
                self._write("result", result)
        elif report.when == "call" and RESULT in properties:
            self._write("result", names(report.nodeid) | json.loads(properties[RESULT]))
        elif report.failed and _HELD in report.nodeid:
            self._write("result", names(report.nodeid) | self._casualty(report))
        elif report.failed:
            self.faults.append(str(report.longrepr))

    def _casualty(self, report: pytest.TestReport) -> dict[str, Any]:
        """The result of an item that left none: its worker died, or the suite itself is at fault."""
        seconds = time.monotonic() - self._started.get(report.nodeid, time.monotonic())
        died = report.when not in ("setup", "call", "teardown")
        said = self._last_words(report) if died else ""
        # The worker's own clock ran out, be it that its start was heard of late.
        late = died and (seconds >= self._deadline or _RAN_OUT in said)
        words = str(report.longrepr).strip().splitlines()
        return {
            "outcome": "timed-out" if late else "crashed",
            "examples": 0,
            "seconds": round(seconds, 3),
            "compilations": 0,
            "detail": {
                "reason": f"no result within {self._deadline:g} s"
                if late
                else "the process that ran it died"
                if died
                else words[-1],
                "output": said if died else "\n".join(words[-12:]),
            },
        }

    def _last_words(self, report: pytest.TestReport) -> str:
        node = getattr(report, "node", None)
        path = self._stderr / node.gateway.id if self._stderr and node is not None else None
        if path is None or not path.exists():
            return ""
        lines = path.read_text(errors="replace").splitlines()
        # The stacks of a dead process begin with the innermost frame; the rest is pytest's.
        stacks = [i for i, line in enumerate(lines) if any(said in line for said in _STACKS)]
        first = max(0, stacks[-1] - 4 if stacks else len(lines) - 16)
        return "\n".join(lines[first:][:16])

    def _open(self, environment: dict[str, Any]) -> None:
        """Write the header, as soon as a process can say what its environment is."""
        header, self._header = self._header, None
        assert header is not None
        self._event(**(header | {"type": "header", "environment": environment}))
        for fields in self._waiting:
            self._event(**fields)

    def _write(self, type: str, fields: dict[str, Any]) -> None:
        if self._header is None:
            self._event(type, **fields)
        else:
            self._waiting.append({"type": type, **fields})

    def _event(self, type: str, **fields: Any) -> None:
        try:
            self.log.write(type, **fields)
        except OSError as error:
            self.unwritable = error
            pytest.exit("the log cannot be written")

    def close(self, complete: bool) -> None:
        """Write what waits, and the footer of a complete run."""
        try:
            if self._header is not None:
                from conformance.runner import environment_info

                self._open(dict(environment_info.versions()))
            if self._registered is not None:
                self._event("coverage", batching_rules=covered(self._registered, self._exercised))
        except pytest.exit.Exception:
            assert self.unwritable is not None
            raise self.unwritable from None
        if complete:
            self.log.finish()
        self.log.close()


def covered(registered: list[str], exercised: set[str]) -> dict[str, Any]:
    """What of the table of batching rules was exercised; what later imports added stands apart."""
    from properties.unreachable_rules import UNREACHABLE_RULES

    exempt = {
        name: why for name, why in UNREACHABLE_RULES.items() if name in set(registered) - exercised
    }
    return {
        "registered": len(registered),
        "exempt": exempt,
        "exercised": sorted(exercised & set(registered)),
        "missing": sorted(set(registered) - exercised - set(exempt)),
        "later": sorted(exercised - set(registered)),
    }


def observes(nodeid: str) -> str | None:
    """The group of observations that an item records; None where it holds something to a law."""
    return nodeid[nodeid.index("[") + 1 : -1] if "::test_observes[" in nodeid else None


def names(id: str) -> dict[str, str]:
    """The law, transform, subject (and defect) that an item's id, or its test's, holds."""
    parts = id[id.find("[") + 1 :].removesuffix("]").split("|")
    return dict(zip(("law", "transform", "subject", "defect"), parts, strict=False))
