"""Show a log: one environment as a run, several compared with the first; the files and the exit status."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs
import click

from conformance.events.completeness import status
from conformance.events.records import Header, Record, Result, Verdict
from conformance.reporting import junit, markdown, terminal
from conformance.reporting.console import Console
from conformance.reporting.html.runs import Run
from conformance.upgrade.columns import Comparison, gather
from conformance.upgrade.render import markdown as comparison_markdown
from conformance.upgrade.render import terminal as comparison_terminal


@attrs.frozen
class Files:
    """Where to write which view; None for those not asked for."""

    html: Path | None = None
    junit: Path | None = None
    markdown: Path | None = None

    def __bool__(self) -> bool:
        return any(attrs.astuple(self))


def show(
    console: Console,
    records: Sequence[Record],
    files: Files,
    *,
    verbosity: int = terminal.GROUPS,
    scripts: Mapping[str, str] | None = None,
    everything: bool = False,
) -> int:
    """Show the records, write the views asked for, and return the exit status.

    Args:
        console: Where to.
        records: Of one run, of its shards, of several environments, or verdicts.
        files: The views to write.
        verbosity: As `terminal.show` takes it.
        scripts: The path of the script saved for a failure, by the failure's `item_name`.
        everything: Whether to show every difference between environments.

    Raises:
        click.ClickException: A file cannot be written.
        click.UsageError: A view was asked for that the log has nothing for.
    """
    verdicts = [record for record in records if isinstance(record, Verdict)]
    _show_verdicts(console, verdicts)
    if verdicts and not any(isinstance(record, Result) for record in records):
        if files:
            raise click.UsageError("a log of verdicts has no --html, --junit or --markdown view")
        return status(records)
    comparison = gather(records)
    if len(comparison.columns) == 1:
        return _show_run(console, comparison, files, verbosity, scripts or {})
    return _show_comparison(console, comparison, files, everything)


def write(path: Path, text: str) -> None:
    """Write a file. Raises click's exception, for status 3, where it cannot be."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror}") from None


def _show_verdicts(console: Console, verdicts: Sequence[Verdict]) -> None:
    for verdict in verdicts:
        why = verdict.diagnosis or verdict.law or ""
        line = f"{verdict.candidate}: {verdict.exercise}  {verdict.verdict}  {why}".rstrip()
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def _show_run(
    console: Console,
    comparison: Comparison,
    files: Files,
    verbosity: int,
    scripts: Mapping[str, str],
) -> int:
    (column,) = comparison.columns
    terminal.show(console, column.summary, verbosity=verbosity, files=scripts)
    if files.junit is not None:
        write(files.junit, junit.render(column.summary))
    if files.markdown is not None:
        write(files.markdown, markdown.render(column.summary))
    if files.html is not None:
        # Jinja is needed for nothing else.
        from conformance.reporting.html import page

        write(files.html, page.render(Run(column.label, column.problem, column.summary)))
    return status(column.events)


def _show_comparison(
    console: Console, comparison: Comparison, files: Files, everything: bool
) -> int:
    comparison_terminal.show(console, comparison, everything=everything)
    if files.junit is not None:
        write(files.junit, junit.render(*(column.summary for column in comparison.columns)))
    if files.markdown is not None:
        write(files.markdown, comparison_markdown.markdown(comparison))
    if files.html is not None:
        from conformance.upgrade.html import page

        write(files.html, page.render(comparison))
    headers = [e for column in comparison.columns for e in column.events if isinstance(e, Header)]
    if any(header.built is False for header in headers):
        return 3
    if any(column.problem for column in comparison.columns):
        return 1
    return max((each.status for each in comparison.differences if each), default=0)
