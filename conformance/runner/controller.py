"""The controller of a run: turns pytest's reports into records, and is the only one that writes the log."""

import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec
import pytest

from conformance.events.details import Casualty
from conformance.events.records import (
    BatchingRules,
    Coverage,
    Environment,
    Header,
    Observation,
    Record,
    Result,
    Started,
)
from conformance.events.user_code import UserSubject
from conformance.events.writer import LogWriter
from conformance.runner.attachments import Attachment, Collected, attached, load_collected
from conformance.runner.deadline import HEADER, PATIENCE

_STACKS = ("Fatal Python error", HEADER)
_PHASES = ("setup", "call", "teardown")
_LAST_LINES = 16
_FAILED_STARTS = 8
"""More workers than this that end as they start end the run."""


class Controller:
    """A pytest plugin of the controlling process only.

    A worker that dies leaves the name of its item in the `started` event before it.
    """

    def __init__(self, log: LogWriter, header: Header, deadline: float, scratch: Path) -> None:
        self.log = log
        self.total: int | None = None
        """How many items the run has, once that is known."""
        self.collection_errors: list[str] = []
        self.internal_error: BaseException | None = None
        """What the suite itself, or pytest, failed with."""
        self.unwritable: OSError | None = None
        """Why the disk took no more; the run ends there."""
        self._header = header
        self._is_open = False
        self._waiting: list[Record] = []
        self._deadline = deadline
        self._scratch = scratch
        self._collected = Collected(items={}, groups={})
        self._began: dict[str, float] = {}
        self._registered: list[str] | None = None
        self._covered: set[str] = set()
        self._ready: set[str] = set()
        self._failed_starts = 0

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodeready(self, node: Any) -> None:
        """A worker started."""
        self._ready.add(node.gateway.id)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """A worker ended. Ends the run where one after another does as it starts: they would for ever."""
        if not error or node.gateway.id in self._ready:
            return
        self._failed_starts += 1
        if self._failed_starts > _FAILED_STARTS and self.internal_error is None:
            last = str(error).strip().splitlines()[-1]
            self.internal_error = RuntimeError(f"no worker starts: {last}")
            pytest.exit("no worker starts")

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any, ids: list[str]) -> None:
        """A worker knows its items."""
        self.total = len(ids)
        self._collected = load_collected(self._scratch)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Without workers, this process knows its items."""
        if session.items:
            self.total = len(session.items)
            self._collected = load_collected(self._scratch)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Keep why the items cannot be collected."""
        if report.failed:
            self.collection_errors.append(str(report.longrepr))

    def pytest_internalerror(self, excinfo: pytest.ExceptionInfo[BaseException]) -> bool:
        """Keep what pytest, a worker's pytest, or a hook of the suite failed with first.

        Returns that it is dealt with: pytest would print a traceback.
        """
        if self.unwritable is None and self.internal_error is None:
            self.internal_error = excinfo.value
        return True

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """An item begins."""
        self._began[nodeid] = time.monotonic()
        if nodeid in self._collected.items:
            self._write(self._collected.items[nodeid])

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """An item's phase ended, or its worker died."""
        attachments = attached(report.user_properties)
        for attachment in attachments:
            if attachment.environment is not None:
                self._open(attachment.environment, attachment.subjects)
        if report.when == "call":
            self._note_rules(attachments)
        records = [record for attachment in attachments for record in attachment.records]
        started = self._collected.items.get(report.nodeid)
        group = self._collected.groups.get(report.nodeid)
        if report.when == "call" and records:
            if started is None:
                results = sum(len(attachment.results) for attachment in attachments)
                self.total = (self.total or 1) + results - 1
            for record in records:
                self._write(record)
        elif report.failed and group is not None:
            _, casualty = self._casualty(report)
            lost = {"crashed": msgspec.to_builtins(casualty)}
            self._write(Observation(cell=self._header.cell, key=group, value=lost))
        elif report.failed and started is not None:
            self._write(self._lost(started, report))
        elif report.failed:
            self.collection_errors.append(str(report.longrepr))

    def _note_rules(self, attachments: list[Attachment]) -> None:
        for attachment in attachments:
            self._registered = attachment.registered_rules or self._registered
            self._covered.update(attachment.covered_rules)

    def _lost(self, started: Started, report: pytest.TestReport) -> Result:
        """The result of an item that left none."""
        timed_out, casualty = self._casualty(report)
        seconds = time.monotonic() - self._began.get(report.nodeid, time.monotonic())
        return Result(
            cell=started.cell,
            law=started.law,
            transform=started.transform,
            subject=started.subject,
            defect=started.defect,
            outcome="timed-out" if timed_out else "crashed",
            examples=0,
            seconds=round(seconds, 3),
            compilations=0,
            detail=casualty,
        )

    def _casualty(self, report: pytest.TestReport) -> tuple[bool, Casualty]:
        """Whether time ran out, and why there is no result: its worker died, or the suite is at fault."""
        if report.when in _PHASES:
            lines = str(report.longrepr).strip().splitlines() or ["no message"]
            return False, Casualty(reason=lines[-1] or "no message", output="\n".join(lines[-12:]))
        seconds = time.monotonic() - self._began.get(report.nodeid, time.monotonic())
        output = self._last_words(report)
        if HEADER in output or seconds >= PATIENCE * self._deadline:
            reason = (
                f"no result within {self._deadline:g} s of computing, "
                f"or {PATIENCE * self._deadline:g} s in all"
            )
            return True, Casualty(reason=reason, output=output)
        return False, Casualty(reason="the process that ran it died", output=output)

    def _last_words(self, report: pytest.TestReport) -> str:
        """What a dead worker wrote to stderr last."""
        node = getattr(report, "node", None)
        path = self._scratch / node.gateway.id if node is not None else None
        if path is None or not path.exists():
            return ""
        lines = path.read_text(errors="replace").splitlines()
        # The stacks of a dead process begin with the innermost frame; the rest is pytest's.
        stacks = [i for i, line in enumerate(lines) if any(words in line for words in _STACKS)]
        first = max(0, stacks[-1] - 4 if stacks else len(lines) - _LAST_LINES)
        return "\n".join(lines[first:][:_LAST_LINES])

    def _open(
        self, environment: Environment, subjects: Mapping[str, UserSubject] = MappingProxyType({})
    ) -> None:
        """Write the header, as soon as a process can say what its environment is."""
        if self._is_open:
            return
        self._is_open = True
        self._header = msgspec.structs.replace(
            self._header, environment=environment, subjects=dict(subjects) or msgspec.UNSET
        )
        for record in (self._header, *self._waiting):
            self._write(record)

    def _write(self, record: Record) -> None:
        """Write a record, or keep it until there is a header. Ends the run where the disk is full."""
        if not self._is_open:
            self._waiting.append(record)
            return
        try:
            self.log.write(record)
        except OSError as error:
            self.unwritable = error
            pytest.exit("the log cannot be written")

    def close(self, complete: bool) -> None:
        """Write what waits, and the footer of a complete run. Raises OSError where that is not possible."""
        try:
            # Without any item, no process said more than the header has: the versions.
            self._open(self._header.environment)
            if self._registered is not None:
                rules = coverage(self._registered, self._covered)
                self._write(Coverage(cell=self._header.cell, batching_rules=rules))
        except pytest.exit.Exception:
            assert self.unwritable is not None
            raise self.unwritable from None
        if complete:
            self.log.finish(self._header.cell)
        self.log.close()


def coverage(registered: list[str], covered: set[str]) -> BatchingRules:
    """What of the table of batching rules ran; rules that later imports added stand apart."""
    from properties.unreachable_rules import UNREACHABLE_RULES

    known = set(registered)
    exempt = {name: why for name, why in UNREACHABLE_RULES.items() if name in known - covered}
    return BatchingRules(
        registered=len(registered),
        exempt=exempt,
        exercised=sorted(covered & known),
        missing=sorted(known - covered - set(exempt)),
        later=sorted(covered - known),
    )
