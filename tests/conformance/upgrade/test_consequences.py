"""A change that explains others is one entry; what it does not explain is an entry of its own."""

from typing import Any

import pytest

from conformance.upgrade.detectors import KINDS
from tests.conformance.upgrade.events import (
    ERROR,
    GONE,
    HEADER,
    NEWER,
    compared,
    leaf,
)


def test_a_changed_stream_swallows_what_was_drawn_from_it() -> None:
    dense, other = "parameters/f/dense/shared/params/w", "parameters/f/odd/shared/params/w"
    old = {"prng/threefry2x32/bits": [1], dense: leaf(1.0, keyed=True), other: leaf(1.0)}
    new = {"prng/threefry2x32/bits": [2], dense: leaf(2.0, keyed=True), other: leaf(2.0)}
    differences = compared(old, new, HEADER, NEWER)
    (stream,), (unexplained,) = (
        differences.of(KINDS[kind]) for kind in ("prng-stream-changed", "parameters-changed")
    )
    assert stream.consequences == ("prng/threefry2x32/bits", dense)
    assert "1 changes follow from it" in stream.sentence
    assert "'jax_threefry_partitionable', False" in stream.remedy
    assert unexplained.key == other


DRAWS = {"count": 2, "primitives": {"random_bits": 1, "mul": 1}}


@pytest.mark.parametrize(
    ("primitives", "agrees", "explained"),
    [(DRAWS, True, True), (DRAWS, False, False), ({"count": 1, "primitives": {}}, True, False)],
    ids=["draws", "the-reference-disagrees", "draws-nothing"],
)
def test_a_changed_stream_explains_the_outputs_of_functions_that_draw(
    primitives: dict[str, Any], agrees: bool, explained: bool
) -> None:
    output = "outputs/jax.vmap/a/noisy"
    old = {"prng/threefry2x32/bits": [1], output: leaf(1.0, agrees=agrees)}
    new = {"prng/threefry2x32/bits": [2], output: leaf(2.0, agrees=agrees)}
    jaxpr = {"jaxprs/jax.vmap/a/noisy": primitives}
    differences = compared(old | jaxpr, new | jaxpr, HEADER, NEWER)
    (stream,) = differences.of(KINDS["prng-stream-changed"])
    assert (output in stream.consequences) is explained
    beyond = [entry.key for entry in differences.of(KINDS["values-beyond-bound"])]
    assert beyond == ([] if explained else [output])


@pytest.mark.parametrize(
    ("facts", "prng"),
    [({"agrees": False}, "threefry2x32"), ({"keyed": False}, "threefry2x32"), ({}, "rbg")],
    ids=["the-reference-disagrees", "no-key-in-it", "of-another-prng"],
)
def test_a_stream_explains_only_what_it_earned(facts: dict[str, Any], prng: str) -> None:
    key = "parameters/f/dense/shared/params/w"
    made = {"keyed": True, **facts}
    old = {f"prng/{prng}/bits": [1], key: leaf(1.0, **made)}
    new = {f"prng/{prng}/bits": [2], key: leaf(2.0, **made)}
    assert [entry.key for entry in compared(old, new).of(KINDS["parameters-changed"])] == [key]


def test_a_changed_tree_swallows_its_leaves() -> None:
    tree, w = "parameters/f/dense/shared/tree", "parameters/f/dense/shared/params/w"
    old = {tree: {"params/w": "float32[1]"}, w: leaf(1.0)}
    new = {tree: {"params/w": "float32[2]"}, w: leaf(1.0, 2.0)}
    (entry,) = compared(old, new).entries
    assert (entry.key, entry.consequences) == (tree, (w,))
    assert entry.sentence == "params/w was float32[1], is float32[2]"


def test_a_removed_name_swallows_the_calls_that_need_it_and_says_what_instead() -> None:
    call = "warnings/calls/jax.tree_map"
    differences = compared(
        {"names/jax.tree_map": True, call: []}, {"names/jax.tree_map": GONE, call: GONE}
    )
    (entry,) = differences.entries
    assert entry.consequences == (call,)
    assert entry.remedy == "Use jax.tree.map."


def test_a_new_name_explains_all_that_is_observed_of_the_cases_that_need_it() -> None:
    lacking = {"absent": "no split_rngs", "name": "flax.nnx.split_rngs"}
    case = "lifts/flax.nnx/vmap"
    old = {"names/flax.nnx.split_rngs": lacking, case: lacking}
    new = {"names/flax.nnx.split_rngs": True, f"{case}/rngs/count": leaf(1.0)}
    (entry,) = compared(old, new).entries
    assert (entry.kind.id, set(entry.consequences)) == (
        "added-names",
        {case, f"{case}/rngs/count"},
    )
    unrelated = {**new, "lifts/flax.nnx/jit/rngs/count": leaf(1.0)}
    assert len(compared(old, unrelated).entries) == 2


def test_renamed_parameters_explain_what_they_make_fail() -> None:
    tree, output = "parameters/f/dense/shared/tree", "outputs/f/dense/shared/output"
    old = {
        tree: {"params/w": "float32[1]"},
        "parameters/f/dense/shared/params/w": leaf(1.0),
        output: leaf(1.0),
    }
    new = {
        tree: {"params/k": "float32[1]"},
        "parameters/f/dense/shared/params/k": leaf(1.0),
        "outputs/f/dense/shared": ERROR,
    }
    (entry,) = compared(old, new).entries
    assert entry.sentence == "params/w is gone; params/k float32[1] is new"
    assert set(entry.consequences) == (old.keys() | new.keys()) - {tree}


def test_a_failure_elsewhere_is_not_the_trees() -> None:
    tree = "parameters/f/dense/shared/tree"
    old = {tree: {"params/w": "float32[1]"}, "outputs/f/conv/shared/output": leaf(1.0)}
    new = {tree: {"params/k": "float32[1]"}, "outputs/f/conv/shared": ERROR}
    assert {e.key for e in compared(old, new).entries} == {tree, "outputs/f/conv/shared"}


@pytest.mark.parametrize(("after", "streams"), [(NEWER, 1), (HEADER, 2)], ids=["flag", "no-flag"])
def test_splits_of_rbg_follow_from_threefrys_flag(after: Any, streams: int) -> None:
    old = {"prng/threefry2x32/bits/uint32": [1], "prng/rbg/split": [1], "prng/rbg/bits/uint32": [1]}
    new = {**old, "prng/threefry2x32/bits/uint32": [2], "prng/rbg/split": [2]}
    found = compared(old, new, HEADER, after).of(KINDS["prng-stream-changed"])
    assert len(found) == streams
    assert {key for entry in found for key in entry.consequences} == {
        "prng/threefry2x32/bits/uint32",
        "prng/rbg/split",
    }


def test_rbgs_own_draws_do_not_follow_from_threefrys_flag() -> None:
    old = {"prng/threefry2x32/bits/uint32": [1], "prng/rbg/bits/uint32": [1]}
    new = {"prng/threefry2x32/bits/uint32": [2], "prng/rbg/bits/uint32": [2]}
    assert len(compared(old, new, HEADER, NEWER).of(KINDS["prng-stream-changed"])) == 2


def test_what_changed_alike_is_one_entry() -> None:
    def traced(**primitives: int) -> dict[str, Any]:
        return {"count": sum(primitives.values()), "primitives": primitives}

    old = {"jaxprs/a": traced(pjit=1), "jaxprs/b": traced(pjit=2, add=1), "jaxprs/c": traced(add=1)}
    new = {"jaxprs/a": traced(jit=1), "jaxprs/b": traced(jit=2, add=1), "jaxprs/c": traced(add=2)}
    renamed, other = compared(old, new).entries
    assert (renamed.key, renamed.consequences) == ("jaxprs/a", ("jaxprs/b",))
    assert other.sentence == "1 equations to 2: add 1 to 2"
    warned = [{"category": "DeprecationWarning", "line": "soon gone"}]
    keys = ("warnings/calls/f", "warnings/names/f")
    (entry,) = compared({key: [] for key in keys}, dict.fromkeys(keys, warned)).entries
    assert (entry.key, entry.consequences) == (keys[0], keys[1:])


def test_a_case_that_fails_now_is_told_once_for_all_that_it_gave() -> None:
    case = "outputs/f/gru/shared"
    given = {f"{case}/output/0": leaf(1.0), f"{case}/output/1": leaf(1.0)}
    (entry,) = compared(given, {case: ERROR}).entries
    assert (entry.kind.id, entry.key, entry.breaks) == ("calls-fail", case, True)
    assert entry.sentence == "worked before; now TypeError: no such keyword"
    assert set(entry.consequences) == set(given)
    (entry,) = compared({case: ERROR}, given).entries
    assert (entry.kind.id, entry.key, entry.breaks) == ("calls-work", case, False)
