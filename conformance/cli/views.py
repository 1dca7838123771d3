"""Tell what a log says: on the terminal, in files, and by the exit status."""

from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console

from conformance.events.log import Event, status
from conformance.reporting import junit, markdown, terminal
from conformance.upgrade.columns import Comparison, gather
from conformance.upgrade.render import markdown as compared


def tell(
    console: Console,
    events: Sequence[Event],
    *,
    files: dict[int, str] | None = None,
    junit_path: Path | None = None,
    markdown_path: Path | None = None,
    html_path: Path | None = None,
) -> int:
    """Show the events, write the views asked for, and return the exit status.

    One environment is shown as a run, several are compared with the first.
    """
    verdicts = [event for event in events if event["type"] == "verdict"]
    for event in verdicts:
        why = event.get("diagnosis") or event.get("law") or ""
        line = f"{event['candidate']}: {event['exercise']}  {event['verdict']}  {why}".rstrip()
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    if verdicts and all(event["type"] != "result" for event in events):
        return status(events)
    comparison = gather(events)
    single = len(comparison.columns) == 1
    if single:
        terminal.show(console, comparison.columns[0].summary, files)
    else:
        compared.show(console, comparison)
    for path, render in (
        (junit_path, lambda: junit.render(*(column.summary for column in comparison.columns))),
        (
            markdown_path,
            lambda: (
                markdown.render(comparison.columns[0].summary)
                if single
                else compared.markdown(comparison)
            ),
        ),
        (html_path, lambda: _html(comparison)),
    ):
        if path is not None:
            write(path, render())
    return status(events) if single else _status(comparison)


def write(path: Path, text: str) -> None:
    """Write a file. Raises click's exception, for status 3, where it cannot be."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror}") from None


def _html(comparison: Comparison) -> str:
    # Jinja is needed for nothing else.
    from conformance.reporting.html import page

    return page.render(comparison)


def _status(comparison: Comparison) -> int:
    """0 where nothing breaks, 1 where something does, 3 where an environment could not be had."""
    headers = [event for column in comparison.columns for event in column.events]
    if any(event.get("built") is False for event in headers):
        return 3
    if any(column.problem for column in comparison.columns):
        return 1
    return max((each.status for each in comparison.differences if each), default=0)
