"""How many lines for the user the terminal shows."""

from rich.console import Console

from conformance.upgrade.for_you import Line
from conformance.upgrade.render.lines import show_lines


def test_all_that_there_is_to_do_is_shown_where_that_is_no_flood() -> None:
    lines = [Line(f"a.py:{n}", f"jax.f{n}", "gone") for n in range(40)]
    console = Console(record=True, width=100)
    show_lines(console, lines, lines, everything=False)
    text = console.export_text()
    assert text.count("a.py:39 ") == 1
    assert "and 24 more" in text
