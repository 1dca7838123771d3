"""Text from a log that would act on its reader reaches no view, and is not lost either."""

import unicodedata
import xml.etree.ElementTree as ET
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from conformance.events.reader import read
from conformance.reporting import junit, markdown, terminal
from conformance.reporting.console import Console
from conformance.reporting.printable import printable
from conformance.reporting.summary import Summary, summarise

ACTING = [
    "\x1b",
    "\x07",
    "\x00",
    "\r",
    "\x7f",
    "\x85",
    "\x9b",
    "\u202e",
    "\u2066",
    "\u200f",
    "\ufffe",
]
HOSTILE = "a|b`c`\n# <img>" + "".join(ACTING)


@pytest.fixture
def gathered(written: Callable[..., Path]) -> Summary:
    detail: dict[str, Any] = {"reason": f"died {HOSTILE}", "output": f"Fatal {HOSTILE}"}
    names = {"law": "mapping.equals-per-example", "transform": f"t{HOSTILE}"}
    result = {**names, "subject": f"s{HOSTILE}", "outcome": "crashed", "detail": detail}
    return summarise(read(written(result)))


@pytest.mark.parametrize("character", [chr(c) for c in (*range(0x20), *range(0x7F, 0xA0))])
def test_controls_become_escapes(character: str) -> None:
    shown = printable(f"x{character}y")
    assert shown == ("x" + character + "y" if character in "\n\t" else f"x\\x{ord(character):02x}y")


@pytest.mark.parametrize("text", ["größe", "日本語", "שלום", "a\tb\nc", "👩‍🔬", "\\x1b"])
def test_words_of_any_language_stay(text: str) -> None:
    assert printable(text) == text


def test_no_direction_mark_stays() -> None:
    every = "".join(chr(c) for c in range(0x10000))
    marks = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    assert not [c for c in printable(every) if unicodedata.bidirectional(c) in marks]


def test_the_terminal_gets_none(gathered: Summary) -> None:
    out = StringIO()
    terminal.show(Console(file=out, width=80, color_system=None), gathered)
    assert not set(ACTING) & set(out.getvalue())
    assert "\\x1b" in out.getvalue()
    assert "\\u202e" in out.getvalue()


def test_junit_is_xml_with_the_names_in_it(gathered: Summary) -> None:
    text = junit.render(gathered)
    assert not set(ACTING) & set(text)
    (case,) = ET.fromstring(text.encode()).findall("testcase")
    assert case.get("name") == f"s{printable(HOSTILE)}"


def test_a_markdown_table_keeps_its_columns(gathered: Summary) -> None:
    text = markdown.render(gathered)
    assert not set(ACTING) & set(text)
    (row,) = [line for line in text.splitlines() if line.startswith("| `mapping.")]
    heads = next(line for line in text.splitlines() if line.startswith("| law"))
    columns = [line.replace("\\|", "").count("|") for line in (heads, row)]
    assert columns == [3, 3]
    assert "\n# <img>" not in text
