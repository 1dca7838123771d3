"""A comparison on the terminal: the user's own code first, on one screen."""

from collections.abc import Sequence

import attrs
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from conformance.upgrade.causes import Cause, causes
from conformance.upgrade.columns import Column, Comparison
from conformance.upgrade.compare import Differences
from conformance.upgrade.for_you import ForYou, for_you
from conformance.upgrade.kinds import Urgency
from conformance.upgrade.render.lines import show_lines
from conformance.upgrade.render.words import (
    ELSEWHERE,
    NEAR,
    SECTIONS,
    elsewhere_in_words,
    heading,
    laws,
    looked_at,
    outcomes,
    shortened,
    things_to_do,
)

MOST_NEAR = 16
"""How many changes near the user's code the first screen shows."""
SHOWN: dict[Urgency, int] = {"work": 12, "know": 6, "fine": 4}
"""How many causes of each urgency the first screen shows where the user gave no code."""


def show(
    console: Console, comparison: Comparison, *, everything: bool = False, yours: bool = False
) -> None:
    """Print how each environment differs from the first.

    Args:
        console: The terminal.
        comparison: What to print.
        everything: Whether to print every difference, and the matrix of laws by environments last.
        yours: Whether the exit status is of the user's own code alone.

    """
    first, *others = comparison.columns
    for column, differences in zip(others, comparison.differences, strict=True):
        console.print(Text(heading(first, column), style="bold"), soft_wrap=True)
        if differences is None:
            _show_failure(console, first, column)
            continue
        for each in (first, column):
            if each.problem:
                console.print(Text(f"{each.label} did not run to its end: {each.problem}"))
        mine = for_you(first.events, column.events, differences)
        if mine is not None:
            _show_for_you(console, mine, everything)
        _show_elsewhere(console, differences, mine, everything=everything, yours=yours)
        if differences.looked_at:
            console.print(Text(f"Looked at: {looked_at(differences)}", style="dim"))
        for note in differences.notes:
            console.print(Text(f"Not compared: {note}", style="dim"))
    if everything:
        console.print(_matrix(comparison))


def _show_failure(console: Console, first: Column, column: Column) -> None:
    failed = column if column.problem else first
    problem = failed.problem or "no result"
    console.print(Text(f"{failed.label} did not run: {problem}", style="red"), soft_wrap=True)


def _show_for_you(console: Console, mine: ForYou, everything: bool) -> None:
    title = Text.assemble(
        ("FOR YOU", "bold"), f"  {mine.title}", ("  " + things_to_do(mine), "bold")
    )
    console.print(title)
    show_lines(console, mine.work, mine.know, everything=everything)
    for sentence in mine.fine:
        console.print(Text(f"  {sentence}"))
    if mine.near:
        console.print(Text.assemble(("MAY CONCERN YOU", "bold"), f"  {NEAR}"))
        shown = mine.near if everything else mine.near[:MOST_NEAR]
        short = [attrs.evolve(line, sentence=shortened(line.sentence)) for line in shown]
        show_lines(console, short, (), everything=everything)
        if len(shown) < len(mine.near):
            console.print(f"  and {len(mine.near) - len(shown)} more", style="dim")


def _show_elsewhere(
    console: Console,
    differences: Differences,
    mine: ForYou | None,
    *,
    everything: bool,
    yours: bool,
) -> None:
    reported = mine.keys if mine is not None else frozenset()
    found = causes(d for d in differences.entries if d.key not in reported)
    same = f"{differences.unchanged} unchanged"
    if mine is not None and not everything:
        words = elsewhere_in_words(found)
        console.print(Text.assemble(("ELSEWHERE", "bold"), f"  {ELSEWHERE}: {words}; {same}"))
        if found:
            hint = "`vmap-conformance report -v LOG` lists them, one per line (`| grep NAME` finds a name)"
            console.print(f"  {hint}", style="dim")
        if differences.status and not mine.things_to_do and not yours:
            said = "  The exit status is 1 for what breaks there; `upgrade --fail-on yours` makes it 0."
            console.print(said, style="dim")
        return
    if not found:
        console.print(f"nothing breaks, no difference; {same}")
        return
    hidden = False
    for urgency, title in SECTIONS.items():
        group = [cause for cause in found if cause.kind.urgency == urgency]
        if not group:
            if urgency == "work":
                console.print("nothing breaks", style="bold")
            continue
        shown = group if everything else group[: SHOWN[urgency]]
        hidden |= len(group) > len(shown)
        _show_causes(console, title, group, shown, everything)
    console.print(f"{same}{'        -v shows every difference' if hidden else ''}", style="dim")


def _show_causes(
    console: Console, title: str, group: Sequence[Cause], shown: Sequence[Cause], everything: bool
) -> None:
    items = sum(len(cause.entries) for cause in group)
    console.print(Text(f"{title}  {len(group)} causes of {items} differences", style="bold"))
    kind = None
    for cause in shown:
        if cause.kind != kind:
            kind = cause.kind
            console.print(Text(f"  {kind.title}: {kind.consequence} {kind.remedy}", style="dim"))
        own = f" {cause.remedy}" if cause.remedy else ""
        sentence = f"{cause.sentence.rstrip('.')}.{own}"
        sentence = sentence if everything else shortened(sentence)
        _print_indented(console, sentence, 4)
        if everything and len(cause.entries) > 1:
            for entry in cause.entries:
                _print_indented(console, f"{entry.key}: {entry.sentence}", 8)
    if len(group) > len(shown):
        console.print(f"    and {len(group) - len(shown)} more", style="dim")


def _print_indented(console: Console, sentence: str, columns: int) -> None:
    """Print a paragraph; in a file it is one line, which `grep` finds whole."""
    if console.is_terminal:
        console.print(Padding(Text(sentence), (0, 0, 0, columns)))
    else:
        console.print(Text(" " * columns + sentence), soft_wrap=True)


def _matrix(comparison: Comparison) -> Table:
    """Laws by environments; in each cell how many items had which outcome."""
    table = Table(title="items by outcome", title_justify="left", pad_edge=False)
    table.add_column("law", no_wrap=True)
    for column in comparison.columns:
        table.add_column(column.label)
    for law in laws(comparison):
        table.add_row(law, *(Text(outcomes(column, law)) for column in comparison.columns))
    return table
