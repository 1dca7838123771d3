"""Modules in plain containers are told before anything runs, and once."""

from pathlib import Path

import pytest

from conformance.events.user_code import Operation
from conformance.upgrade.for_you.containers import plain_containers, without_known
from conformance.upgrade.for_you.lines import Line, Place
from conformance.upgrade.for_you.packages import Side
from conformance.upgrade.for_you.what_to_write import HELD
from conformance.upgrade.sources import scan
from conformance.upgrade.sources.containers import ADDED_LATER, IN_A_CONTAINER, containers_in
from conformance.upgrade.sources.own_modules import NONE

START = """
from flax import nnx
import flax.nnx as other
class Block(nnx.Module):
    def __init__(self, rngs):
        self.a = nnx.Linear(2, 2, rngs=rngs)
class Plain(nnx.Module, pytree=False):
    def __init__(self, rngs):
        self.a = nnx.Linear(2, 2, rngs=rngs)
"""
MODEL = "class Model({base}):\n    def __init__(self, n, rngs):\n        {line}\n"


def _holds(line: str, base: str = "nnx.Module") -> bool:
    source = START + MODEL.format(base=base, line=line)
    found = containers_in(source, "model.py", NONE)
    assert all(each.line == source.splitlines().index(f"        {line}") + 1 for each in found)
    return bool(found)


@pytest.mark.parametrize(
    "line",
    [
        "self.layers = [nnx.Linear(n, n, rngs=rngs) for _ in range(3)]",
        "self.layers = [Block(rngs), Block(rngs)]",
        "self.scales = [nnx.Param(n), nnx.Param(n)]",
        "self.layers = nnx.Linear(n, n, rngs=rngs), other.Dropout(0.1)",
        "self.layers = {'first': Block(rngs)}",
        "self.layers = {k: nnx.GRUCell(n, n, rngs=rngs) for k in 'ab'}",
        "self.layers = self.others = [Block(rngs)]",
    ],
)
def test_a_container_of_modules_is_found(line: str) -> None:
    assert _holds(line)
    assert _holds(line, "Block")


@pytest.mark.parametrize(
    ("line", "base"),
    [
        ("self.layers = nnx.List([Block(rngs)])", "nnx.Module"),
        ("self.layers = nnx.data([Block(rngs)])", "nnx.Module"),
        ("self.layers = Block(rngs)", "nnx.Module"),
        ("self.sizes = [n, 2 * n]", "nnx.Module"),
        ("self.axes = [nnx.StateAxes({...: 0})]", "nnx.Module"),
        ("self.inits = [nnx.initializers.zeros_init()]", "nnx.Module"),
        ("layers = [Block(rngs)]", "nnx.Module"),
        ("n.layers = [Block(rngs)]", "nnx.Module"),
        ("self.config.layers = [Block(rngs)]", "nnx.Module"),
        ("self.layers = [Plain(rngs)]", "nnx.Module"),
        # Modules that are no pytrees hold what they like.
        ("self.layers = [Block(rngs)]", "nnx.Module, pytree=False"),
        ("self.layers = [Block(rngs)]", "Plain"),
        ("self.layers = [Block(rngs)]", "object"),
        ("self.layers = [Block(rngs)]", "Unknown"),
    ],
)
def test_what_flax_takes_is_not_found(line: str, base: str) -> None:
    assert not _holds(line, base)


def _filled(*lines: str, declared: str = "rate: float") -> list[int]:
    """The lines of an `__init__`, from 1, that are found."""
    body = "".join(f"        {line}\n" for line in lines)
    source = (
        f"{START}class Model(nnx.Module):\n    {declared}\n    def __init__(self, n, rngs):\n{body}"
    )
    above = START.count("\n") + 3
    return [each.line - above for each in containers_in(source, "model.py", NONE)]


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (("self.layers = []", "for _ in range(n):", "    self.layers.append(Block(rngs))"), [1]),
        (
            ("layers = []", "layers.append(nnx.Linear(n, n, rngs=rngs))", "self.layers = layers"),
            [3],
        ),
        (("self.layers = list()", "block = Block(rngs)", "self.layers.insert(0, block)"), [1]),
        (("self.layers = {}", "self.layers['a'] = Block(rngs)"), [1]),
        (("self.layers = []", "self.layers += [Block(rngs)]"), [1]),
        (("self.layers = []", "self.layers.extend([Block(rngs)])"), [1]),
    ],
)
def test_a_container_that_is_filled_with_modules_is_found(
    lines: tuple[str, ...], found: list[int]
) -> None:
    assert _filled(*lines) == found


@pytest.mark.parametrize(
    "lines",
    [
        ("self.layers = nnx.List([])", "self.layers.append(Block(rngs))"),
        ("layers = []", "layers.append(Block(rngs))", "self.layers = nnx.List(layers)"),
        ("layers = []", "layers.append(Block(rngs))", "self.net = nnx.Sequential(*layers)"),
        ("self.sizes = []", "self.sizes.append(int(n))"),
        ("self.layers = []", "self.layers.append(unknown(rngs))"),
        ("self.layers = []", "n.layers.append(Block(rngs))"),
        ("self.layers = []", "others = []", "others.append(Block(rngs))"),
    ],
)
def test_what_is_filled_with_something_else_is_not_found(lines: tuple[str, ...]) -> None:
    assert _filled(*lines) == []


def test_an_attribute_that_the_class_declares_to_hold_data_is_not_found() -> None:
    lines = "self.layers = []", "self.layers.append(Block(rngs))"
    assert _filled(*lines, declared="layers: nnx.Data[list]") == []
    assert _filled(*lines, declared="layers = nnx.data()") == []
    assert _filled(*lines, declared="layers: list[Block]") == [1]


def test_modules_of_another_file_are_known_and_others_of_that_name_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net").mkdir()
    ways = {
        "a.py": ("from net.blocks import Block as B", "self.x = B(n),"),
        "b.py": ("from . import blocks", "self.x = [blocks.Block(n)]"),
        "c.py": ("from .config import Block", "self.x = [Block(n)]"),
        "d.py": ("from .blocks import Plain", "self.x = [Plain(n)]"),
        "e.py": ("import net.blocks", "self.x = [net.blocks.Block(n)]"),
        "f.py": ("import blocks as b", "self.x = [b.Block(n)]"),
        "g.py": ("import config", "self.x = [config.Block(n)]"),
    }
    texts = {"blocks.py": START, "config.py": "class Block:\n    pass\n"}
    for name, (imported, line) in ways.items():
        texts[name] = f"{imported}\n{MODEL.format(base='nnx.Module', line=line)}"
    for name, text in texts.items():
        (tmp_path / "net" / name).write_text(f"from flax import nnx\n{text}")
    found = [
        each.file for each in scan([tmp_path / "net"]).operations if each.name == IN_A_CONTAINER
    ]
    assert found == [f"net/{name}.py" for name in "abef"]


def _side(flax: str | None) -> Side:
    return Side(None, {"jax": "0.9.0", "flax": flax})


HELD_THERE = [
    Operation(file="model.py", line=7, name=IN_A_CONTAINER),
    Operation(file="model.py", line=9, name=IN_A_CONTAINER),
    Operation(file="other.py", line=3, name="a container held"),
]


LATER = """
class Model(nnx.Module):
    def __init__(self, rngs):
        {start}
    def grow(self, rngs):
        {line}
"""


def _done(start: str, line: str) -> list[tuple[str, int]]:
    source = START + LATER.format(start=start, line=line)
    there = source.splitlines().index(f"        {line}") + 1
    return [(each.name, each.line - there) for each in containers_in(source, "model.py", NONE)]


@pytest.mark.parametrize(
    ("start", "line"),
    [
        ("self.layers = []", "self.layers.append(Block(rngs))"),
        ("self.layers = list()", "self.layers.insert(0, nnx.Linear(2, 2, rngs=rngs))"),
        ("self.layers = []", "self.layers.extend([Block(rngs), Block(rngs)])"),
        ("self.layers = {}", "self.layers['a'] = Block(rngs)"),
        ("self.layers = {}", "self.layers.setdefault('a', Block(rngs))"),
        ("self.n = 2", "self.layers = []; self.layers.append(Block(rngs))"),
    ],
)
def test_a_module_that_is_added_later_is_found(start: str, line: str) -> None:
    assert _done(start, line) == [(ADDED_LATER, 0)]


@pytest.mark.parametrize(
    ("start", "line"),
    [
        ("self.layers = []; self.grow(rngs)", "self.layers.append(Block(rngs))"),
        ("self.layers = []", "self.layers += [Block(rngs)]"),
    ],
)
def test_a_module_that_is_added_where_flax_looks_is_refused(start: str, line: str) -> None:
    assert _done(start, line) == [(IN_A_CONTAINER, 0)]


@pytest.mark.parametrize(
    ("start", "line"),
    [
        ("self.layers = nnx.List([])", "self.layers.append(Block(rngs))"),
        ("self.layers = nnx.data([])", "self.layers.append(Block(rngs))"),
        (
            "self.layers = []; self.layers = nnx.List(self.layers)",
            "self.layers.append(Block(rngs))",
        ),
        ("self.sizes = []", "self.sizes.append(len(rngs))"),
        ("self.layers = []", "layers = []; layers.append(Block(rngs))"),
        ("self.layers = []", "return self.layers"),
    ],
)
def test_what_flax_sees_or_is_no_module_is_not_found(start: str, line: str) -> None:
    assert not _done(start, line)


def test_what_is_added_later_is_told_where_flax_leaves_it_out() -> None:
    operations = [Operation(file="model.py", line=9, name=ADDED_LATER)]
    (line,) = plain_containers(operations, _side("0.11.2"), _side("0.12.5"))
    assert line.places == (Place("model.py", (9,)),)
    assert "silently left out of nnx.state since flax 0.12.5" in line.sentence
    assert list(plain_containers(operations, _side("0.12.4"), _side("0.12.8"))) == [line]
    assert not list(plain_containers(operations, _side("0.11.2"), _side("0.12.4")))
    assert not list(plain_containers(operations, _side("0.12.5"), _side("0.12.12")))


@pytest.mark.parametrize(("old", "new"), [("0.11.2", "0.12.0"), ("0.10.4", "0.12.12")])
def test_it_is_told_where_flax_refuses_it_now(old: str, new: str) -> None:
    (line,) = plain_containers(HELD_THERE, _side(old), _side(new))
    assert line == Line("nnx.Module", HELD, (Place("model.py", (7, 9)),))
    assert not list(plain_containers(HELD_THERE[2:], _side(old), _side(new)))


@pytest.mark.parametrize(
    ("old", "new"),
    [("0.10.4", "0.11.2"), ("0.12.0", "0.12.8"), (None, "0.12.8"), ("0.11.2", None)],
)
def test_it_is_not_told_elsewhere(old: str | None, new: str | None) -> None:
    assert not list(plain_containers(HELD_THERE, _side(old), _side(new)))


def test_it_is_told_once() -> None:
    known = [Line("nnx.Module", HELD, (Place("model.py", (7, 9)),))]
    both = (Place("model.py", (7, 9, 12)), Place("other.py", (3,)))
    left = without_known(Line("Module", f"{HELD}. ValueError", both), known)
    assert left is not None
    assert left.places == (Place("model.py", (12,)), Place("other.py", (3,)))
    assert without_known(Line("Module", HELD, (Place("model.py", (9,)),)), known) is None
    other = Line("Module", "something else", both)
    assert without_known(other, known) == other
    assert without_known(other, []) == other
