"""Live progress of a run, fed by its events."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from conformance.events.log import CONFORMING, Event


class Live:
    """Counts results on a bar; what does not conform gets a line of its own at once."""

    def __init__(self, console: Console, bar: Progress) -> None:
        self._console, self._bar = console, bar
        self._task = bar.add_task("starting", total=None)
        self._counts: Counter[str] = Counter()
        self._controller: Any = None

    def watch(self, controller: Any) -> None:
        """Learn the number of items from this controller, once it knows."""
        self._controller = controller

    def __call__(self, event: Event) -> None:
        if event["type"] == "started":
            name = f"{event['law']} {event['transform']} {event['subject']}"
            self._bar.update(self._task, description=name, total=self._controller.total)
        elif event["type"] == "result":
            outcome = event["outcome"]
            self._counts[outcome] += 1
            self._bar.advance(self._task)
            if outcome not in CONFORMING:
                name = f"{event['law']}, {event['transform']} of {event['subject']}"
                self._console.print(f"[red]{outcome}[/]: {name}", highlight=False)


@contextmanager
def live(console: Console) -> Iterator[Live]:
    """A bar for the time of a run; off where the output is no terminal, which gets lines only."""
    bar = Progress(
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}", style="dim"),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with bar:
        yield Live(console, bar)
