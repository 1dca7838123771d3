"""Forms of calls: the common ones are accepted and right, the senseless ones refused."""

import functools
from typing import Any

import jax
import numpy as np
import pytest

from conformance.observations import calls, read_back
from conformance.observations.record import Absent
from conformance.observations.selection import Selection
from conformance.runner import process_env
from properties import compile_stats


@functools.cache
def observed() -> dict[str, Any]:
    return dict(calls.observe())


@pytest.mark.parametrize("transform", ["jax.vmap", "jax.pmap"])
def test_common_forms_are_accepted(transform: str) -> None:
    forms = ("in-axes-a-tuple", "in-axes-a-dict", "out-axes-none", "axis-size", "axis-name-psum")
    for form in forms:
        assert "gives" in observed()[f"calls/{transform}/{form}"], form


def test_senseless_forms_are_refused_with_their_error() -> None:
    for form in ("text", "out-axes-none-of-what-is-mapped", "rank-0"):
        assert set(observed()[f"calls/jax.vmap/{form}"]) == {"type", "line"}
    assert "type" in observed()["calls/flax.linen.vmap/params-not-given"]
    assert "type" in observed()["calls/flax.nnx.vmap/closed-over-and-changed"]


def test_what_is_given_is_told_with_weak_types() -> None:
    weak = observed()["calls/jax.vmap/gives-a-python-number"]
    assert weak["gives"] == "* of int32[3] weak"
    total = observed()["calls/jax.vmap/in-axes-negative"]
    np.testing.assert_array_equal(total["values"][0], [10, 26, 42])


def test_a_loop_read_back_from_the_compilation_cache_is_observed_as_it_is() -> None:
    before = jax.config.jax_compilation_cache_dir
    hits = compile_stats.so_far().cache_hits
    rows, matrices = np.arange(40).reshape(8, 5) % 7, np.arange(200).reshape(8, 5, 5) % 3
    got = read_back.mapped_loop(jax.vmap)
    if not process_env.cache_misreads():
        np.testing.assert_array_equal(got, [x @ m @ m for x, m in zip(rows, matrices, strict=True)])
    assert compile_stats.so_far().cache_hits > hits
    assert jax.config.jax_compilation_cache_dir == before


def test_every_transform_has_forms_and_only_chosen_ones_are_observed() -> None:
    transforms = {key.split("/")[1] for key in observed()}
    assert transforms == set(calls._FORMS)
    chosen = [key for key, _ in calls.observe(Selection(transforms=["jax.shard_map"]))]
    assert chosen
    assert all(key.startswith("calls/jax.shard_map/") for key in chosen)


def test_what_the_release_lacks_is_absent_not_refused() -> None:
    def lack() -> Any:
        raise Absent("it takes two devices")

    with pytest.raises(Absent):
        calls._given(lack)


def test_nothing_of_a_call_is_left_behind() -> None:
    assert observed()["calls/jax.vmap/traced-once"]["values"][0] == 3
    assert "error" not in str([value.keys() for value in observed().values()])
