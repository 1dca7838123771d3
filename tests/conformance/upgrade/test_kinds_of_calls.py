"""Which calls of a name a change is told to: those that its text shows to be such, and no others."""

from typing import Any

import pytest

from conformance.events.user_code import Operation, Use
from conformance.observations import calls, code_names
from conformance.upgrade.sources.operations import operations_in
from tests.conformance.upgrade.user_sides import near

ACCEPTED: dict[str, Any] = {"gives": "* of float32[2]", "values": [None]}


def test_a_module_of_the_other_library_is_told_what_it_starts_with() -> None:
    key = "lifts/flax.nnx/bridge/tree"
    was, now = ({key: {f"{name}/count": "uint32[]"}} for name in ("rngs", "to_nnx__rngs"))
    bridged = Use(file="a.py", line=4, name="flax.nnx.bridge.ToNNX", positional=1)
    other = Use(file="b.py", line=5, name="flax.nnx.Linear", positional=2)
    ((where, what, _),) = near((bridged, other), was, now)
    assert (where, what) == ("a.py:4", "flax.nnx.bridge.ToNNX")
    assert near((other,), was, now) == []


def test_a_call_with_more_by_position_is_told_to_who_gives_as_many() -> None:
    key = "calls/jax.vmap/plain-each-lax.rsqrt-vector-and-number"
    refused = {"type": "TypeError", "line": "rsqrt() takes 1 positional argument but 2 were given"}
    for positional, whole, lines in ((1, True, 0), (2, True, 1), (1, False, 1)):
        use = Use(file="a.py", line=4, name="jax.lax.rsqrt", positional=positional, whole=whole)
        assert len(near((use,), {key: ACCEPTED}, {key: refused})) == lines


@pytest.mark.parametrize(
    ("call", "use", "neighbour"),
    [
        ("jax.make_mesh-kinds-of-axes", (), ("axis_types",)),
        ("jax.checkpoint-concrete", ("concrete",), ("policy",)),
        ("flax.nnx.Param-with-hooks", ("on_get_value",), ()),
        ("flax.nnx.Param-sharding_names", ("sharding_names",), ()),
    ],
)
def test_a_warning_is_told_to_who_gives_the_keyword(
    call: str, use: tuple[str, ...], neighbour: tuple[str, ...]
) -> None:
    key, name = f"warnings/calls/{call}", call.partition("-")[0]
    now = {key: [{"category": "DeprecationWarning", "line": "give another"}]}
    for keywords, lines in ((use, 1), (neighbour, 0)):
        called = Use(file="a.py", line=4, name=name, positional=1, keywords=keywords)
        assert len(near((called,), {key: []}, now)) == lines


def test_what_keywords_show_to_be_met_comes_first() -> None:
    calls_failing = "calls/jax.vmap/instance"
    key = "warnings/calls/jax.make_mesh-kinds-of-axes"
    uses = (
        Use(file="a.py", line=4, name="jax.make_mesh", positional=2),
        Use(file="a.py", line=5, name="jax.vmap", positional=1),
    )
    warned = [{"category": "DeprecationWarning", "line": "give axis_types"}]
    refused = {"type": "ValueError", "line": "no"}
    said = near(uses, {key: [], calls_failing: ACCEPTED}, {key: warned, calls_failing: refused})
    assert [what for _, what, _ in said] == ["jax.make_mesh", "jax.vmap"]


def test_a_list_within_a_map_is_told_to_who_holds_one() -> None:
    key = "calls/flax.nnx.vmap/map-of-held-list"
    uses = (
        Use(file="a.py", line=4, name="flax.nnx.Module"),
        Use(file="a.py", line=5, name="flax.nnx.BatchStat", positional=1),
    )
    refused = {"type": "ValueError", "line": "Found data"}
    held = (Operation(file="a.py", line=6, name="a container held"),)
    assert near(uses, {key: ACCEPTED}, {key: refused}) == []
    ((where, _, said),) = near(uses, {key: ACCEPTED}, {key: refused}, held)
    assert where == "a.py:6"
    assert "nnx.List(...)" in said


def test_a_rule_of_ones_own_is_what_its_call_is_made_of() -> None:
    call = calls.form("calls/jax.shard_map/own-vjp-of-shared")
    assert call is not None
    assert "custom_vjp" in code_names.names_in(call)


def test_what_is_at_the_edges_is_told_to_no_call_of_plain_numbers() -> None:
    key = "calls/jax.vmap/at-edges-gamma"
    refused = {"type": "ValueError", "line": "no"}
    use = Use(file="a.py", line=1, name="jax.scipy.special.gamma", positional=1)
    for numbers, lines in (("1.5", 0), ("-0.5", 1), ("x", 1)):
        done = tuple(operations_in(f"y = jax.scipy.special.gamma({numbers})", "a.py"))
        assert len(near((use,), {key: ACCEPTED}, {key: refused}, done)) == lines
