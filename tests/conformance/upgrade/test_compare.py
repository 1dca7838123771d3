"""Two environments told apart, over logs written by hand: each class, causes, and exit status."""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import pytest

from conformance.events.arrays import encode
from conformance.events.records import Record
from conformance.upgrade.compare import Differences, compare
from conformance.upgrade.detectors import KINDS

HEADER = {
    "type": "header",
    "cell": "c",
    "observations": 1,
    "environment": {"prng": "threefry2x32", "threefry_partitionable": False},
}
NEWER = {**HEADER, "environment": {"prng": "threefry2x32", "threefry_partitionable": True}}
NAMES = {"law": "axes.in-axes-permute", "transform": "jax.pmap", "subject": "sort"}
ITEM = "axes.in-axes-permute | jax.pmap | sort"


VERSIONS = ("python", "jax", "jaxlib", "flax", "numpy", "chex", "hypothesis")
CALL = {
    "kind": "function",
    "subject_name": "sort",
    "sizes": {"batch": 1},
    "axes": [{"in_axes": [0], "out_axes": 0}],
    "dtype": "float32",
    "seed": 0,
}
SKIPPED = {"reason": "no reason", "source": "suite"}
DETAILS: dict[str, dict[str, Any]] = {
    "violated": {
        "call": CALL,
        "what": "map",
        "message": "values differ",
        "path": "",
        "expected": 1.0,
        "got": 2.0,
        "max_ulps": 1.0,
        "error": 1.0,
        "bound": 0.0,
        "cause": None,
        "script": "x",
    },
    "known-defect": {"defect": "d-1"},
    **dict.fromkeys(("not-applicable", "not-sampled"), SKIPPED),
    "crashed": {"reason": "it died", "output": ""},
    "timed-out": {"reason": "it died", "output": ""},
}


def records(events: Sequence[dict[str, Any]]) -> list[Record]:
    """Events written by hand as records; what they leave out is filled in."""
    defaults: dict[str, dict[str, Any]] = {
        "header": {
            "schema": 1,
            "suite": "0",
            "profile": "quick",
            "seed": 0,
            "shard": [1, 1],
            "command": [],
        },
        "result": {"examples": 1, "seconds": 1.0, "compilations": 0},
        "observation": {},
    }
    made = []
    for event in events:
        event = {"cell": "c", **defaults[event["type"]], **event}
        if event["type"] == "header":
            event["environment"] = dict.fromkeys(VERSIONS) | event["environment"]
        if event.get("outcome") in DETAILS:
            event["detail"] = DETAILS[event["outcome"]] | (event["detail"] or {})
        made.append(msgspec.convert(event, Record))
    return made


def difference(before: Sequence[Any], after: Sequence[Any]) -> Differences:
    """The differences between two lists of events."""
    return compare(records(before), records(after))


def result(outcome: str, **fields: Any) -> dict[str, Any]:
    return {"type": "result", "cell": "c", **NAMES, "outcome": outcome, "detail": None, **fields}


def compared(
    old: dict[str, Any],
    new: dict[str, Any],
    before: dict[str, Any] = HEADER,
    after: dict[str, Any] = HEADER,
) -> Differences:
    """The differences between these observations."""

    def events(header: dict[str, Any], values: dict[str, Any]) -> list[dict[str, Any]]:
        lines = [{"type": "observation", "key": k, "value": encode(v)} for k, v in values.items()]
        return [header, *lines]

    return difference(events(before, old), events(after, new))


def leaf(*values: float, bound: float | None = 1e-6, **facts: Any) -> dict[str, Any]:
    array = np.array(values, np.float32)
    return {
        "value": array,
        "bound": None if bound is None else np.full(array.shape, bound),
        "keyed": False,
        "agrees": True,
        **facts,
    }


ERROR = {"error": {"type": "TypeError", "line": "no such keyword"}}
GONE = {"absent": "no attribute 'tree_map'", "name": "jax.tree_map"}
CLASSES: dict[str, tuple[str, Any, Any, bool]] = {
    "prng-stream-changed": ("prng/rbg/bits", np.array([1, 2]), np.array([1, 3]), True),
    "parameters-changed": (
        "parameters/f/dense/shared/tree",
        {"w": "f32[2]"},
        {"v": "f32[2]"},
        True,
    ),
    "values-changed": ("outputs/f/dense/shared/output", leaf(1.0), leaf(1.0000001), False),
    "values-beyond-bound": ("gradients/jax.vmap/sort/0", leaf(1.0), leaf(1.1), True),
    "errors-changed": (
        "errors/jax.pmap/sizes",
        {"type": "ValueError", "line": "a"},
        {"type": "TypeError", "line": "b"},
        False,
    ),
    "errors-reworded": (
        "errors/jax.pmap/sizes",
        {"type": "ValueError", "line": "a"},
        {"type": "ValueError", "line": "b"},
        False,
    ),
    "values-unbounded": (
        "outputs/f/dense/shared/output",
        leaf(1.0, bound=None),
        leaf(1.1, bound=None),
        False,
    ),
    "calls-fail": ("warnings/calls/clip", [], ERROR, True),
    "calls-work": ("warnings/calls/clip", ERROR, [], False),
    "new-warnings": (
        "warnings/calls/jax.pmap",
        [],
        [{"category": "DeprecationWarning", "line": "soon gone"}],
        False,
    ),
    "removed-names": ("names/jax.tree_map", True, GONE, True),
    "added-names": ("names/jax.tree_map", GONE, True, False),
    "slower": (
        "costs/run/jax.vmap/sort",
        {"ratio": 1.0, "least": 0.9, "most": 1.1},
        {"ratio": 3.0, "least": 2.5, "most": 3.3},
        False,
    ),
    "faster": (
        "costs/run/jax.vmap/sort",
        {"ratio": 3.0, "least": 2.5, "most": 3.3},
        {"ratio": 1.0, "least": 0.9, "most": 1.1},
        False,
    ),
    "jaxprs-changed": (
        "jaxprs/jax.vmap/sort",
        {"count": 2, "primitives": {"sort": 1, "pjit": 1}},
        {"count": 2, "primitives": {"sort": 1, "jit": 1}},
        False,
    ),
}


def test_every_class_of_observations_is_tried() -> None:
    assert set(CLASSES) | {"regressed", "fixed"} == set(KINDS)


@pytest.mark.parametrize("kind", CLASSES)
def test_a_change_is_told_in_its_class(kind: str) -> None:
    key, was, now, breaks = CLASSES[kind]
    differences = compared({key: was}, {key: now})
    (entry,) = differences.entries
    assert (entry.kind.id, entry.breaks, differences.status) == (kind, breaks, int(breaks))
    assert key.startswith(entry.key)
    assert entry.sentence
    assert entry.remedy
    assert differences.unchanged == 0


@pytest.mark.parametrize("kind", CLASSES)
def test_what_is_the_same_is_counted_and_not_compared(kind: str) -> None:
    key, was, *_ = CLASSES[kind]
    differences = compared({key: was}, {key: was})
    assert (differences.entries, differences.unchanged, differences.status) == ((), 1, 0)


def test_a_slower_run_whose_repetitions_overlap_is_not_compared() -> None:
    was, now = ({"ratio": r, "least": 0.5, "most": 4.0} for r in (1.0, 3.0))
    assert compared({"costs/run/x": was}, {"costs/run/x": now}).entries == ()


def test_a_run_is_slower_only_beyond_the_noise_of_both_sides() -> None:
    steady = {"ratio": 1.0, "least": 0.95, "most": 1.05}
    noisy = {"ratio": 3.0, "least": 2.0, "most": 5.0}  # rounds 2.5 times apart
    key = "costs/run/x"
    assert [e.kind.id for e in compared({key: steady}, {key: noisy}).entries] == ["slower"]
    noisier = {"ratio": 3.0, "least": 1.2, "most": 5.0}
    assert compared({key: steady}, {key: noisier}).entries == ()
    assert compared({key: noisier}, {key: steady}).entries == ()


def test_values_are_beyond_rounding_only_where_both_bounds_are_known() -> None:
    key = "outputs/jax.vmap/sort"
    for was, now in ((None, None), (1e-6, None), (None, 1e-6)):
        differences = compared({key: leaf(1.0, bound=was)}, {key: leaf(2.0, bound=now)})
        assert [e.kind.id for e in differences.entries] == ["values-unbounded"]
        assert differences.status == 0
    (entry,) = compared({key: leaf(1.0)}, {key: leaf(2.0)}).entries
    assert (entry.kind.id, entry.breaks) == ("values-beyond-bound", True)
    (entry,) = compared({key: leaf(1.0)}, {key: leaf(float("nan"))}).entries
    assert entry.kind.id == "values-beyond-bound"


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


def test_initial_values_as_near_as_the_laws_allow_break_nothing() -> None:
    key = "parameters/f/dense/shared/params/w"
    near = np.nextafter(np.float32(1), np.float32(2))
    (entry,) = compared({key: leaf(1.0)}, {key: leaf(near)}).entries
    assert (entry.kind.id, entry.breaks, entry.detail["max_ulps"]) == ("values-changed", False, 1.0)
    (entry,) = compared({key: leaf(1.0)}, {key: leaf(1.00001)}).entries
    assert (entry.kind.id, entry.breaks) == ("parameters-changed", True)


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


def test_values_of_nan_and_of_another_shape() -> None:
    key = "outputs/jax.vmap/sort"
    nan = leaf(float("nan"), 1.0)
    assert compared({key: nan}, {key: {**nan, "agrees": False}}).entries == ()
    (entry,) = compared({key: leaf(1.0)}, {key: leaf(1.0, 2.0)}).entries
    assert (entry.kind.id, entry.sentence) == (
        "values-beyond-bound",
        "was float32[1]; is float32[2]",
    )


@pytest.mark.parametrize(
    ("was", "now", "kind", "status"),
    [
        ("holds", "violated", "regressed", 1),
        ("holds", "crashed", "regressed", 1),
        ("holds", "not-applicable", "regressed", 1),
        ("known-defect", "timed-out", "regressed", 1),
        ("violated", "holds", "fixed", 0),
        ("crashed", "known-defect", "fixed", 0),
        ("holds", "holds", None, 0),
        ("violated", "violated", None, 0),
        ("not-applicable", "holds", None, 0),
        ("not-sampled", "not-sampled", None, 0),
        ("not-sampled", "violated", "regressed", 1),
    ],
)
def test_a_law_regresses_or_is_fixed(was: str, now: str, kind: str | None, status: int) -> None:
    differences = difference([HEADER, result(was)], [HEADER, result(now)])
    assert [(e.kind.id, e.key) for e in differences.entries] == ([(kind, ITEM)] if kind else [])
    assert differences.status == status
    assert differences.unchanged == (0 if kind else 1)
    if kind == "regressed":
        assert differences.entries[0].detail == ({"script": "x"} if now == "violated" else {})


@pytest.mark.parametrize("outcome", ["holds", "violated", "not-applicable"])
def test_an_item_that_one_run_does_not_sample_is_not_compared(outcome: str) -> None:
    checked, unchecked = [HEADER, result(outcome)], [HEADER, result("not-sampled")]
    differences = difference(checked, unchecked)
    assert (differences.entries, differences.status, differences.unchanged) == ((), 0, 0)
    (note,) = differences.notes
    assert note == "1 item that one of the two runs checked and the other did not sample"


def test_a_known_defect_that_comes_regresses_and_one_that_goes_is_fixed() -> None:
    defect = result("known-defect", defect="d-1", detail={"defect": "d-1"})
    without = [HEADER, result("holds")]
    (came,) = difference(without, [*without, defect]).entries
    assert (came.kind.id, came.breaks, came.key) == ("regressed", True, f"{ITEM} | d-1")
    (went,) = difference([*without, defect], without).entries
    assert (went.kind.id, went.breaks) == ("fixed", False)


def test_a_defect_of_a_transform_that_one_release_lacks_is_no_difference() -> None:
    defect = result("known-defect", defect="d-1", detail={"defect": "d-1"})
    lacks, has = [HEADER, result("not-applicable")], [HEADER, result("holds"), defect]
    assert difference(lacks, has).entries == ()
    assert [entry.kind.id for entry in difference(has, lacks).entries] == ["regressed"], (
        "it is gone"
    )


def test_lists_of_other_versions_are_not_compared_and_it_is_said() -> None:
    differences = compared(
        {"prng/rbg/bits": [1]}, {"prng/rbg/bits": [2]}, after={**HEADER, "observations": 2}
    )
    assert differences.entries == ()
    assert differences.notes == ("the lists of observations are of versions 1 and 2",)


def test_a_group_that_ended_early_is_said() -> None:
    crashed = {"crashed": {"reason": "the process that ran it died", "output": ""}}
    differences = compared({"prng/rbg/bits": [1]}, {"prng": crashed})
    assert differences.notes == (
        "the observations 'prng' ended early: the process that ran it died",
    )


def test_a_case_that_fails_now_is_told_once_for_all_that_it_gave() -> None:
    case = "outputs/f/gru/shared"
    given = {f"{case}/output/0": leaf(1.0), f"{case}/output/1": leaf(1.0)}
    (entry,) = compared(given, {case: ERROR}).entries
    assert (entry.kind.id, entry.key, entry.breaks) == ("calls-fail", case, True)
    assert entry.sentence == "worked before; now TypeError: no such keyword"
    assert set(entry.consequences) == set(given)
    (entry,) = compared({case: ERROR}, given).entries
    assert (entry.kind.id, entry.key, entry.breaks) == ("calls-work", case, False)


def test_a_common_call_that_fails_now_breaks() -> None:
    (entry,) = compared({"warnings/calls/clip": []}, {"warnings/calls/clip": ERROR}).entries
    assert (entry.kind.id, entry.breaks) == ("calls-fail", True)


def test_what_needs_a_removed_thing_that_no_name_stands_for_is_compared() -> None:
    lacking = {"absent": "it takes two devices"}
    (entry,) = compared(
        {"errors/jax.shard_map/a": {"gives": "float32[]"}}, {"errors/jax.shard_map/a": lacking}
    ).entries
    assert (entry.kind.id, entry.breaks) == ("removed-names", True)
    assert "two devices" in entry.sentence


def test_a_leaf_more_or_less_is_compared() -> None:
    base = "outputs/f/gru/shared/output"
    differences = compared({base: leaf(1.0)}, {f"{base}/0": leaf(1.0)})
    assert {entry.key for entry in differences.entries} == {base, f"{base}/0"}
    assert differences.status == 1


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


def test_a_draw_that_only_rounds_otherwise_is_no_other_stream() -> None:
    key = "prng/threefry2x32/normal/float32"
    (entry,) = compared({key: leaf(1.0)}, {key: leaf(1.0000001)}).entries
    assert (entry.kind.id, entry.breaks) == ("values-changed", False)


def test_a_draw_without_a_bound_must_be_the_same_bits() -> None:
    key = "prng/threefry2x32/uniform/float32"
    near = np.nextafter(np.float32(1), np.float32(2))
    differences = compared({key: np.float32([1])}, {key: np.float32([near])})
    assert [entry.kind.id for entry in differences.entries] == ["prng-stream-changed"]


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


def test_a_warning_in_other_words_is_not_new_and_one_more_is() -> None:
    key = "warnings/calls/f"
    one, reworded, more = ({"category": "FutureWarning", "line": line} for line in "abc")
    assert compared({key: [one]}, {key: [reworded]}).entries == ()
    (entry,) = compared({key: [one]}, {key: [one, more]}).entries
    assert entry.sentence == "FutureWarning: c"


def test_a_group_that_only_one_side_observed_is_said_and_not_compared() -> None:
    differences = compared({"prng/rbg/bits": [1], "names/a": True}, {"names/a": True})
    assert (differences.entries, differences.unchanged) == ((), 1)
    assert differences.notes == ("the observations 'prng' are of one of the two only",)
