"""Lines of plain text: wrapped prose, parts that stay whole, arrays side by side."""

import textwrap
from collections.abc import Iterable, Sequence

import attrs

SEPARATOR = " · "


@attrs.frozen
class Symbols:
    """The marks of a view; words where the output cannot express the marks."""

    holds: str = "✓"
    wrong: str = "✗"
    none: str = "-"


UNICODE, ASCII = Symbols(), Symbols("ok", "x", "-")


def symbols(encoding: str) -> Symbols:
    """The marks that an encoding can express."""
    try:
        "".join(attrs.astuple(UNICODE)).encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return UNICODE


def wrap(text: str, width: int, indent: str = "", hanging: str | None = None) -> list[str]:
    """Prose in lines of at most ``width`` columns; no word is broken."""
    return textwrap.wrap(
        text,
        max(width, len(indent) + 20),
        initial_indent=indent,
        subsequent_indent=indent if hanging is None else hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )


def join(parts: Iterable[str], width: int, separator: str = SEPARATOR, indent: str = "") -> list[str]:
    """The parts in lines of at most ``width`` columns; breaks are between parts only."""
    lines: list[str] = []
    for part in parts:
        longer = f"{lines[-1]}{separator}{part}" if lines else ""
        if lines and len(longer) <= width:
            lines[-1] = longer
        else:
            if lines:
                lines[-1] += separator.rstrip() if separator.strip() == "," else ""
            lines.append(f"{indent}{part}")
    return lines


def beside(blocks: Sequence[tuple[str, str]], gap: int = 4) -> list[str]:
    """Titled blocks of text side by side."""
    columns = [[title, *text.splitlines()] for title, text in blocks]
    widths = [max(map(len, column)) for column in columns]
    height = max(map(len, columns))
    rows = [[column[i] if i < len(column) else "" for column in columns] for i in range(height)]
    return [
        (" " * gap).join(
            cell.ljust(width) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in rows
    ]


def count(number: float, one: str, many: str | None = None) -> str:
    """A number with its noun: `1 law`, `1,484 laws`."""
    return f"{number:,.0f} {one if number == 1 else many or one + 's'}"
