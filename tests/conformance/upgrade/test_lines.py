"""How many lines for the user the terminal shows."""

from rich.console import Console

from conformance.upgrade.for_you import Line
from conformance.upgrade.for_you.lines import each_said_once
from conformance.upgrade.render.lines import show_lines


def test_all_that_there_is_to_do_is_shown_where_that_is_no_flood() -> None:
    lines = [Line(f"a.py:{n}", f"jax.f{n}", "gone") for n in range(40)]
    console = Console(record=True, width=100)
    show_lines(console, lines, lines, everything=False)
    text = console.export_text()
    assert text.count("a.py:39 ") == 1
    assert "and 24 more" in text


def test_what_is_said_of_several_files_is_said_once_where_it_was_first() -> None:
    same = [Line(f"{file}.py:3, 4", "jax.tree_map", "gone: use jax.tree.map") for file in "abc"]
    other = Line("a.py:9", "jax.tree_leaves", "gone: use jax.tree.leaves")
    as_method = Line("d.py:1", "jax.tree_map", "gone; your code provides for it")
    assert list(each_said_once([same[0], other, *same[1:], as_method])) == [
        Line("a.py:3, 4; b.py:3, 4; c.py:3, 4", "jax.tree_map", "gone: use jax.tree.map"),
        other,
        as_method,
    ]


def test_of_several_files_the_name_comes_before_the_places() -> None:
    where = "; ".join(f"package/with/a/long/path/module_{n}.py:{n}" for n in range(4))
    console = Console(record=True, width=80)
    show_lines(
        console, [Line(where, "jax.tree_map", "gone: use jax.tree.map")], [], everything=False
    )
    first, *places = console.export_text().splitlines()
    assert first.strip() == "jax.tree_map  gone: use jax.tree.map"
    assert " ".join(" ".join(places).split()) == where
