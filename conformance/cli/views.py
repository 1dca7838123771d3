"""Show a log: one environment as a run, several compared with the first; the files and the exit status."""

from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console

from conformance.events.log import Event, status
from conformance.reporting import junit, markdown, terminal
from conformance.upgrade.columns import Comparison, gather
from conformance.upgrade.render import markdown as comparison_markdown
from conformance.upgrade.render import terminal as comparison_terminal


def show(
    console: Console,
    events: Sequence[Event],
    *,
    files: dict[int, str] | None = None,
    junit_path: Path | None = None,
    markdown_path: Path | None = None,
    html_path: Path | None = None,
) -> int:
    """Show the events, write the views asked for, and return the exit status.

    ``files`` has the path of the script saved for a failure, by the failure's place in the log.
    """
    verdicts = [event for event in events if event["type"] == "verdict"]
    _show_verdicts(console, verdicts)
    if verdicts and all(event["type"] != "result" for event in events):
        return status(events)
    comparison = gather(events)
    single = len(comparison.columns) == 1
    if single:
        terminal.show(console, comparison.columns[0].summary, files)
    else:
        comparison_terminal.show(console, comparison)
    if junit_path is not None:
        write(junit_path, junit.render(*(column.summary for column in comparison.columns)))
    if markdown_path is not None:
        first = comparison.columns[0].summary
        write(
            markdown_path,
            markdown.render(first) if single else comparison_markdown.markdown(comparison),
        )
    if html_path is not None:
        write(html_path, _html(comparison))
    return status(events) if single else _status(comparison)


def write(path: Path, text: str) -> None:
    """Write a file. Raises click's exception, for status 3, where it cannot be."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror}") from None


def _show_verdicts(console: Console, verdicts: Sequence[Event]) -> None:
    for event in verdicts:
        why = event.get("diagnosis") or event.get("law") or ""
        line = f"{event['candidate']}: {event['exercise']}  {event['verdict']}  {why}".rstrip()
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def _html(comparison: Comparison) -> str:
    # Jinja is needed for nothing else.
    from conformance.reporting.html import page

    return page.render(comparison)


def _status(comparison: Comparison) -> int:
    """0 where nothing breaks, 1 where something does, 3 where an environment could not be built."""
    headers = [event for column in comparison.columns for event in column.events]
    if any(event.get("built") is False for event in headers):
        return 3
    if any(column.problem for column in comparison.columns):
        return 1
    return max((each.status for each in comparison.differences if each), default=0)
