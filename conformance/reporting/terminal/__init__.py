"""The terminal's view of one run: groups of laws by transforms, the faults, and what to do next."""

from collections.abc import Mapping
from pathlib import Path

from rich.text import Text

from conformance.reporting.console import Console
from conformance.reporting.summary import Summary
from conformance.reporting.terminal import conclusion, faults, heading, matrix

QUIET, GROUPS, LAWS, EVERYTHING = -1, 0, 1, 2
"""Verbosity: one line; groups of laws by transforms; laws by transforms; every item, too."""


def show(
    console: Console,
    summary: Summary,
    *,
    verbosity: int = GROUPS,
    files: Mapping[str, str] | None = None,
    page: Path | None = None,
) -> None:
    """Print a run.

    Args:
        console: Where to.
        summary: The run.
        verbosity: `QUIET`, `GROUPS`, `LAWS` or `EVERYTHING`.
        files: The path of the script that was saved for a failure, by `item_name`.
        page: Where the page is, where one is written.

    """
    width = console.width
    if verbosity <= QUIET:
        _print(console, [conclusion.one_line(summary)])
        return
    _print(console, heading.lines(summary, width, costs=verbosity >= LAWS))
    _print(console, [Text()])
    if verbosity >= EVERYTHING:
        _print(console, [*matrix.items(summary), Text()])
    by = summary.laws if verbosity >= LAWS else summary.groups
    _print(console, matrix.lines(summary, by, width))
    found = faults.Faults(summary, files or {})
    _print(console, found.in_full(width))
    named = verbosity >= LAWS
    _print(console, conclusion.lines(summary, width, names=named, page=page is not None))
    _print(console, found.in_short(width))
    if page is not None:
        _print(console, [Text(f"page: {page}")])


def _print(console: Console, lines: list[Text]) -> None:
    for line in lines:
        # Lines are wrapped already; paths and commands stay whole, so that they can be copied.
        console.print(line, soft_wrap=True)
