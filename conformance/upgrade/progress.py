"""How the cells of an upgrade get on: bars on a terminal, a line now and then elsewhere."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.text import Text

from conformance.reporting.console import console as console_of

EVERY = 15.0
"""Seconds between two lines about a cell."""


class CellProgress:
    """Follows the cells; its methods may be called from several threads."""

    def __init__(self, console: Console, bars: Progress | None) -> None:
        self._console, self._bars = console, bars
        self._lock = threading.Lock()
        self._tasks: dict[str, TaskID] = {}
        self._began: dict[str, tuple[float, int]] = {}
        self._said: dict[str, tuple[str, float]] = {}

    def stage(self, environment: str, stage: str, done: int, total: int | None) -> None:
        """A cell is at this stage, with so many items done."""
        with self._lock:
            left = self._left(environment, done, total)
            if total and done >= total:
                stage, left = "observing", ""
            if self._bars is None:
                self._line(environment, stage, done, total, left)
                return
            if environment not in self._tasks:
                self._tasks[environment] = self._bars.add_task(environment, total=None, left="")
            words = left or stage
            self._bars.update(
                self._tasks[environment], completed=done, total=total if done else None, left=words
            )

    def problem(self, environment: str, problem: str) -> None:
        """A cell failed: it is said at once."""
        with self._lock:
            self._console.print(Text(f"{environment}: {problem}"), soft_wrap=True)

    def _left(self, environment: str, done: int, total: int | None) -> str:
        """Such as `about 40 s left`; empty as long as nothing is known."""
        now = time.monotonic()
        if not done or not total:
            return ""
        began, first = self._began.setdefault(environment, (now, done))
        rate = (done - first) / (now - began) if now > began else 0
        return f"about {max(0, total - done) / rate:.0f} s left" if rate else ""

    def _line(self, environment: str, stage: str, done: int, total: int | None, left: str) -> None:
        now = time.monotonic()
        before, when = self._said.get(environment, ("", 0.0))
        if stage == before and now - when < EVERY:
            return
        self._said[environment] = (stage, now)
        of = f" of {total}" if total else ""
        count = f" {done}{of} items" if (done or total) and stage == "running" else ""
        self._console.print(
            Text(f"{environment}: {stage}{count}{', ' + left if left else ''}"), soft_wrap=True
        )


@contextmanager
def following() -> Iterator[CellProgress]:
    """Follow cells on standard error for a while."""
    console = console_of(stderr=True)
    if not console.is_terminal:
        yield CellProgress(console, None)
        return
    bars = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[left]}", style="dim"),
        console=console,
        transient=True,
    )
    with bars:
        yield CellProgress(console, bars)
