"""Laws, or groups of laws, by transforms: one mark or a few words in each cell."""

from collections import Counter
from collections.abc import Sequence

from rich.text import Text

from conformance.events.details import KnownDefect, NotApplicable, NotSampled
from conformance.events.outcomes import CONFORMING, Outcome
from conformance.reporting import layout
from conformance.reporting.summary import Summary

STYLE = {
    "holds": "green",
    "violated": "bold red",
    "crashed": "bold red",
    "timed-out": "bold red",
    "known-defect": "yellow",
    "fixed-defect": "cyan",
    "not-applicable": "dim",
    "not-sampled": "dim",
}
GAP = 2


def lines(summary: Summary, rows: Sequence[str], width: int) -> list[Text]:
    """The matrix, in blocks of as many transforms as fit into the width."""
    first = max(map(len, rows), default=0)
    blocks = _blocks(summary.transforms, width - first)
    made: list[Text] = []
    for block in blocks:
        cells = {row: [_cell(summary.cell(row, each)) for each in block] for row in rows}
        there = [row for row in rows if any(cell.plain for cell in cells[row])]
        heads = [short(each) for each in block]
        wide = [
            max(len(head), *(len(cells[row][i].plain) for row in there), 0)
            for i, head in enumerate(heads)
        ]
        made.append(_row(Text(), [Text(head, style="bold") for head in heads], first, wide))
        made += [_row(Text(row), cells[row], first, wide) for row in there]
        made.append(Text())
    return made


def items(summary: Summary) -> list[Text]:
    """Every item on a line of its own: its outcome, its names, and the reason where there is one."""
    wide = max(map(len, STYLE))
    made = []
    for result in summary.results:
        line = Text(f"{result.outcome:{wide}}", style=STYLE[result.outcome])
        line.append(f"  {result.law}  {result.transform}  {result.subject}", style="default")
        if isinstance(result.detail, KnownDefect):
            line.append(f"  {result.detail.defect}", style="dim")
        elif isinstance(result.detail, NotApplicable | NotSampled):
            line.append(f"  {result.detail.reason}", style="dim")
        made.append(line)
    return made


def short(transform: str) -> str:
    """A transform's name as the head of a column."""
    return transform.removeprefix("flax.")


def _blocks(transforms: Sequence[str], room: int) -> list[list[str]]:
    blocks: list[list[str]] = []
    used = 0
    for transform in transforms:
        needed = GAP + max(len(short(transform)), len("99 known"))
        if not blocks or used + needed > room:
            blocks.append([])
            used = 0
        blocks[-1].append(transform)
        used += needed
    return blocks


def _row(first: Text, cells: Sequence[Text], wide_first: int, wide: Sequence[int]) -> Text:
    line = first.copy()
    line.pad_right(wide_first - len(first.plain))
    for cell, width in zip(cells, wide, strict=True):
        left = (width - len(cell.plain)) // 2
        line.append(" " * (GAP + left))
        line.append_text(cell)
        line.append(" " * (width - left - len(cell.plain)))
    line.rstrip()
    return line


def _cell(counts: Counter[Outcome]) -> Text:
    """The most urgent that a cell has to say; empty where it has no item."""
    wrong = sum(number for name, number in counts.items() if name not in CONFORMING)
    if wrong:
        return Text(f"{layout.WRONG} {wrong}", style=STYLE["violated"])
    words: dict[Outcome, str] = {"fixed-defect": "fixed", "known-defect": "known"}
    for name, word in words.items():
        if counts[name]:
            return Text(f"{counts[name]} {word}", style=STYLE[name])
    if counts["holds"]:
        return Text(layout.HOLDS, style=STYLE["holds"])
    return Text(layout.NONE, style="dim") if counts else Text()
