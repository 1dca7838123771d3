"""Show a log: one environment as a run, several compared with the first; the files and the exit status."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs
import click

from conformance.cli import verdict_log
from conformance.cli.errors import NOT_RUN, VIOLATED
from conformance.cli.options import Views
from conformance.cli.output_files import write
from conformance.events.completeness import status
from conformance.events.records import Record, Result, Verdict
from conformance.reporting import document, github, junit, markdown, terminal
from conformance.reporting.console import Console
from conformance.reporting.faults import group_by_cause
from conformance.reporting.html.runs import Run
from conformance.upgrade.columns import Comparison, gather
from conformance.upgrade.render import as_json
from conformance.upgrade.render import github as comparison_github
from conformance.upgrade.render import markdown as comparison_markdown
from conformance.upgrade.render import terminal as comparison_terminal
from conformance.upgrade.status import status as comparison_status


def show(
    console: Console,
    records: Sequence[Record],
    views: Views,
    *,
    log: Path | None = None,
    scripts: Mapping[str, str] | None = None,
    whole: bool = True,
) -> int:
    """Show the records, write the files asked for, and return the exit status.

    Args:
        console: Where to.
        records: Of one run, of its shards, of several environments, or verdicts.
        views: How, and which files.
        log: Where the records are kept, to be named at the end.
        scripts: The path of the script saved for a failure, by the failure's `item_name`.
        whole: Shards that are missing make the status 3.

    Raises:
        click.ClickException: A file cannot be written.
        click.UsageError: A view was asked for that the log has nothing for.

    """
    verdicts = [record for record in records if isinstance(record, Verdict)]
    if verdicts and not any(isinstance(record, Result) for record in records):
        return verdict_log.show(console, records, verdicts, views)
    _refuse_what_only_verdicts_have(views)
    comparison = gather(records)
    single = len(comparison.columns) == 1
    if not single and views.verbosity < terminal.GROUPS:
        raise click.UsageError("-q is for the log of one environment, these are several")
    code = status(records) if single else comparison_status(comparison, yours=views.yours)
    if whole:
        comparison = _of_whole_runs(comparison)
        code = _with_shards(comparison, code)
    _write_files(comparison, views, single)
    if github.is_wanted():
        _annotate(comparison, single)
    if views.json:
        click.echo(_document(comparison, code, log, scripts or {}, verdicts), nl=False)
        return code
    if single:
        summary = comparison.columns[0].summary
        terminal.show(console, summary, verbosity=views.verbosity, files=scripts, page=views.html)
    else:
        everything = views.verbosity > terminal.GROUPS
        comparison_terminal.show(console, comparison, everything=everything, yours=views.yours)
    if log is not None and views.verbosity > terminal.QUIET:
        console.print(f"log: {log}", highlight=False, markup=False, soft_wrap=True)
    return code


def _refuse_what_only_verdicts_have(views: Views) -> None:
    if views.of_verdicts:
        raise click.UsageError("--csv, --gradescope and --marks are for a log that `check` wrote")
    if views.html is not None and views.html.is_dir():
        raise click.UsageError(f"--html {views.html} is a directory: give a file")


def _write_files(comparison: Comparison, views: Views, single: bool) -> None:
    first = comparison.columns[0]
    if views.junit is not None:
        write(views.junit, junit.render(*(column.summary for column in comparison.columns)))
    if views.markdown is not None:
        one = markdown.render(first.summary) if single else None
        write(views.markdown, one or comparison_markdown.markdown(comparison))
    if views.html is None:
        return
    # Jinja is needed for nothing else.
    if single:
        from conformance.reporting.html import page

        write(views.html, page.render(Run(first.label, first.problem, first.summary)))
    else:
        from conformance.upgrade.html import page as comparison_page

        write(views.html, comparison_page.render(comparison))


def _annotate(comparison: Comparison, single: bool) -> None:
    """Print annotations on stderr, which leaves a JSON document whole; GitHub reads both streams."""
    if single:
        found = github.of_faults(group_by_cause(comparison.columns[0].summary.failures))
    else:
        found = comparison_github.annotations(comparison)
    for command in github.commands(found):
        click.echo(command, err=True)


def _document(
    comparison: Comparison,
    code: int,
    log: Path | None,
    scripts: Mapping[str, str],
    verdicts: Sequence[Verdict],
) -> str:
    return document.text(
        document.Document(
            status=code,
            log=None if log is None else str(log),
            runs=[
                document.run(column.label, column.summary, problem=column.problem, scripts=scripts)
                for column in comparison.columns
            ],
            comparisons=as_json.comparisons(comparison),
            verdicts=list(verdicts),
        )
    )


def _of_whole_runs(comparison: Comparison) -> Comparison:
    """The same, in which every view tells of the shards that are missing."""
    columns = [
        attrs.evolve(
            each, summary=attrs.evolve(each.summary, lacking=tuple(each.summary.missing_shards))
        )
        for each in comparison.columns
    ]
    return attrs.evolve(comparison, columns=tuple(columns))


def _with_shards(comparison: Comparison, code: int) -> int:
    """The status, 3 in place of 0 where a run's shards are not all there; they are named on stderr."""
    missing = [(c.label, c.summary.missing_shards) for c in comparison.columns]
    for label, shards in missing:
        if shards:
            several = len(shards) > 1
            named = f"shard{'s' * several} {', '.join(shards)} {'are' if several else 'is'} missing"
            logs = "their logs" if several else "its log"
            click.echo(f"Error: {label}: {named}: give {logs}, too", err=True)
    return NOT_RUN if code != VIOLATED and any(shards for _, shards in missing) else code
