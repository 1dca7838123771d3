"""Show a log of verdicts, which `check` wrote: the same views as `check` has."""

import itertools
from collections import Counter
from collections.abc import Sequence

import click
from msgspec import UNSET, UnsetType

from conformance.cli.options import Views
from conformance.cli.verdict_views import VerdictFiles, check_writable, read_marks, write_files
from conformance.events.completeness import status
from conformance.events.counted import counted, student_of
from conformance.events.records import Header, Record, Verdict
from conformance.reporting import document, terminal
from conformance.reporting.console import Console
from conformance.reporting.verdicts import table, text
from conformance.reporting.verdicts.marks import mark


def show(
    console: Console, records: Sequence[Record], verdicts: Sequence[Verdict], views: Views
) -> int:
    """Show the verdicts, write the files asked for, and return the exit status.

    Args:
        console: where to.
        records: of the log.
        verdicts: those among them.
        views: how, and which files.

    Raises:
        click.ClickException: A file cannot be written.
        click.UsageError: A view was asked for that verdicts do not have, or the marks are malformed.

    """
    if views.markdown is not None:
        raise click.UsageError(
            "this is a log of verdicts, which has no --markdown: give --html, --csv or --junit"
        )
    if views.html is not None and views.html.exists() and not views.html.is_dir():
        raise click.UsageError(f"--html {views.html} is a file: verdicts need a directory")
    files = VerdictFiles(
        html=views.html,
        junit=views.junit,
        csv=views.csv,
        gradescope=views.gradescope,
        judged=tuple(dict.fromkeys(map(student_of, verdicts))),
    )
    check_writable(files)
    marking = read_marks(views.marks_file)
    code = status(records)
    headers = [record for record in records if isinstance(record, Header)]
    required = _all([header.required for header in headers])
    skipped = _all([header.skipped for header in headers])
    marked = mark(verdicts, marking, required)
    if views.json:
        found = document.Document(
            status=code,
            verdicts=list(verdicts),
            judging=_judging(headers, verdicts, skipped),
            marks=document.marks(marked),
        )
        click.echo(document.text(found), nl=False)
    else:
        lines = [*_lines(verdicts, views.verbosity), *text.not_judged(skipped)]
        for line in [*lines, *table.lines(marked, skipped)]:
            console.print(line, highlight=False, markup=False, soft_wrap=True)
    header = headers[0] if headers else None
    write_files(files, verdicts, marking=marking, header=header, required=required, skipped=skipped)
    return code


def _all(lists: Sequence[list[str] | UnsetType]) -> list[str]:
    """What the logs say, each thing once."""
    given = [each for each in lists if each is not UNSET]
    return list(dict.fromkeys(itertools.chain.from_iterable(given)))


def _judging(
    headers: Sequence[Header], verdicts: Sequence[Verdict], skipped: list[str]
) -> document.Judging | None:
    """How the candidates were judged; None where a log has no header that says so."""
    first = headers[0] if headers else None
    if first is None or first.isolation is UNSET:
        return None
    lacks = _all([verdict.lacks for verdict in verdicts])
    examples = first.profile.partition(" ")[0]
    return document.Judging(
        isolation=first.isolation,
        lacks=lacks,
        seed=first.seed,
        examples=int(examples) if examples.isdecimal() else 0,
        not_judged=skipped,
    )


def _lines(verdicts: Sequence[Verdict], verbosity: int) -> list[str]:
    if verbosity < terminal.GROUPS:
        counts = Counter(verdict.verdict for verdict in counted(verdicts))
        return [", ".join(f"{count} {name}" for name, count in sorted(counts.items()))]
    if verbosity > terminal.GROUPS:
        return [line for verdict in verdicts for line in text.lines(verdict, verbose=True)]
    return [
        f"{text.title(verdict)}  {verdict.verdict}  {_why(verdict)}".rstrip()
        for verdict in counted(verdicts)
    ]


def _why(verdict: Verdict) -> str:
    if verdict.diagnosis is not None:
        return text.one_line(verdict.diagnosis)
    return text.shortened(verdict.words or "")
