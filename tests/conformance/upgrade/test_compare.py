"""Two environments compared, over logs written by hand: each kind of difference, and exit status."""

from typing import Any

import numpy as np
import pytest

from conformance.upgrade.detectors import KINDS
from conformance.upgrade.difference import Reproducer
from tests.conformance.upgrade.events import (
    ERROR,
    GONE,
    HEADER,
    ITEM,
    compared,
    difference,
    leaf,
    result,
)

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
    "outputs-structure": ("outputs/jax.vmap/sort", leaf(1.0), leaf(1.0, 2.0), True),
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
    "draws-wrong": (
        "draws/normal/float32",
        {**leaf(1.0), "wrong": None},
        {**leaf(2.0), "wrong": "60% of draws are below 0, where 50% should be"},
        True,
    ),
    "draws-changed": (
        "draws/normal/float32",
        {**leaf(1.0), "wrong": None},
        {**leaf(2.0), "wrong": None},
        True,
    ),
    "results-changed": (
        "calls/jax.vmap/axis-size",
        {"gives": "* of float32[1]", "values": [np.ones(1, np.float32)]},
        {"gives": "* of float32[1]", "values": [np.zeros(1, np.float32)]},
        True,
    ),
    "facts-changed": (
        "calls/jax.pmap/kind-of-sharding",
        {"gives": "* of str", "values": ["PmapSharding"]},
        {"gives": "* of str", "values": ["NamedSharding"]},
        False,
    ),
    "objects-lack": ("objects/Mesh", {"hash": "True"}, {"hash": "!TypeError: no"}, True),
    "objects-give": ("objects/Mesh", {".size": "1"}, {".size": "2"}, False),
    "objects-have": ("objects/Mesh", {"hash": "!TypeError: no"}, {"hash": "True"}, False),
    "objects-warn": (
        "objects/Param",
        {".value": "Array"},
        {".value": "Array", ".value warns": "deprecated"},
        False,
    ),
    "flags-changed": ("flags/jax/jax_a", "False", "True", False),
    "flags-gone": ("flags/jax/jax_a", "False", None, False),
    "flags-added": ("flags/jax/jax_a", None, "True", False),
    "defaults-changed": ("defaults/jax.f", {"a": "1"}, {"a": "2"}, False),
    "arguments-gone": ("defaults/jax.f", {"a": "1", "b": "1"}, {"a": "1"}, False),
    "arguments-needed": ("defaults/jax.f", {"a": "1"}, {"a": "required"}, False),
    "arguments-added": ("defaults/jax.f", {"a": "1"}, {"a": "1", "b": "1"}, False),
}


def test_every_class_of_observations_is_tried() -> None:
    assert set(CLASSES) | {"regressed", "fixed"} == set(KINDS)


@pytest.mark.parametrize("kind", CLASSES)
def test_a_change_is_reported_as_its_kind(kind: str) -> None:
    key, was, now, breaks = CLASSES[kind]
    differences = compared({key: was}, {key: now})
    (entry,) = differences.entries
    assert (entry.kind.id, entry.breaks, differences.status) == (kind, breaks, int(breaks))
    assert key.startswith(entry.key) or entry.consequences == (key,)
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


def test_initial_values_as_near_as_the_laws_allow_break_nothing() -> None:
    key = "parameters/f/dense/shared/params/w"
    near = np.nextafter(np.float32(1), np.float32(2))
    (entry,) = compared({key: leaf(1.0)}, {key: leaf(near)}).entries
    assert (entry.kind.id, entry.breaks, entry.detail.ulps) == ("values-changed", False, 1.0)
    (entry,) = compared({key: leaf(1.0)}, {key: leaf(1.00001)}).entries
    assert (entry.kind.id, entry.breaks) == ("parameters-changed", True)


def test_values_of_nan_and_of_another_shape() -> None:
    key = "outputs/jax.vmap/sort"
    nan = leaf(float("nan"), 1.0)
    assert compared({key: nan}, {key: {**nan, "agrees": False}}).entries == ()
    (entry,) = compared({key: leaf(1.0)}, {key: leaf(1.0, 2.0)}).entries
    assert (entry.kind.id, entry.sentence) == (
        "outputs-structure",
        "the whole result was float32[1]; is float32[2]",
    )


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        ({}, {"updated/key": leaf(1.0)}, "the leaf updated/key is new: float32[1]"),
        ({"updated/key": leaf(1.0)}, {}, "the leaf updated/key is gone: it was float32[1]"),
        ({"1": leaf(1.0)}, {"1": leaf(1.0, 2.0)}, "the leaf 1 was float32[1]; is float32[2]"),
    ],
)
def test_a_leaf_that_comes_or_goes_is_named(was: Any, now: Any, said: str) -> None:
    other = {"outputs/jax.vmap/sort": leaf(1.0)}
    sides = [
        {**other, **{f"outputs/flax.nnx.vmap/gru/{k}": v for k, v in s.items()}} for s in (was, now)
    ]
    (entry,) = compared(*sides).entries
    assert (entry.kind.id, entry.breaks, entry.sentence) == ("outputs-structure", True, said)


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
        assert differences.entries[0].detail == (Reproducer("x") if now == "violated" else None)


@pytest.mark.parametrize("outcome", ["holds", "violated", "not-applicable"])
def test_an_item_that_one_run_does_not_sample_is_not_compared(outcome: str) -> None:
    checked, unchecked = [HEADER, result(outcome)], [HEADER, result("not-sampled")]
    differences = difference(checked, unchecked)
    assert (differences.entries, differences.status, differences.unchanged) == ((), 0, 0)
    (note,) = differences.notes
    assert note == "1 item that one of the two runs checked and the other did not sample"


def test_a_share_of_the_suites_own_checks_is_said_in_one_line() -> None:
    share = [{**HEADER, "share": 5}, result("holds")]
    (note,) = difference(share, share).notes
    assert note == (
        "4 in 5 of the suite's own checks of what your code does not use; --profile ci checks all"
    )


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


def test_a_call_that_raises_in_one_release_and_cannot_be_made_in_the_other_is_no_difference() -> (
    None
):
    key, lacking = "calls/jax.vmap/traced-found", {"absent": "it gives no floats"}
    refused = {"type": "ShardingTypeError", "line": "it cannot be sharded"}
    assert not compared({key: refused}, {key: lacking}).entries
    assert not compared({key: lacking}, {key: refused}).entries
    accepted = {"gives": "* of float32[]", "values": [None]}
    assert len(compared({key: accepted}, {key: lacking}).entries) == 1
    assert len(compared({key: accepted}, {key: refused}).entries) == 1


def test_a_leaf_more_or_less_is_compared() -> None:
    base = "outputs/f/gru/shared/output"
    differences = compared({base: leaf(1.0)}, {f"{base}/0": leaf(1.0)})
    assert {entry.key for entry in differences.entries} == {base, f"{base}/0"}
    assert differences.status == 1


def test_a_draw_that_only_rounds_otherwise_is_no_other_stream() -> None:
    key = "prng/threefry2x32/normal/float32"
    (entry,) = compared({key: leaf(1.0)}, {key: leaf(1.0000001)}).entries
    assert (entry.kind.id, entry.breaks) == ("values-changed", False)


def test_a_draw_without_a_bound_must_be_the_same_bits() -> None:
    key = "prng/threefry2x32/uniform/float32"
    near = np.nextafter(np.float32(1), np.float32(2))
    differences = compared({key: np.float32([1])}, {key: np.float32([near])})
    assert [entry.kind.id for entry in differences.entries] == ["prng-stream-changed"]


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


def test_the_rest_of_a_group_is_compared_where_a_part_of_it_ended_early() -> None:
    crashed = {"crashed": {"reason": "the process that ran it died", "output": ""}}
    one, two = ({"gives": f"float32[{n}]", "values": [None]} for n in (1, 2))
    before = {f"calls/jax.vmap/{n}": one for n in ("a", "b", "lost")} | {"prng/of-before": [1]}
    after = {"calls/jax.vmap/a": one, "calls/jax.vmap/b": two, "prng/of-after": [1]}
    differences = compared(before, after | {"calls/part 2 of 2": crashed})
    assert {entry.key for entry in differences.entries} == {
        *("calls/jax.vmap/b", "prng/of-before", "prng/of-after")
    }
    assert (
        "the observations 'calls/part 2 of 2' ended early: the process that ran it died"
        in differences.notes
    )
