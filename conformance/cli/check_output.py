"""What `check` prints and writes: verdicts as they come, the event log, and the marks."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import click
import msgspec

from conformance import __version__
from conformance.events import records
from conformance.events.writer import LogWriter, new_cell
from conformance.judge import feedback, marks
from conformance.judge.session import JudgeSession
from conformance.judge.verdict import Verdict
from conformance.runner.environment_info import environment

SHOWN_SKIPPED = 10


class CheckOutput:
    """Shows verdicts; on leaving it without an exception, their sum, the log's end and the marks.

    Args:
        log: where events are written, if anywhere.
        csv: where marks are written, if anywhere.
        workers: candidates judged at the same time.
        skipped: what was found in a directory and is not judged.
        verbose: say which law is violated.

    """

    def __init__(
        self,
        session: JudgeSession,
        log: Path | None,
        csv: Path | None,
        workers: int,
        skipped: tuple[str, ...],
        verbose: bool,
    ) -> None:
        self._session, self._csv, self._skipped, self._verbose = session, csv, skipped, verbose
        self._cell, self._started = new_cell(), time.perf_counter()
        self._verdicts: list[Verdict] = []
        self._log: LogWriter | None = None
        if log is not None:
            with _writing("log", log):
                self._log = LogWriter(log)
                self._log.write(_header(session, workers, self._cell))
        self._log_path = log

    def __enter__(self) -> CheckOutput:
        server, seed = self._session.server, self._session.options.seed
        click.echo(f"isolation: {server.level}")
        for lack in server.lacks:
            click.echo(f"  lacking: {feedback.one_line(lack)}")
        click.echo(f"seed: {seed}  (--seed {seed} draws the same calls again)")
        return self

    def show(self, verdict: Verdict) -> None:
        """Print one verdict and write it to the log."""
        self._verdicts.append(verdict)
        click.echo(feedback.text(verdict, verbose=self._verbose))
        if self._log is not None and self._log_path is not None:
            with _writing("log", self._log_path):
                self._log.write(feedback.record(verdict, self._cell))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if problem is not None:
            if self._log is not None:
                self._log.close()  # without its footer it says itself that it is incomplete
            return
        self._show_skipped()
        counts = Counter(verdict.verdict for verdict in self._verdicts)
        summary = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
        click.echo(f"{summary} in {time.perf_counter() - self._started:.1f} s")
        if self._log is not None and self._log_path is not None:
            with _writing("log", self._log_path):
                self._log.finish(self._cell)
        if self._csv is not None:
            with (
                _writing("file of marks", self._csv),
                self._csv.open("w", encoding="utf-8", newline="") as target,
            ):
                required = self._session.options.required
                marks.write_csv(target, self._verdicts, required, self._skipped)

    def _show_skipped(self) -> None:
        if not self._skipped:
            return
        files = "1 entry" if len(self._skipped) == 1 else f"{len(self._skipped)} entries"
        click.echo(f"not judged: {files}")
        for each in self._skipped[:SHOWN_SKIPPED]:
            click.echo(f"  {feedback.one_line(each)}")
        if len(self._skipped) > SHOWN_SKIPPED:
            click.echo("  ...")


@contextmanager
def _writing(what: str, path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        reason = problem.strerror or str(problem)
        raise click.ClickException(f"the {what} {path} cannot be written: {reason}") from None


def _header(session: JudgeSession, workers: int, cell: str) -> records.Header:
    fields: dict[str, Any] = {
        "type": "header",
        "cell": cell,
        "schema": records.SCHEMA,
        "suite": __version__,
        "environment": environment(),
        "profile": f"{session.options.examples} examples",
        "seed": session.options.seed,
        "shard": [1, 1],
        "command": ["check", *sys.argv[2:]],
        "isolation": session.server.level,
        "workers": workers,
    }
    header: records.Header = msgspec.convert(fields, records.Header)
    return header
