"""The lines for the user on the terminal: all of them, and those that are known before anything runs."""

from collections.abc import Sequence
from itertools import groupby

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from conformance.upgrade.for_you import Early, Line
from conformance.upgrade.for_you.lines import BETWEEN, plural
from conformance.upgrade.render.words import ALSO_TO_KNOW, things_to_do

MOST_WORK = 60
"""How many lines of what there is to do the answer shows: a user who sees fewer takes them for all."""
MOST = 16
"""How many lines of what there is to know it shows."""


def show_early(console: Console, comparison: str, early: Early) -> None:
    """Print what is known before anything runs: that it is not all, and where all of it comes.

    Args:
        console: The terminal.
        comparison: From which releases to which.
        early: What is known.

    """
    console.print(Text(comparison, style="bold"), soft_wrap=True)
    todo = ("  " + things_to_do(early), "bold") if early.work or early.know else ""
    console.print(Text.assemble(("FOR YOU, SO FAR", "bold"), f"  {early.title}", todo))
    show_lines(console, early.work, early.know, everything=False)
    if not any(line.what for line in (*early.work, *early.know)):
        console.print(Text(f"  {_names(early)}"))
    console.print(
        Text("  Now the checks run: the whole answer comes at the end, these lines in it.", "dim")
    )


def _names(early: Early) -> str:
    """That there is nothing to say of the names."""
    if not early.names:
        return "your files use no name of JAX or Flax"
    names = plural(early.names, "name")
    return f"of {names} of JAX and Flax that your files use, none is gone or newly deprecated"


def show_lines(
    console: Console, work: Sequence[Line], know: Sequence[Line], *, everything: bool
) -> None:
    """Print what needs work, then what is to know, under a line that tells it from what needs work."""
    heading = f"  {ALSO_TO_KNOW}:" if work else ""
    for above, lines, most in (("", work, MOST_WORK), (heading, know, MOST)):
        if lines:
            if above:
                console.print(Text(above, "bold"))
            shown = lines if everything else lines[:most]
            for _, alike in groupby(shown, key=lambda line: bool(line.what)):
                _show_lines(console, list(alike))
            if len(lines) > len(shown):
                console.print(f"  and {len(lines) - len(shown)} more", style="dim")


def _show_lines(console: Console, lines: Sequence[Line]) -> None:
    """Lines of one sort in columns, or, where these do not fit, each sentence below what it is about."""
    grid = _grid(lines)
    if console.measure(grid).maximum + 2 <= console.width:
        console.print(Padding(grid, (0, 0, 0, 2)))
        return
    for line in lines:
        indent = 4 if line.follows else 2
        if BETWEEN in line.where and line.what:  # the name first: the places may fill many lines
            console.print(Padding(Text(f"{line.what}  {line.sentence}"), (0, 0, 0, indent)))
            console.print(Padding(Text(line.where), (0, 0, 0, indent + 4)))
            continue
        about = f"{line.where}  {line.what}".strip()
        together = Text(f"{about}  {line.sentence}")
        if together.cell_len + indent <= console.width:
            console.print(Padding(together, (0, 0, 0, indent)))
            continue
        console.print(Padding(Text(about), (0, 0, 0, indent)))
        console.print(Padding(Text(line.sentence), (0, 0, 0, indent + 4)))


def _grid(lines: Sequence[Line]) -> Table:
    """Lines of one sort, in columns: with what they are about, or without."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    for ratio in (None, None, 1) if lines[0].what else (None, 1):
        grid.add_column(overflow="fold", ratio=ratio)
    for line in lines:
        where = f"  {line.where}" if line.follows else line.where
        cells = (where, line.what, line.sentence) if line.what else (where, line.sentence)
        grid.add_row(*map(Text, cells))
    return grid
