"""How many lines for the user the terminal shows."""

from functools import partial

from rich.console import Console

from conformance.upgrade.for_you import Line
from conformance.upgrade.for_you.lines import (
    Place,
    each_said_once,
    moves_said_once,
    objects_said_once,
)
from conformance.upgrade.render.lines import show_lines


def test_all_that_there_is_to_do_is_shown_where_that_is_no_flood() -> None:
    lines = [Line(f"jax.f{n}", "gone", (Place("a.py", (n,)),)) for n in range(40)]
    console = Console(record=True, width=100)
    show_lines(console, lines, lines, everything=False)
    text = console.export_text()
    assert text.count("a.py:39 ") == 1
    assert "and 24 more" in text


def test_what_is_said_of_several_files_is_said_once_where_it_was_first() -> None:
    gone = partial(Line, "jax.tree_map", "gone: use jax.tree.map")
    places = [Place(f"{file}.py", (3, 4)) for file in "abc"]
    same = [gone((place,)) for place in places]
    other = Line("jax.tree_leaves", "gone: use jax.tree.leaves", (Place("a.py", (9,)),))
    as_method = Line("jax.tree_map", "gone; your code provides for it", (Place("d.py", (1,)),))
    assert list(each_said_once([same[0], other, *same[1:], as_method])) == [
        gone(tuple(places)),
        other,
        as_method,
    ]


def test_names_that_moved_together_are_said_once_and_others_alone() -> None:
    def moved(name: str, to: str, *lines: int, file: str = "a.py") -> Line:
        return Line(f"jax.core.{name}", f"gone: use {to}", (Place(file, lines),))

    var, literal = (
        moved(n, f"jax.extend.core.{n}", *at) for n, at in (("Var", (7, 3)), ("Literal", (3,)))
    )
    others = [
        moved("get_aval", "jax.typeof", 4),
        moved("call_p", "jax.extend.core.primitives.call_p", 5),
        Line("jax.core.f", "deprecated now: jax.core.f is deprecated.", (Place("a.py", (6,)),)),
    ]
    elsewhere = moved("Jaxpr", "jax.extend.core.Jaxpr", 2, file="b.py")
    first, *rest = moves_said_once([var, *others, literal, elsewhere])
    assert rest == others
    assert first == Line(
        "jax.core.Var, Literal, Jaxpr",
        "gone: use jax.extend.core, under the same names",
        (Place("a.py", (3, 7)), Place("b.py", (2,))),
    )


def test_of_several_files_the_name_comes_before_the_places() -> None:
    there = tuple(Place(f"package/with/a/long/path/module_{n}.py", (n,)) for n in range(4))
    line = Line("jax.tree_map", "gone: use jax.tree.map", there)
    console = Console(record=True, width=80)
    show_lines(console, [line], [], everything=False)
    first, *places = console.export_text().splitlines()
    assert first.strip() == "jax.tree_map  gone: use jax.tree.map"
    assert " ".join(" ".join(places).split()) == "; ".join(map(str, there))


def test_the_places_of_a_line_are_shown_short_and_kept_whole() -> None:
    there = tuple(Place(f"{name}.py", tuple(range(1, 8))) for name in "abcdef")
    whole = Line("jax.tree_map", "gone", there)
    assert whole.where.count("1, 2, 3, 4, 5 and 2 more lines") == 6
    short = Line("jax.tree_map", "gone", there, first_files=True)
    assert short.where.endswith("d.py:1, 2, 3, 4, 5 and 2 more lines and 2 more files")
    assert short.places[-1].lines[-1] == 7
    assert Line("", "cannot be parsed", (Place("a.py"),)).where == "a.py"
    assert Line("", "ran before", subject="mine.step").where == "mine.step"


def test_an_attribute_of_several_types_that_is_said_alike_of_the_same_places_is_one_line() -> None:
    places = (Place("a.py", (4,)),)
    first = Line("BatchNorm.iter_modules()", "deprecated now", places)
    second = Line("Dropout.iter_modules()", "deprecated now", places)
    (line,) = objects_said_once([first, second])
    assert (line.what, line.sentence, line.places) == ("x.iter_modules()", "deprecated now", places)
    others = [
        first,
        Line("Dropout.iter_modules()", "gone", places),
        Line("Dropout.iter_modules()", "deprecated now", (Place("b.py", (4,)),)),
        Line("Dropout.iter_children()", "deprecated now", places),
        Line("Mesh", "deprecated now", places),
    ]
    assert list(objects_said_once(others)) == others
