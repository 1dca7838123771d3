"""Lines of plain text: wrapped prose, parts that stay whole, arrays side by side."""

import textwrap
from collections.abc import Iterable, Sequence

SEPARATOR = " · "


HOLDS, WRONG, NONE = "✓", "✗", "-"
"""Marks of a check that holds, of one that fails, and of nothing that was checked."""


def wrap(text: str, width: int, indent: str = "", hanging: str | None = None) -> list[str]:
    """Prose in lines of at most `width` columns; no word is broken."""
    return textwrap.wrap(
        text,
        max(width, len(indent) + 20),
        initial_indent=indent,
        subsequent_indent=indent if hanging is None else hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )


def join(
    parts: Iterable[str],
    width: int,
    separator: str = SEPARATOR,
    indent: str = "",
    hanging: str | None = None,
) -> list[str]:
    """The parts in lines of at most `width` columns; breaks are between parts only."""
    lines: list[str] = []
    for part in parts:
        if lines and len(f"{lines[-1]}{separator}{part}") <= width:
            lines[-1] += f"{separator}{part}"
            continue
        if lines and separator == ", ":
            lines[-1] += ","
        lines.append((hanging if lines and hanging is not None else indent) + part)
    return lines


def beside(blocks: Sequence[tuple[str, str]], gap: int = 4) -> list[str]:
    """Titled blocks of text side by side."""
    columns = [[title, *text.splitlines()] for title, text in blocks]
    widths = [max(map(len, column)) for column in columns]
    height = max(map(len, columns))
    rows = [[column[i] if i < len(column) else "" for column in columns] for i in range(height)]
    return [
        (" " * gap)
        .join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        .rstrip()
        for row in rows
    ]


def count(number: float, one: str, many: str | None = None) -> str:
    """A number with its noun: `1 law`, `1,484 laws`."""
    return f"{number:,.0f} {one if number == 1 else many or one + 's'}"
