"""Forms of calls: the common ones are accepted and right, the senseless ones refused."""

import functools
from typing import Any

import jax
import numpy as np
import pytest

from conformance.observations import (
    calls,
    mapped_functions,
    read_back,
)
from conformance.observations.record import Absent, one
from conformance.observations.selection import Selection
from conformance.runner import process_env
from properties import compile_stats


@functools.cache
def observed(key: str) -> Any:
    """What is observed under one key of the group, alone."""
    call = calls.form(key)
    assert call is not None, key
    return dict(one(key, functools.partial(calls._given, call)))[key]


@pytest.mark.parametrize("transform", ["jax.vmap", "jax.pmap"])
def test_common_forms_are_accepted(transform: str) -> None:
    forms = ("in-axes-a-tuple", "in-axes-a-dict", "out-axes-none", "axis-size", "axis-name-psum")
    for form in forms:
        assert "gives" in observed(f"calls/{transform}/{form}"), form


def test_senseless_forms_are_refused_with_their_error() -> None:
    for form in ("text", "out-axes-none-of-what-is-mapped", "rank-0"):
        assert set(observed(f"calls/jax.vmap/{form}")) == {"type", "line"}
    assert "type" in observed("calls/flax.linen.vmap/params-not-given")
    assert "type" in observed("calls/flax.nnx.vmap/closed-over-and-changed")


def test_what_is_given_is_told_with_weak_types() -> None:
    weak = observed("calls/jax.vmap/gives-a-python-number")
    assert weak["gives"] == "* of int32[3] weak"
    total = observed("calls/jax.vmap/in-axes-negative")
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


def test_every_transform_has_forms_and_only_chosen_ones_are_observed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert all(forms() for forms in calls._FORMS.values())
    monkeypatch.setattr(calls, "_FORMS", dict.fromkeys(calls._FORMS, lambda: {"one": lambda: 1}))
    chosen = Selection(transforms=["jax.shard_map"], sweeps=False)
    assert [key for key, _ in calls.observe(chosen)] == ["calls/jax.shard_map/one"]


def test_what_the_release_lacks_is_absent_not_refused() -> None:
    def lack() -> Any:
        raise Absent("it takes two devices")

    with pytest.raises(Absent):
        calls._given(lack)


def test_nothing_of_a_call_is_left_behind() -> None:
    assert observed("calls/jax.vmap/traced-once")["values"][0] == 3


def test_a_function_gives_the_same_numbers_wherever_its_arrays_live() -> None:
    compared = 0
    # Within shard_map a gradient by what all devices share is summed over them, as JAX documents.
    for name in mapped_functions.functions().keys() - {"gradient-by-shared"}:
        plain = observed(f"calls/jax.vmap/of-{name}")
        for place in (f"jax.vmap/explicit-{name}", f"jax.shard_map/of-{name}"):
            other = observed(f"calls/{place}")
            if "values" not in plain or "values" not in other:
                continue
            numbers = [each for each in other["values"] if not isinstance(each, str)]
            for got, expected in zip(numbers, plain["values"], strict=True):
                np.testing.assert_allclose(got, expected, 1e-4, err_msg=place)
            compared += 1
    assert compared > len(mapped_functions.functions())


def test_where_a_result_lives_is_told() -> None:
    assert observed("calls/jax.vmap/explicit-plus-shared")["values"][1:] == ["x, -"]
    assert observed("calls/jax.vmap/explicit-not-sharded")["values"][1:] == ["-, -"]


def test_maps_over_devices_in_one_another_are_observed_and_right() -> None:
    total = observed("calls/jax.pmap/pmap-of-vmap-summed-over-both")["values"][0]
    np.testing.assert_array_equal(total, np.full((2, 2), 10))
    within = observed("calls/jax.vmap/shard-map-within-spmd")["values"][0]
    np.testing.assert_array_equal(within, 2 * np.arange(1, 17).reshape(4, 4))


def test_a_module_that_counts_is_told_beside_what_it_gives() -> None:
    given, counted = observed("calls/flax.nnx.vmap/cond")["values"]
    np.testing.assert_array_equal(given, [[3, 3], [7, 7], [11, 11]])
    assert counted == 1
