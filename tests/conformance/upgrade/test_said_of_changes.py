"""What is said of changes that a file's text shows, and of what was silently wrong before."""

from typing import Any

import msgspec
import numpy as np
import pytest

from conformance.events.user_code import Operation, Use, UserSources
from conformance.upgrade.for_you.early import before_it_runs
from conformance.upgrade.for_you.packages import Side
from conformance.upgrade.name_changes import keyword_change
from conformance.upgrade.sources import operations_in
from conformance.upgrade.sources.of_objects import done_in
from tests.conformance.upgrade.user_sides import found, near, side

GONE = {"absent": "it is gone", "name": "flax.linen.GeGLU"}
MODULE = Use(file="a.py", line=4, name="flax.nnx.Module")
MAPPED = Use(file="a.py", line=5, name="flax.linen.vmap")
NORM = Use(file="a.py", line=3, name="flax.linen.LayerNorm")
ACCEPTED, REFUSED = {"gives": "* of int"}, {"type": "ValueError", "line": "Found data on a value"}
ITEM = "sharing.equals-per-example | flax.linen.vmap | layer-norm"
DEFECT = "linen-vmap-layer-norm-one-scale"


def test_a_container_that_a_module_holds_is_said_with_what_to_write_and_before_other_lines() -> (
    None
):
    held = (Operation(file="a.py", line=9, name="a container held"),)
    calls = ["calls/flax.nnx.vmap/held-list-of-modules", "calls/flax.nnx.vmap/instance"]
    uses = (MODULE, Use(file="a.py", line=2, name="flax.nnx.vmap"))
    first, second = near(uses, dict.fromkeys(calls, ACCEPTED), dict.fromkeys(calls, REFUSED), held)
    assert first[:2] == ("a.py:9", "flax.nnx.Module")
    assert "nnx.List(...)" in first[2]
    assert first[2].endswith("ValueError: Found data on a value")
    assert second[2].startswith("1 call fails now (instance)")


def test_what_a_method_adds_is_told_to_who_adds_it_and_apart_from_other_changes() -> None:
    key, walked = "calls/flax.nnx.vmap/added-later-to-a-list", "calls/flax.nnx.vmap/graph-children"
    was, now = ({"gives": "int", "values": [n]} for n in (2, 0))
    uses = (MODULE, Use(file="a.py", line=2, name="flax.nnx.List"))
    held, filled, walks = (
        Operation(file="a.py", line=line, name=name)
        for line, name in (
            (9, "a container held"),
            (12, "a container filled by a method"),
            (14, "iter_children called"),
        )
    )
    assert near(uses, {key: was}, {key: now}, (held,)) == []
    both = {key: was, walked: was}, {key: now, walked: now}
    first, second = sorted(near(uses, *both, (held, filled, walks)))
    assert first[0] == "a.py:12"
    assert "silently left out of nnx.state" in first[2]
    assert second[0] == "a.py:14"
    assert "silently" not in second[2]


def test_another_name_of_a_primitive_is_said_with_both_to_who_asks_for_one() -> None:
    key = "calls/jax.vmap/plain-make_jaxpr-names-of-primitives"
    traces = Use(file="a.py", line=2, name="jax.make_jaxpr")
    was, now = ({"gives": "list of str", "values": [name]} for name in ("pjit", "jit"))
    asked = (Operation(file="a.py", line=7, name="pjit named"),)
    ((where, _, said),) = near((traces,), {key: was}, {key: now}, asked)
    assert where == "a.py:7"
    assert "eqn.primitive.name in ('jit', 'pjit')" in said
    assert near((traces,), {key: was}, {key: now}) == []


def test_an_axis_that_is_new_is_said_to_who_gathers_from_one_process_unless_it_is_told_to_join() -> (
    None
):
    key = "calls/jax.vmap/plain-experimental.multihost_utils.process_allgather-vector"
    gathers = Use(
        file="a.py",
        line=7,
        name="jax.experimental.multihost_utils.process_allgather",
        positional=1,
    )
    was, now = ({"gives": f"float32{shape}", "values": [None]} for shape in ("[3]", "[1,3]"))
    ((where, name, said),) = near((gathers,), {key: was}, {key: now})
    assert (where, name) == ("a.py:7", gathers.name)
    assert said.startswith("in a program of one process, the result has a new first axis")
    for told in ({"keywords": ("tiled",)}, {"positional": 2}):
        joins = msgspec.structs.replace(gathers, **told)
        assert near((joins,), {key: was}, {key: now}) == []


def test_arrays_of_another_library_are_said_in_one_line_with_what_gives_the_old_ones() -> None:
    start = "calls/jax.vmap/plain-each-flax.training.common_utils"
    keys = [f"{start}.stack_forest-{given}" for given in ("list-of-trees", "one-array")]
    was, now = (
        {key: {"gives": "str", "values": [f"{{a: {by} float32[2]}}"]} for key in keys}
        for by in ("NumPy array", "array")
    )
    uses = tuple(
        Use(file="a.py", line=line, name=f"flax.training.common_utils.{name}", positional=1)
        for line, name in ((7, "stack_forest"), (8, "shard"))
    )
    ((where, _, said),) = near(uses, was, now)
    assert where == "a.py:7"
    assert said.startswith("gives JAX's arrays since flax 0.12.1, where it gave NumPy's")
    assert near(uses[1:], was, now) == []


def test_equations_that_changed_are_said_in_one_line_to_who_takes_equations_apart() -> None:
    keys = [f"calls/jax.vmap/plain-make_jaxpr-equation-of-{what}" for what in ("sine", "square")]
    was, now = (
        {key: {"gives": "str", "values": [value]} for key, value in zip(keys, values, strict=True)}
        for values in (("sin()", "integer_pow(y)"), ("sin(accuracy)", "square()"))
    )
    traces = Use(file="a.py", line=2, name="jax.make_jaxpr")
    apart = (Operation(file="a.py", line=7, name="equations taken apart"),)
    ((where, name, said),) = near((traces,), was, now, apart)
    assert (where, name) == ("a.py:7", "jax.make_jaxpr")
    assert said == (
        "2 kinds of objects changed (equation-of-sine, equation-of-square), the first: gave sin(); gives "
        "sin(accuracy)"
    )
    assert near((traces,), was, now) == []
    elsewhere = (Operation(file="b.py", line=7, name="equations taken apart"),)
    assert near((traces,), was, now, elsewhere) == []


def test_streams_that_are_not_split_are_said_to_who_gives_the_size() -> None:
    call = "calls/flax.nnx.vmap/streams-not-split"
    uses = [Use(file="a.py", line=2, name=f"flax.nnx.{name}") for name in ("Rngs", "Linear")]
    mapped = Use(file="a.py", line=6, name="flax.nnx.vmap", keywords=("axis_size",))
    ((where, _, said),) = near((*uses, mapped), {call: ACCEPTED}, {call: REFUSED})
    assert where == "a.py:6"
    assert "nnx.split_rngs(splits=n)" in said
    without = Use(file="a.py", line=6, name="flax.nnx.vmap")
    assert near((*uses, without), {call: ACCEPTED}, {call: REFUSED}) == []


def test_streams_that_are_split_for_a_call_too_are_said_to_who_splits_them_twice() -> None:
    call = "calls/flax.nnx.vmap/rngs-split-when-made-and-called"
    uses = tuple(
        Use(file="a.py", line=line, name=f"flax.nnx.{name}")
        for line, name in ((2, "Dropout"), (3, "split_rngs"), (8, "split_rngs"), (3, "vmap"))
    )
    again = (Operation(file="a.py", line=8, name="streams split again"),)
    ((where, what, said),) = near(uses, {call: ACCEPTED}, {call: REFUSED}, again)
    assert (where, what) == ("a.py:8", "flax.nnx.split_rngs")
    assert said.startswith("a Dropout that is made within a map keeps its streams")
    assert near(uses, {call: ACCEPTED}, {call: REFUSED}) == []


def test_that_a_mesh_which_is_entered_lays_nothing_out_is_said_to_who_enters_one_and_has_boxes() -> (
    None
):
    call = "calls/flax.linen.vmap/unboxed-under-an-entered-mesh"
    gave, gives = ({"gives": "* of str", "values": [each]} for each in ("laid out", "not laid out"))
    mesh = Use(file="a.py", line=2, name="jax.sharding.Mesh")
    boxed = Use(file="a.py", line=3, name="flax.linen.unbox")
    entered = (Operation(file="a.py", line=9, name="an object entered"),)
    ((where, what, said),) = near((mesh, boxed), {call: gave}, {call: gives}, entered)
    assert (where, what) == ("a.py:9", "flax.linen.unbox")
    assert said.endswith("Enter the mesh by `with jax.set_mesh(mesh):`.")
    assert near((mesh, boxed), {call: gave}, {call: gives}) == []
    without_boxes = Use(file="a.py", line=3, name="flax.linen.Dense")
    assert near((mesh, without_boxes), {call: gave}, {call: gives}, entered) == []


@pytest.mark.parametrize("call", ["jax.pmap/no-element", "jax.vmap/of-none-numpy.trapezoid"])
def test_what_arrays_without_elements_meet_is_said_to_files_that_have_a_size_of_zero(
    call: str,
) -> None:
    names = ("jax.pmap", "jax.numpy.trapezoid", "jax.vmap")
    uses = tuple(Use(file="a.py", line=2, name=name) for name in names)
    key = f"calls/{call}"
    empty = (Operation(file="a.py", line=9, name="a size of zero"),)
    assert near(uses, {key: ACCEPTED}, {key: REFUSED}) == []
    assert len(near(uses, {key: ACCEPTED}, {key: REFUSED}, empty)) == 1


@pytest.mark.parametrize(
    ("case", "lift", "also"),
    [("children-jit", "jit", ()), ("scan-of-jit", "scan", ("jit",)), ("remat", "checkpoint", ())],
)
def test_a_change_under_a_lift_is_near_who_uses_all_of_it(
    case: str, lift: str, also: tuple[str, ...]
) -> None:
    key = f"lifts/flax.linen/{case}/tree"
    trees = {key: {"dense/kernel": "float32[2]"}}, {key: {"dense/bias": "float32[2]"}}
    dense = Use(file="a.py", line=3, name="flax.linen.Dense")
    mine = [Use(file="a.py", line=4, name=f"flax.linen.{name}") for name in (lift, *also)]
    assert len(near((dense, *mine), *trees)) == 1
    # Another library's lift of that name is not it.
    other = Use(file="a.py", line=4, name=f"jax.{lift}")
    assert near((dense, other, *mine[1:]), *trees) == []


def _outcomes(uses: tuple[Use, ...], defect: str) -> list[str]:
    known = {
        "outcome": "known-defect",
        "detail": {"defect": defect, "reference": "", "description": ""},
    }
    holds: dict[str, Any] = {"outcome": "holds", "detail": None}
    other = {"mapping.axis-size | flax.linen.vmap | dense": holds}
    before, after = (side({}, {}, {**other, **more}, uses=uses) for more in ({ITEM: known}, {}))
    return [line.sentence for line in found(before, after).near]


def test_what_was_silently_wrong_and_is_right_now_is_near_who_makes_such_calls() -> None:
    (said,) = _outcomes((MAPPED, NORM), DEFECT)
    assert said.startswith("results change, for they were wrong before and are right now: ")
    assert _outcomes((NORM,), DEFECT) == []
    # What raised before is met by no code that works.
    assert _outcomes((MAPPED, NORM), "pmap-in-jit-out-axes") == []


def test_an_optimizer_that_a_function_is_given_is_known_by_its_name() -> None:
    source = "from flax import nnx\ndef step(model, opt, grads):\n    opt.update(grads)"
    assert Operation(file="a.py", line=3, name="Optimizer: .update(1") in done_in(source, "a.py")
    other = source.replace("opt", "table")
    assert all("Optimizer" not in each.name for each in done_in(other, "a.py"))


def test_a_keyword_that_is_gone_is_said_with_what_to_write_and_no_other_keyword() -> None:
    said = keyword_change("flax.nnx.scan", ["state_axes"])
    assert said is not None
    assert "nnx.StateAxes" in said
    key, of_some = "signatures/jax.lax.some", {"any": False, "required": []}
    was = {key: {**of_some, "keywords": ["old"]}}
    now = {key: {**of_some, "keywords": ["one", "two"]}}
    call = (Use(file="a.py", line=7, name="jax.lax.some", keywords=("old",)),)
    (line,) = found(side({}, was, uses=call), side({}, now, uses=call)).work
    assert line.sentence == "takes no old= any more"


def test_other_lines_of_a_name_that_is_gone_are_not_said() -> None:
    gelu = Use(file="a.py", line=3, name="flax.linen.GeGLU")
    key = "names/flax.linen.GeGLU"
    layer = "layers/flax.linen/GeGLU/tree"
    was = {key: True, layer: {"params/kernel": "float32[2]"}}
    mine = found(side({}, was, uses=(gelu,)), side({}, {key: GONE, layer: {"other": "float32[2]"}}))
    assert [line.what for line in mine.work] == ["flax.linen.GeGLU"]
    assert mine.near == ()
    there = found(side({}, was, uses=(gelu,)), side({}, {**was, layer: {"other": "float32[2]"}}))
    assert [line.what for line in there.near] == ["flax.linen.GeGLU"]


def test_the_array_of_a_variable_is_no_new_attribute() -> None:
    source = "from flax import nnx\np = nnx.Param(1)\np.{} = 2"
    new = Operation(file="a.py", line=3, name="Param: set a new attribute")
    assert new in done_in(source.format("tag"), "a.py")
    assert new not in done_in(source.format("value"), "a.py")


def test_a_keyword_that_a_signature_did_not_show_is_said_where_it_was_asked_for() -> None:
    key = "signatures/jax.jit"
    now = {"keywords": ["inline"], "any": False, "positional": ["fun"], "required": []}
    was = {**now, "required": ["fun"]}
    call = (Use(file="a.py", line=7, name="jax.jit", keywords=("fun",)),)
    (line,) = found(side({}, {key: was}, uses=call), side({}, {key: now}, uses=call)).work
    assert line.sentence.startswith("takes no fun= since jax 0.7.0 ")
    assert found(side({}, {key: now}, uses=call), side({}, {key: now}, uses=call)).work == ()


@pytest.mark.parametrize(("given", "lines"), [("3.0", 1), ("x.reshape(-1)", 0)])
def test_what_fails_of_a_number_is_told_to_who_gives_one_to_that_function(
    given: str, lines: int
) -> None:
    key = "calls/jax.vmap/of-number-lax.top_k"
    use = Use(file="a.py", line=1, name="jax.lax.top_k", positional=2)
    done = tuple(operations_in(f"y = lax.top_k({given}, 2)", "a.py"))
    assert len(near((use,), {key: ACCEPTED}, {key: REFUSED}, done)) == lines


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("y = jnp.linalg.solve(jnp.ones((4, 3, 3)), b)", 1),
        ("y = jnp.linalg.solve(j.T @ j, j.T @ g)", 0),
        ("y = jnp.linalg.solve(jnp.ones((4, 3, 3)), f[..., None])[..., 0]", 0),
    ],
)
def test_a_solve_is_told_to_who_gives_a_stack_of_matrices_and_no_columns(
    source: str, lines: int
) -> None:
    key = "calls/jax.vmap/traced-solve-vector-by-two"
    use = Use(file="a.py", line=1, name="jax.numpy.linalg.solve", positional=2)
    grad = Use(file="a.py", line=2, name="jax.grad", positional=1)
    done = tuple(operations_in(source, "a.py"))
    assert len(near((use, grad), {key: ACCEPTED}, {key: REFUSED}, done)) == lines


@pytest.mark.parametrize(
    ("was", "now", "lines"),
    [
        ([np.nan, 0.5], [0.0, 0.5], 0),
        ([-np.inf, 0.5], [np.nan, 0.5], 0),
        ([1.0, 0.5], [np.nan, 0.5], 1),
        ([np.nan, 0.5], [np.nan, 0.25], 1),
        ([np.nan, 0.5], [0.0, 0.25], 1),
    ],
)
def test_what_was_no_number_at_an_edge_is_told_to_nobody(
    was: list[float], now: list[float], lines: int
) -> None:
    key = "calls/jax.vmap/at-edges-least-squares"
    use = Use(file="a.py", line=1, name="jax.numpy.linalg.lstsq", positional=2)
    values = ({key: {"gives": "float32[2]", "values": [np.array(v)]}} for v in (was, now))
    assert len(near((use,), *values)) == lines


def test_a_callback_that_is_vectorized_is_told_what_to_write() -> None:
    key = "calls/jax.vmap/callback-vectorized"
    use = Use(file="a.py", line=1, name="jax.pure_callback", positional=3, keywords=("vectorized",))
    vmap = Use(file="a.py", line=2, name="jax.vmap", positional=1)
    other = msgspec.structs.replace(use, keywords=("vmap_method",))
    ((where, _, said),) = near((use, vmap), {key: ACCEPTED}, {key: REFUSED})
    assert where == "a.py:1"
    assert "vmap_method='legacy_vectorized'" in said
    assert near((other, vmap), {key: ACCEPTED}, {key: REFUSED}) == []


@pytest.mark.parametrize(
    ("releases", "told"),
    [(("0.5.3", "0.10.2"), True), (("0.6.2", "0.10.2"), False), (("0.4.35", "0.5.3"), False)],
)
def test_a_keyword_that_is_refused_or_handed_on_is_told_at_once_by_the_releases(
    releases: tuple[str, str], told: bool
) -> None:
    call = Use(
        file="a.py", line=1, name="jax.pure_callback", positional=3, keywords=("vectorized",)
    )
    other = msgspec.structs.replace(call, line=2, keywords=("vmap_method",))
    takes = {"keywords": ["sharding", "vectorized", "vmap_method"], "any": True}
    key = "signatures/jax.pure_callback"
    was, now = (Side(None, {"jax": release}) for release in releases)
    sources = UserSources(files=1, uses=[call, other], unreadable=[])
    early = before_it_runs(sources, {}, {}, {key: takes}, {key: takes}, (was, now))
    assert [str(place) for line in early.work for place in line.places] == ["a.py:1"] * told
    assert all("since jax 0.6.0 (2025-04-16): use vmap_method=" in e.sentence for e in early.work)


def test_layers_that_draw_a_key_when_they_are_made_are_told_to_who_makes_them() -> None:
    names = {"Dropout": (), "MultiHeadAttention": ("dropout_rate",), "RNN": ()}
    keys = {name: f"calls/flax.nnx.vmap/keys-drawn-by-a-new-{name}" for name in names}
    was, now = ({key: {"gives": "int", "values": [n]} for key in keys.values()} for n in (0, 1))
    uses = [
        Use(file="a.py", line=line, name=f"flax.nnx.{name}", keywords=words)
        for line, (name, words) in enumerate(names.items(), 1)
    ]
    told = near(tuple(uses), was, now)
    assert sorted(where for where, *_ in told) == ["a.py:1", "a.py:2", "a.py:3"]
    for where, _, said in told:
        assert f"nnx.Rngs(0, {'carry' if where == 'a.py:3' else 'dropout'}=1)" in said
    # One without dropout draws as before.
    uses[1] = msgspec.structs.replace(uses[1], keywords=())
    assert sorted(where for where, *_ in near(tuple(uses), was, now)) == ["a.py:1", "a.py:3"]
    linen = Use(file="a.py", line=1, name="flax.linen.Dropout")
    assert near((linen,), was, now) == []


def test_other_elements_that_a_dropout_drops_are_said_in_words() -> None:
    key = "calls/flax.nnx.vmap/Dropout-not-told"
    values = ({key: {"gives": "float32[2]", "values": [np.array(v)]}} for v in ([0.0, 2], [2.0, 2]))
    use = Use(file="a.py", line=1, name="flax.nnx.Dropout", positional=1, keywords=("rngs",))
    ((_, _, said),) = near((use,), *values)
    assert said.startswith("the same seed drops other elements")
    assert not said.endswith(" ")


def test_a_warning_is_cut_off_before_an_address_that_is_on_its_next_line() -> None:
    key = "warnings/calls/flax.nnx.Module.sow-called"
    warned = [{"category": "DeprecationWarning", "line": "'Module.sow()' is deprecated; see"}]
    use = Use(file="a.py", line=1, name="flax.nnx.Module.sow")
    ((_, _, said),) = near((use,), {key: []}, {key: warned})
    assert said.endswith("'Module.sow()' is deprecated")


def test_a_spec_that_is_equal_to_no_tuple_is_said_with_what_to_compare() -> None:
    key = "calls/jax.vmap/plain-PartitionSpec-compared-with-a-tuple"
    spec = Use(file="a.py", line=2, name="jax.sharding.PartitionSpec")
    was, now = ({"gives": "str", "values": [f"equal: {same}"]} for same in (True, False))
    compared = (Operation(file="a.py", line=7, name="a tuple compared"),)
    ((where, _, said),) = near((spec,), {key: was}, {key: now}, compared)
    assert where == "a.py:7"
    assert said.startswith("a PartitionSpec is equal to no tuple now")
    assert near((spec,), {key: was}, {key: now}) == []
