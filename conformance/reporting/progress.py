"""Live progress of a run on stderr, fed by its events: items done, of how many, and time left."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from conformance.events.outcomes import CONFORMING, NOT_CHECKED
from conformance.events.records import Record, Result, Started
from conformance.reporting.console import Console
from conformance.reporting.printable import printable

CHECKED = CONFORMING - NOT_CHECKED
"""Outcomes of checks that have no line of their own."""
EVERY = 30.0
"""Seconds between two lines, where the output is no terminal."""


class Live:
    """Counts results; what does not conform gets a line of its own at once."""

    def __init__(self, console: Console, bar: Progress | None) -> None:
        self._console, self._bar = console, bar
        self._task = bar.add_task("starting", total=None) if bar is not None else None
        self._done = 0
        self._has_checked = False
        self._began = self._spoke = time.monotonic()
        self._total: Callable[[], int | None] = lambda: None

    def watch(self, total: Callable[[], int | None]) -> None:
        """Learn the number of items by this function, which gives None until it is known."""
        self._total = total

    def __call__(self, record: Record) -> None:
        """Take note of a record."""
        if isinstance(record, Started) and self._bar is not None and self._task is not None:
            name = printable(f"{record.law} {record.transform} {record.subject}")
            self._bar.update(self._task, description=name, total=self._total())
        elif isinstance(record, Result):
            self._done += 1
            if self._bar is not None and self._task is not None:
                self._bar.advance(self._task)
            else:
                self._say(record)
            if record.outcome not in CONFORMING:
                text = Text(record.outcome, style="red")
                text.append(f": {record.law}, {record.transform} of {record.subject}", "default")
                self._console.print(text, soft_wrap=True)

    def _say(self, result: Result) -> None:
        """Off a terminal: the first check as soon as it is done, then a line every half minute."""
        now = time.monotonic()
        if not self._has_checked and result.outcome in CHECKED:
            self._has_checked = True
            name = printable(f"{result.law}, {result.transform} of {result.subject}")
            words = f"first result after {now - self._began:.0f} s: {name}: {result.outcome}"
        elif now - self._spoke >= EVERY:
            words = line(self._done, self._total(), now - self._began)
        else:
            return
        self._spoke = now
        self._console.print(words, soft_wrap=True, highlight=False)


def line(done: int, total: int | None, seconds: float, what: str = "items") -> str:
    """Progress in words: `412 of 1,540 items in 60 s, about 160 s left`."""
    if not total:
        return f"{done:,} {what} in {seconds:.0f} s"
    left = seconds / max(done, 1) * (total - done)
    return f"{done:,} of {total:,} {what} in {seconds:.0f} s, about {left:.0f} s left"


@contextmanager
def live(console: Console) -> Iterator[Live]:
    """A bar for the time of a run; where the output is no terminal, a line now and then."""
    if not console.is_terminal:
        yield Live(console, None)
        return
    bar = Progress(
        BarColumn(bar_width=16),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}", style="dim", markup=False),
        console=console,
        transient=True,
    )
    with bar:
        yield Live(console, bar)
