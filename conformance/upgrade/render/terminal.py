"""A comparison on the terminal."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from conformance.upgrade.columns import Comparison
from conformance.upgrade.compare import Differences
from conformance.upgrade.detectors import KINDS
from conformance.upgrade.detectors.public_names import ADDED, REMOVED
from conformance.upgrade.difference import Difference
from conformance.upgrade.render.words import in_words, laws, of_each_place, outcomes

SHOWN = 10
"""How many differences of a kind the terminal shows; the other views have all."""


def show(console: Console, comparison: Comparison) -> None:
    """Print the matrix, then each environment's differences from the first."""
    console.print(_matrix(comparison))
    first, *others = comparison.columns
    for column, differences in zip(others, comparison.differences, strict=True):
        console.print(Text("\n" + in_words(column, first, differences), style="bold"))
        for line in _lines(differences, SHOWN):
            console.print(Text(line), soft_wrap=False)


def _lines(differences: Differences | None, most: int) -> list[str]:
    lines: list[str] = []
    if differences is None:
        return lines
    for kind in KINDS.values():
        entries = differences.of(kind)
        if not entries:
            continue
        lines.append(f"\n{kind.title} ({len(entries)})")
        if kind in (REMOVED, ADDED):
            lines += _names(entries)
            continue
        shown = of_each_place(entries, most)
        lines += [f"  {entry.key}: {entry.sentence}" for entry in shown]
        if len(entries) > len(shown):
            lines.append(f"  and {len(entries) - len(shown)} more")
        lines += [f"  -> {remedy}" for remedy in dict.fromkeys(e.remedy for e in shown)]
    return lines + [f"Not compared: {note}" for note in differences.notes]


def _names(entries: list[Difference]) -> list[str]:
    """Names with a replacement on a line each, then all others."""
    plain = [entry for entry in entries if entry.own_remedy is None]
    named = [entry for entry in entries if entry.own_remedy is not None]
    lines = [f"  {entry.sentence}. {entry.remedy}" for entry in named]
    if plain:
        lines.append(f"  {', '.join(entry.key.removeprefix('names/') for entry in plain)}")
        lines.append(f"  -> {plain[0].remedy}")
    return lines


def _matrix(comparison: Comparison) -> Table:
    """Laws by environments; in each cell how many items had which outcome."""
    table = Table(title="items by outcome", title_justify="left", pad_edge=False)
    table.add_column("law", no_wrap=True)
    for column in comparison.columns:
        table.add_column(column.label)
    for law in laws(comparison):
        table.add_row(law, *(Text(outcomes(column, law)) for column in comparison.columns))
    return table
