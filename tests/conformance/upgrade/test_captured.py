"""What a file's text shows of what lifts are given and of what is captured, each beside a neighbour."""

import fnmatch
from pathlib import Path

import pytest

from conformance.events.user_code import Use
from conformance.transforms.linen import uses as linen
from conformance.transforms.nnx import uses as nnx
from conformance.upgrade.for_you.concern import OF_USES, of_law
from conformance.upgrade.for_you.index import by_name
from conformance.upgrade.sources import operations_in, scan
from tests.conformance.upgrade.user_sides import near

START = "from flax import nnx\nimport jax\nmodel = Net(0)\n"
SHOWN = (
    (
        "a bound method mapped",
        "y = nnx.vmap(model.encode)(x)",
        "y = nnx.vmap(Net.encode)(model, x)",
    ),
    (
        "a captured object called",
        "@nnx.vmap\ndef f(x):\n    return model(x)",
        "@nnx.vmap\ndef f(model, x):\n    return model(x)",
    ),
    ("a result along another axis", "f = jax.pmap(g, out_axes=1)", "f = jax.pmap(g, out_axes=0)"),
    (
        "a result along another axis",
        "f = jax.pmap(g, out_axes=(0, (None, 1)))",
        "f = jax.pmap(g, out_axes=(None, 0))",
    ),
    ("a Variable with metadata", "p = nnx.Param(x, a=1, b=2)", "p = nnx.Param(x, a=1)"),
    ("all items set", "p[...] = x", "p[0] = x"),
)


@pytest.mark.parametrize(("name", "shown", "beside"), SHOWN)
def test_what_is_given_or_captured_is_shown_beside_a_neighbour(
    name: str, shown: str, beside: str
) -> None:
    shows, neighbour = (operations_in(f"{START}{text}\n", "a.py") for text in (shown, beside))
    assert name in {each.name for each in shows}
    assert name not in {each.name for each in neighbour}


def test_functions_that_a_lambda_or_a_named_function_calls_are_not_captured_objects() -> None:
    for text in (
        "f = nnx.vmap(lambda m, x: m(jax.numpy.sin(x)))",
        "def h(x): return g(x)\nf = jax.vmap(h)",
    ):
        assert "a captured object called" not in {
            e.name for e in operations_in(f"{START}{text}", "a.py")
        }


@pytest.mark.parametrize(
    ("key", "text", "neighbour"),
    [
        ("flax.nnx.vmap/bound-method", "f = nnx.vmap(model.encode)", "f = nnx.vmap(encode)"),
        (
            "flax.nnx.vmap/closed-over-and-changed",
            "f = nnx.vmap(lambda x: model(x))",
            "f = nnx.vmap(lambda m, x: m(x))",
        ),
        (
            "jax.pmap/result-along-another-axis-as-argument",
            "f = jax.pmap(g, out_axes=1)",
            "f = jax.pmap(g, out_axes=None)",
        ),
        (
            "jax.vmap/rank-0",
            "f = jax.vmap(g, axis_size=3)\ny = f(2.0)",
            "f = jax.vmap(g, axis_size=3)\ny = f(x)",
        ),
        ("jax.vmap/rank-0", "y = jax.vmap(g, axis_size=3)(2.0)", "y = jax.vmap(g)(2.0)"),
    ],
)
def test_a_form_of_a_map_is_near_who_calls_it_so(
    tmp_path: Path, key: str, text: str, neighbour: str
) -> None:
    was, now = {"gives": "* of float32[2]", "values": [None]}, {"type": "ValueError", "line": "no"}
    for written, lines in ((text, 1), (neighbour, 0)):
        (tmp_path / "a.py").write_text(f"{START}{written}\n")
        mine = scan([tmp_path])
        change = {f"calls/{key}": was}, {f"calls/{key}": now}
        assert len(near(tuple(mine.uses), *change, tuple(mine.operations))) == lines


@pytest.mark.parametrize(
    ("use", "text", "neighbour"),
    [
        ("use.drawn-again", "r = nnx.Rngs(0)\ns = r.split(3)", "nnx.split_rngs(splits=3)"),
        ("use.module-aside", "nnx.grad(g, graph_updates=False)", "nnx.grad(g, has_aux=True)"),
        ("use.looped", "nnx.scan(g)", "nnx.jit(g)"),
    ],
)
def test_a_documented_use_is_near_who_does_it(
    tmp_path: Path, use: str, text: str, neighbour: str
) -> None:
    item = f"sharing.documented-uses | flax.nnx.vmap | {use}"
    for written, lines in ((text, 1), (neighbour, 0)):
        (tmp_path / "a.py").write_text(f"{START}{written}\nf = nnx.vmap(g)\n")
        uses = by_name(scan([tmp_path]).uses)
        assert len(of_law(item, uses["flax.nnx.vmap"], uses)) == lines


def test_what_a_use_needs_is_said_of_uses_that_there_are() -> None:
    uses = {*linen.USES, *nnx.USES}
    assert [glob for glob in OF_USES if not fnmatch.filter(uses, glob)] == []


def test_a_default_is_near_who_leaves_it_out() -> None:
    key = "defaults/flax.nnx.scan"
    for given, lines in (((), 1), (("out_axes",), 0)):
        use = Use(file="a.py", line=4, name="flax.nnx.scan", positional=1, keywords=given)
        change = {key: {"out_axes": "0"}}, {key: {"out_axes": "(Carry, 0)"}}
        assert len(near((use,), *change)) == lines
    use = Use(file="a.py", line=4, name="jax.shard_map", positional=1)
    empty = {"defaults/jax.shard_map": {"axis_names": "set()"}}
    assert near((use,), empty, {"defaults/jax.shard_map": {"axis_names": "frozenset()"}}) == []
