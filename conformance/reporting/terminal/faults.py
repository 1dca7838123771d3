"""Faults in full, and the short summary: one line per fault, and the command that replays it."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import attrs
from rich.text import Text

from conformance.reporting import failure, layout
from conformance.reporting.faults import Fault, group_by_cause
from conformance.reporting.summary import Summary, item_name

IN_FULL = 8
"""How many faults are shown in full; the short summary has all."""
LAWS_NAMED = 6


@attrs.frozen
class Faults:
    """The faults of a run, and the files saved for them."""

    summary: Summary
    files: Mapping[str, str]

    @property
    def all(self) -> list[Fault]:
        """Every fault, those that most checks show first."""
        return group_by_cause(self.summary.failures)

    def in_full(self, width: int) -> list[Text]:
        """A block per fault: its laws and transforms, the smallest call, and both answers."""
        made: list[Text] = []
        for number, fault in enumerate(self.all[:IN_FULL], 1):
            made += [*self._block(number, fault, width), Text()]
        more = len(self.all) - IN_FULL
        if more > 0:
            made += [Text(f"{layout.count(more, 'more fault')} below.", style="dim"), Text()]
        return made

    def in_short(self, width: int) -> list[Text]:
        """One line per fault, with the command that replays its smallest call."""
        if not self.all:
            return []
        made = [Text(), Text("short summary", style="bold")]
        for fault in self.all:
            parts = [f"{layout.WRONG} {fault.subject}: {fault.symptom}", _extent(fault)]
            made += [Text(line, style="red") for line in layout.join(parts, width, hanging="    ")]
            saved = self._saved(fault)
            if saved is not None:
                made.append(Text(f"    vmap-conformance replay {near(saved[0])}"))
        return made

    def _block(self, number: int, fault: Fault, width: int) -> Iterable[Text]:
        yield Text(f"{number}. {fault.subject}: {fault.symptom}", style="bold red")
        if fault.variants:
            yield from map(Text, layout.join(["also", *fault.variants], width, " ", "   "))
        yield from map(Text, layout.join(fault.transforms, width, ", ", "   "))
        named = fault.laws[:LAWS_NAMED]
        if len(fault.laws) > LAWS_NAMED:
            named.append(f"{len(fault.laws) - LAWS_NAMED} more laws")
        yield from map(Text, layout.join(named, width, ", ", "   "))
        example = fault.example
        if len(fault.results) > 1:
            yield Text(f"   shown: {example.law} of {example.transform}", style="dim")
        yield from failure.lines(example, width)
        saved = self._saved(fault)
        if saved is not None:
            yield Text(f"   script: {near(saved[1])}")

    def _saved(self, fault: Fault) -> tuple[Path, Path] | None:
        """The stored case and the script of a fault's example."""
        path = self.files.get(item_name(fault.example))
        return None if path is None else (Path(path).with_suffix(".json"), Path(path))


def _extent(fault: Fault) -> str:
    laws = layout.count(len(fault.laws), "law")
    return f"{laws}, {layout.count(len(fault.transforms), 'transform')}"


def near(path: Path) -> str:
    """A path as it is shortest from here."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
