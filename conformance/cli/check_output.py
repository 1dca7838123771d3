"""What `check` prints and writes: verdicts as they come, the event log, and the marks."""

from __future__ import annotations

import itertools
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import attrs
import click
import msgspec

from conformance import __version__
from conformance.cli.errors import VIOLATED
from conformance.cli.output_files import writing
from conformance.cli.verdict_views import VerdictFiles, write_files
from conformance.events import records
from conformance.events.counted import counted, student_of
from conformance.events.writer import LogWriter, new_cell
from conformance.judge import feedback
from conformance.judge.session import JudgeSession
from conformance.judge.verdict import CONFORMS, Verdict
from conformance.reporting import document
from conformance.reporting.verdicts import table, text
from conformance.reporting.verdicts.marking import Marking
from conformance.reporting.verdicts.marks import mark
from conformance.runner.environment_info import environment

if TYPE_CHECKING:
    from typing_extensions import Self

    from conformance.judge.submissions import Found


class CheckOutput:
    """Shows verdicts; on leaving it without an exception, their sum, the log's end and the marks.

    Args:
        log: where events are written, if anywhere.
        files: what else is written at the end.
        marking: what a teacher states of points, if anything.
        workers: candidates judged at the same time.
        skipped: what was found in a directory and is not judged.
        verbosity: -1 prints the sum alone; 1 says which law is violated, too.

    """

    def __init__(
        self,
        session: JudgeSession,
        log: Path | None,
        files: VerdictFiles,
        marking: Marking | None,
        workers: int,
        skipped: tuple[str, ...],
        verbosity: int,
    ) -> None:
        self._session, self._files, self._marking = session, files, marking
        self._skipped, self._verbosity = skipped, verbosity
        self._cell, self._started = new_cell(), time.monotonic()
        self._header = _header(session, workers, skipped, self._cell)
        self._verdicts: list[records.Verdict] = []
        self._log: LogWriter | None = None
        self._log_path = log
        self._open_log()

    def _open_log(self) -> None:
        if self._log_path is not None:
            with writing(self._log_path, "log"):
                self._log = LogWriter(self._log_path, began=self._started)
                self._log.write(self._header)

    def __enter__(self) -> Self:
        self._begin()
        return self

    def show(self, verdicts: Sequence[Verdict]) -> None:
        """Print what counts of a student's verdicts, and write all of them to the log.

        Args:
            verdicts: those on all files of the student.

        """
        shown = [feedback.shown(verdict) for verdict in verdicts]
        self._verdicts += shown
        counting = {id(each) for each in counted(shown)}
        for verdict, view in zip(verdicts, shown, strict=True):
            if self._verbosity > 0 or id(view) in counting:
                self._print(verdict)
        sys.stdout.flush()
        if self._log is not None and self._log_path is not None:
            with writing(self._log_path, "log"):
                for verdict in verdicts:
                    self._log.write(feedback.record(verdict, self._cell))

    @property
    def conforming(self) -> bool:
        """Whether all that counts of what was shown conforms."""
        return all(verdict.verdict == CONFORMS for verdict in counted(self._verdicts))

    def _begin(self) -> None:
        if self._verbosity < 0:
            return
        server, seed = self._session.server, self._session.options.seed
        click.echo(f"isolation: {server.level}")
        for lack in server.lacks:
            click.echo(f"  lacking: {feedback.one_line(lack)}")
        click.echo(f"seed: {seed}  (--seed {seed} draws the same calls again)")

    def _print(self, verdict: Verdict) -> None:
        if self._verbosity >= 0:
            click.echo(feedback.text(verdict, verbose=self._verbosity > 0))

    def _end(self) -> None:
        counts = Counter(verdict.verdict for verdict in counted(self._verdicts))
        summary = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
        summary = f"{summary or 'nothing judged'} in {time.monotonic() - self._started:.1f} s"
        if self._verbosity < 0:
            click.echo(summary)
            return
        for line in text.not_judged(self._skipped):
            click.echo(line)
        required = self._session.options.required
        for line in table.lines(mark(self._verdicts, self._marking, required), self._skipped):
            click.echo(line)
        click.echo(summary)
        if meanings := text.meanings(counts):
            click.echo(meanings)
        students = {student_of(verdict) for verdict in self._verdicts}
        if len(students) > 1 and not self._files.named():
            click.echo("a table of marks: --csv FILE    a page for each student: --html DIR")

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
        self._end()
        self._write()

    def _write(self) -> None:
        """Write the log's end and the files with views."""
        if self._log is not None and self._log_path is not None:
            with writing(self._log_path, "log"):
                self._log.finish(self._cell)
        write_files(
            self._files,
            self._verdicts,
            marking=self._marking,
            header=self._header,
            required=self._session.options.required,
            skipped=self._skipped,
        )


class WatchOutput(CheckOutput):
    """Shows the verdicts of each file as it is judged, and writes the log and the views whole.

    The verdicts of a file that is judged again take the place of its former ones.
    """

    def _open_log(self) -> None:
        self._judged: dict[Path, list[Verdict]] = {}
        self._found: Found | None = None

    def show_file(self, path: Path, verdicts: list[Verdict]) -> None:
        """Print a file's verdicts; it may have been judged before."""
        self._judged[path] = verdicts
        for verdict in verdicts:
            self._print(verdict)
        sys.stdout.flush()

    def see(self, found: Found) -> bool:
        """Forget the verdicts of files that are gone. Whether there were any.

        Args:
            found: what lies in the directories now.

        """
        self._found = found
        gone = self._judged.keys() - set(found.candidates)
        for path in gone:
            del self._judged[path]
        return bool(gone)

    def write(self) -> None:
        """Write the log and the views anew, each whole."""
        self._write()

    @property
    def conforming(self) -> bool:
        """Whether every student's files conform, as they were last judged."""
        every = itertools.chain.from_iterable(self._judged.values())
        shown = counted(feedback.shown(verdict) for verdict in every)
        return all(verdict.verdict == CONFORMS for verdict in shown)

    def _write(self) -> None:
        if self._found is None:  # nothing was looked at: what a run before has written stays
            return
        # A student who is there has a page already, or gets one: it is not removed meanwhile.
        students = dict.fromkeys(map(str, self._found.students.values()))
        self._files = attrs.evolve(self._files, present=tuple(students))
        self._skipped = self._found.skipped
        every = [each for path in sorted(self._judged) for each in self._judged[path]]
        self._verdicts = [feedback.shown(verdict) for verdict in every]
        self._header = msgspec.structs.replace(
            self._header, skipped=[feedback.one_line(each) for each in self._skipped]
        )
        super()._open_log()
        if self._log is not None and self._log_path is not None:
            with writing(self._log_path, "log"):
                for verdict in every:
                    self._log.write(feedback.record(verdict, self._cell))
        super()._write()


class JsonOutput(CheckOutput):
    """Prints one JSON document when all are judged: `--format json`."""

    def _begin(self) -> None:
        self._events: list[records.Verdict] = []

    def _print(self, verdict: Verdict) -> None:
        self._events.append(feedback.record(verdict, self._cell))

    def _end(self) -> None:
        server, options = self._session.server, self._session.options
        judging = document.Judging(
            isolation=server.level,
            lacks=[feedback.one_line(lack) for lack in server.lacks],
            seed=options.seed,
            examples=options.examples,
            not_judged=[feedback.one_line(each) for each in self._skipped],
        )
        found = document.Document(
            status=0 if self.conforming else VIOLATED,
            log=None if self._log_path is None else str(self._log_path),
            verdicts=self._events,
            judging=judging,
            marks=document.marks(mark(self._verdicts, self._marking, options.required)),
        )
        click.echo(document.text(found), nl=False)


def output_of(format: str) -> type[CheckOutput]:
    """What prints in the format, `text`, `json` or `watch`."""
    if format == "watch":
        return WatchOutput
    return JsonOutput if format == "json" else CheckOutput


def _header(
    session: JudgeSession, workers: int, skipped: tuple[str, ...], cell: str
) -> records.Header:
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
        "required": list(session.options.required),
        "skipped": [feedback.one_line(each) for each in skipped],
        "workers": workers,
    }
    header: records.Header = msgspec.convert(fields, records.Header)
    return header
