"""A comparison on the terminal and as Markdown: the user's code first, capped, and complete on request."""

import io

import attrs
import msgspec
import pytest

from conformance.events.arrays import encode
from conformance.events.records import Header, Record
from conformance.events.user_code import SubjectError, Use, UserSources, UserSubject
from conformance.reporting.console import console
from conformance.upgrade.columns import Comparison, gather
from conformance.upgrade.compare import Differences
from conformance.upgrade.detectors import KINDS
from conformance.upgrade.difference import Difference, Distance, Ratio, Value
from conformance.upgrade.for_you.lines import Line, Place
from conformance.upgrade.render import markdown, terminal
from conformance.upgrade.render.as_json import comparisons
from conformance.upgrade.render.github import annotations
from conformance.upgrade.render.lines import show_lines
from conformance.upgrade.status import status
from tests.conformance.upgrade.test_columns import cell

LINES = 40


def shown(comparison: Comparison, *, everything: bool = False, width: int = 150) -> str:
    text = io.StringIO()
    made = console(text)
    made.width = width
    terminal.show(made, comparison, everything=everything)
    return text.getvalue()


def mine(events: list[Record], subjects: dict[str, UserSubject], *uses: Use) -> list[Record]:
    header = events[0]
    assert isinstance(header, Header)
    sources = UserSources(files=3, uses=list(uses), unreadable=[])
    return [msgspec.structs.replace(header, subjects=subjects, sources=sources), *events[1:]]


def named(events: list[Record], value: Value) -> list[Record]:
    """The events, and what was observed of the name `jax.numpy.fix`."""
    seen = {"type": "observation", "key": "names/jax.numpy.fix", "value": encode(value)}
    return [*events[:-1], msgspec.convert({"cell": events[0].cell, **seen}, Record), events[-1]]


@pytest.fixture
def upgraded() -> Comparison:
    """Two environments, without and with many differences of each kind, of a user with one subject."""
    fine = UserSubject(module="mymodel.subjects", error=None)
    error = SubjectError(type="AttributeError", line="no attribute 'fix'")
    before = mine(cell("a", "jax==0.9.0", jax="0.9.0"), {"legacy": fine})
    after = mine(cell("b", "jax"), {"legacy": msgspec.structs.replace(fine, error=error)})
    comparison = gather([*before, *after])
    entries = tuple(
        Difference(
            kind, f"{kind.id}/kind/{n}", f"sentence {n} <of> *{kind.id}*", cause=f"cause {n}"
        )
        if kind.id not in ("regressed", "fixed")
        else Difference(kind, f"axes.x | jax.vmap | s{n}", "holds before", cause=f"cause {n}")
        for kind in KINDS.values()
        for n in range(50)
    )
    entries = tuple(
        attrs.evolve(
            entry,
            detail=Ratio(0.25) if entry.kind.id in ("slower", "faster") else Distance(1.0, 0.5),
        )
        for entry in entries
    )
    return attrs.evolve(comparison, differences=(Differences(entries, 12),))


def test_the_users_part_comes_first_and_all_fits_one_screen(upgraded: Comparison) -> None:
    lines = shown(upgraded).splitlines()
    assert len(lines) <= LINES
    assert lines[0] == "jax 0.9.0, flax 0.12.8 to jax 0.10.2, flax 0.12.8, Python 3.11.7"
    assert lines[1].startswith("FOR YOU  mymodel, 1 subject, 3 files  1 thing to do")
    words = " ".join(lines[2].split())
    assert words == "legacy ran before, now AttributeError: no attribute 'fix'"
    assert lines[3].startswith(
        "ELSEWHERE  in JAX and Flax, not met in your files: 50 laws regressed, 50 more names gone,"
    )
    assert (
        "  `vmap-conformance report -v LOG` lists them, one per line (`| grep NAME` finds a name)"
        in lines
    )
    assert "items by outcome" not in lines


@pytest.mark.parametrize("width", [60, 80, 200])
def test_a_place_and_a_name_stay_whole_where_columns_do_not_fit(width: int) -> None:
    use = Use(file="src/mymodel/physics.py", line=35, name="jax.numpy.fix")
    before = mine(cell("a", "jax==0.9.0", jax="0.9.0"), {}, use)
    absent = {"absent": "removed in JAX v0.10.0; use jax.numpy.trunc instead.", "name": use.name}
    there = gather([*named(before, True), *named(mine(cell("b", "jax"), {}, use), absent)])
    text = shown(there, width=width)
    place = next(line for line in text.splitlines() if "physics.py" in line)
    assert place.split()[:2] == ["src/mymodel/physics.py:35", "jax.numpy.fix"]
    words = " ".join(text.split())
    assert "gone since jax 0.10.0 (2026-04-16): use jax.numpy.trunc" in words


def test_github_is_told_the_line_of_what_needs_work() -> None:
    use = Use(file="src/physics.py", line=35, name="jax.numpy.fix")
    fine = UserSubject(module="mymodel.subjects", error=None)
    gone = SubjectError(type="AttributeError", line="jax.numpy.fix is gone")
    before = mine(cell("a", "jax==0.9.0", jax="0.9.0"), {"legacy": fine, "sound": fine}, use)
    after = {"legacy": msgspec.structs.replace(fine, error=gone), "sound": fine}
    known = named(before, True)
    absent = {"absent": "removed in JAX v0.10.0; use jax.numpy.trunc instead.", "name": use.name}
    found = list(annotations(gather([*known, *named(mine(cell("b", "jax"), after, use), absent)])))
    assert [(each.file, each.line) for each in found] == [("src/physics.py", 35)]
    assert "jax.numpy.fix gone since jax 0.10.0" in found[0].message
    assert list(annotations(gather([*known, *mine(cell("b", "jax"), {"sound": fine})]))) == []


def test_github_is_told_of_every_file() -> None:
    uses = [Use(file=file, line=3, name="jax.numpy.fix") for file in ("a.py", "b.py")]
    known = named(mine(cell("a", "jax==0.9.0", jax="0.9.0"), {}, *uses), True)
    absent = {"absent": "removed in JAX v0.10.0.", "name": "jax.numpy.fix"}
    found = annotations(gather([*known, *named(mine(cell("b", "jax"), {}, *uses), absent)]))
    assert [(each.file, each.line) for each in found] == [("a.py", 3), ("b.py", 3)]


def test_json_has_what_there_is_to_do_with_every_place() -> None:
    uses = [Use(file=file, line=n, name="jax.numpy.fix") for file in "abcdef" for n in range(1, 8)]
    fine = UserSubject(module="mymodel.subjects", error=None)
    gone = SubjectError(type="AttributeError", line="jax.numpy.fix is gone")
    known = named(mine(cell("a", "jax==0.9.0", jax="0.9.0"), {"legacy": fine}, *uses), True)
    failing = {"legacy": msgspec.structs.replace(fine, error=gone)}
    absent = {"absent": "removed in JAX v0.10.0.", "name": "jax.numpy.fix"}
    (found,) = comparisons(gather([*known, *named(mine(cell("b", "jax"), failing, *uses), absent)]))
    assert found.yours is not None
    name, subject = found.yours.to_do
    assert (name.what, subject.subject, subject.follows) == ("jax.numpy.fix", "legacy", True)
    assert [each.file for each in name.places] == list("abcdef")
    assert all(each.lines == list(range(1, 8)) for each in name.places)
    without = gather([*cell("a", "jax==0.9.0", jax="0.9.0"), *cell("b", "jax")])
    assert [each.yours for each in comparisons(without)] == [None]


def test_everything_is_shown_on_request_and_the_matrix_last(upgraded: Comparison) -> None:
    text = shown(upgraded, everything=True)
    assert text.index("FOR YOU") < text.index("NEEDS WORK") < text.index("items by outcome")
    assert "sentence 49" in text
    assert "mapping.axis-size" in text


def test_without_code_of_the_users_the_causes_fit_one_screen(upgraded: Comparison) -> None:
    columns = tuple(
        attrs.evolve(column, events=tuple(cell("x", "jax"))) for column in upgraded.columns
    )
    text = shown(attrs.evolve(upgraded, columns=columns))
    assert "FOR YOU" not in text
    assert len(text.splitlines()) <= LINES
    more = 50 * sum(kind.breaks for kind in KINDS.values()) - terminal.SHOWN["work"]
    parts = ("NEEDS WORK", "TO KNOW", "FINE", f"and {more} more", "-v shows every difference")
    for part in parts:
        assert part in text


def test_environments_without_a_difference(upgraded: Comparison) -> None:
    columns = tuple(
        attrs.evolve(column, events=tuple(cell("x", "jax"))) for column in upgraded.columns
    )
    same = attrs.evolve(upgraded, columns=columns, differences=(Differences((), 12),))
    assert shown(same).splitlines()[1:] == ["nothing breaks, no difference; 12 unchanged"]


def test_an_environment_that_did_not_run_says_why(upgraded: Comparison) -> None:
    first, second = upgraded.columns
    failed = attrs.evolve(second, problem="no such release")
    text = shown(attrs.evolve(upgraded, columns=(first, failed), differences=(None,)))
    assert "jax 0.10.2, flax 0.12.8, Python 3.11.7 did not run: no such release" in text


def test_markdown_has_everything_with_the_text_escaped(upgraded: Comparison) -> None:
    text = markdown.markdown(upgraded)
    assert text.index("### For you: mymodel") < text.index("needs work: ")
    assert "sentence 49 \\<of\\> \\*calls-fail\\*" in text
    assert "| `mapping.axis-size` | 1 holds | 1 holds |" in text


def test_markdown_is_cut_off_below_what_github_shows(upgraded: Comparison) -> None:
    (found,) = upgraded.differences
    assert found is not None
    large = tuple(attrs.evolve(entry, sentence="\u00e9" * 4000) for entry in found.entries)
    text = markdown.markdown(attrs.evolve(upgraded, differences=(Differences(large, 0),)))
    assert len(text.encode()) <= 2**20
    assert text.endswith("(`--log`, then `report --html`).\n")


def test_the_first_differences_of_a_cause_can_be_chosen(upgraded: Comparison) -> None:
    (found,) = upgraded.differences
    assert found is not None
    alike = tuple(attrs.evolve(e, cause="one") for e in found.of(KINDS["calls-fail"]))
    text = markdown.markdown(attrs.evolve(upgraded, differences=(Differences(alike, 0),)), 3)
    assert "  - and 47 more" in text
    assert text.count("  - `calls-fail/") == 3


def test_what_the_user_has_to_do_decides_the_status(upgraded: Comparison) -> None:
    nothing = attrs.evolve(upgraded, differences=(Differences((), 12),))
    assert status(nothing) == 1, "a subject of the user's fails now"
    columns = tuple(
        attrs.evolve(column, events=tuple(cell("x", "jax"))) for column in nothing.columns
    )
    assert status(attrs.evolve(nothing, columns=columns)) == 0
    assert status(attrs.evolve(upgraded, columns=columns)) == 1
    failed = (columns[0], attrs.evolve(columns[1], problem="killed"))
    assert status(attrs.evolve(nothing, columns=failed, differences=(None,))) == 1
    header, *rest = columns[1].events
    unbuilt = attrs.evolve(columns[1], events=(msgspec.structs.replace(header, built=False), *rest))
    assert status(attrs.evolve(nothing, columns=(columns[0], unbuilt))) == 3


def test_the_status_can_be_of_the_users_code_alone(upgraded: Comparison) -> None:
    assert status(upgraded, yours=True) == 1, "a subject of the user's fails now"
    columns = tuple(
        attrs.evolve(column, events=tuple(cell("x", "jax"))) for column in upgraded.columns
    )
    elsewhere = attrs.evolve(upgraded, columns=columns)
    assert (status(elsewhere), status(elsewhere, yours=True)) == (1, 0)
    header, *rest = columns[1].events
    unbuilt = attrs.evolve(columns[1], events=(msgspec.structs.replace(header, built=False), *rest))
    both = attrs.evolve(elsewhere, columns=(columns[0], unbuilt))
    assert status(both, yours=True) == 3, "what was not compared is not said to need no work"


@pytest.mark.parametrize(
    ("work", "know", "heading"), [(True, True, True), (True, False, False), (False, True, False)]
)
def test_what_is_to_know_is_told_from_what_there_is_to_do(
    work: bool, know: bool, heading: bool
) -> None:
    text = io.StringIO()
    to_do = [Line("jax.numpy.fix", "gone", (Place("a.py", (3,)),))] if work else []
    to_know = [Line("x.iter_modules()", "deprecated now", (Place("b.py", (7,)),))] if know else []
    show_lines(console(text), to_do, to_know, everything=False)
    lines = text.getvalue().splitlines()
    assert ("  Also to know:" in lines) == heading
    if heading:
        assert [line.split()[0] for line in lines] == ["a.py:3", "Also", "b.py:7"]
