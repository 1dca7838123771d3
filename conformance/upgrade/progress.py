"""How the cells of an upgrade get on: bars on a terminal, a line now and then elsewhere."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.text import Text

from conformance.reporting.console import console as console_of
from conformance.upgrade.cells import Work
from conformance.upgrade.for_you import Early
from conformance.upgrade.render.lines import show_early

EVERY = 15.0
"""Seconds between two lines about a cell."""
AS_MANY_CHECKS = {
    "prng": 25,
    "draws": 95,
    "parameters": 95,
    "lifts": 95,
    "layers": 50,
    "objects": 67,
    "outputs": 50,
    "calls": 270,
    "errors": 10,
    "warnings": 55,
    "jaxprs": 15,
    "costs": 75,
}
"""As long as so many checks of laws a group of observations takes; of the others, as one."""


class CellProgress:
    """Follows the cells; its methods may be called from several threads."""

    def __init__(self, console: Console, bars: Progress | None) -> None:
        self._console, self._bars = console, bars
        self._lock = threading.Lock()
        self._tasks: dict[str, TaskID] = {}
        self._clocks: dict[str, _Clock] = {}
        self._said: dict[str, tuple[str, float]] = {}

    def stage(self, environment: str, stage: str, done: Work, total: Work | None) -> None:
        """A cell is at this stage, with so much done of all."""
        with self._lock:
            left = ""
            if total:
                # What does not apply to the release comes after the plan's checks, all at once, and
                # `outputs` records gradients, too, under a word of their own.
                done = Work(min(done.checks, total.checks), done.groups & total.groups)
            if total and done.items:
                clock = self._clocks.setdefault(environment, _Clock(effort(done)))
                left = clock.left(effort(done), effort(total))
            if total and done.checks >= total.checks:
                stage = "observing"
            if self._bars is None:
                self._line(environment, stage, done, total, left)
                return
            if environment not in self._tasks:
                self._tasks[environment] = self._bars.add_task(environment, total=None, left="")
            self._bars.update(
                self._tasks[environment],
                completed=done.items,
                total=total.items if total and done.items else None,
                left=left or stage,
            )

    def problem(self, environment: str, problem: str) -> None:
        """A cell failed: it is said at once."""
        with self._lock:
            self._console.print(Text(f"{environment}: {problem}"), soft_wrap=True)

    def found(self, comparison: str, early: Early) -> None:
        """This is known of the user's code: it is said before anything runs."""
        with self._lock:
            show_early(self._console, comparison, early)

    def _line(
        self, environment: str, stage: str, done: Work, total: Work | None, left: str
    ) -> None:
        now = time.monotonic()
        before, when = self._said.get(environment, ("", 0.0))
        if stage == before and now - when < EVERY:
            return
        self._said[environment] = (stage, now)
        of = f" of {total.items}" if total else ""
        count = f" {done.items}{of} items" if done.items or stage == "running" else ""
        self._console.print(
            Text(f"{environment}: {stage}{count}{', ' + left if left else ''}"), soft_wrap=True
        )


class _Clock:
    """How long a cell still takes: as fast as it was, and as time goes by while nothing ends."""

    def __init__(self, first: float) -> None:
        self._first = self._last = first
        self._began = self._changed = time.monotonic()

    def left(self, done: float, total: float) -> str:
        """Such as `about 40 s left`, or that it takes longer; empty as long as nothing is known."""
        now = time.monotonic()
        if done != self._last:
            self._last, self._changed = done, now
        if self._changed == self._began or done <= self._first:
            return ""
        rate = (done - self._first) / (self._changed - self._began)
        seconds = (total - done) / rate - (now - self._changed)
        if seconds <= 0:
            return "longer than estimated"
        return (
            f"about {seconds:.0f} s left" if seconds < 100 else f"about {seconds / 60:.0f} min left"
        )


def effort(work: Work) -> float:
    """How much work that is, in checks of laws."""
    return work.checks + sum(AS_MANY_CHECKS.get(group, 1) for group in work.groups)


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
