"""What is only traced, or run with a switch on: it is told, refused where it should be, leaves nothing."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from conformance.observations import (
    array_functions,
    bridge_forms,
    calls,
    draw_functions,
    edge_values,
    linen_program_forms,
    matrix_functions,
    nnx_program_forms,
    part_maps,
    program_functions,
    reference_functions,
    switched_forms,
    traced_maps,
)
from conformance.observations.record import Absent, needed
from conformance.upgrade.detectors import call_forms
from conformance.upgrade.difference import ObservationPair

FAMILIES = (
    array_functions,
    matrix_functions,
    program_functions,
    draw_functions,
    reference_functions,
)


def test_no_two_families_of_functions_share_a_name() -> None:
    names = [name for family in FAMILIES for name in family.functions()]
    assert len(names) == len(set(names)) > 400


def test_what_is_traced_is_told_by_shape_and_dtype_without_values() -> None:
    forms = traced_maps.vmapped()
    told = calls._given(forms["traced-taken-clip"])
    assert told == {"gives": "(*, *) of float32[4], float32[1,4]", "values": [None, None]}


def test_a_function_that_fails_under_the_map_is_refused_and_a_sound_one_is_not() -> None:
    def of_rank_one(a: Any, i: Any, w: Any) -> Any:
        if a.ndim != 1:
            raise TypeError("of rank one")
        return a * w

    def eager(a: Any, i: Any, w: Any) -> Any:
        return a * float(w.sum() + a.sum())

    sound = calls._given(lambda: traced_maps._here(traced_maps._map, of_rank_one))
    assert "gives" in sound
    refused = calls._given(lambda: traced_maps._here(traced_maps._map, eager))
    assert refused["type"] == "ConcretizationTypeError"


def test_a_wrong_derivative_shape_is_refused_and_a_right_one_is_not() -> None:
    def product(backward: Any) -> Any:
        @jax.custom_vjp
        def f(x: Any) -> Any:
            return 2 * x

        f.defvjp(lambda x: (2 * x, None), backward)
        return lambda a, i, w: f(a)

    def use(function: Any) -> Any:
        return calls._given(lambda: traced_maps._here(traced_maps._gradient_of_map, function))

    assert "gives" in use(product(lambda kept, g: (2 * g,)))
    assert "type" in use(product(lambda kept, g: (jnp.ones(7),)))


def test_another_shape_of_what_is_traced_is_another_result() -> None:
    was, now = ({"gives": f"* of float32[{n}]", "values": [None]} for n in (4, 5))
    key = "calls/jax.vmap/traced-x"
    pair = ObservationPair({key: was}, {key: now}, (key,), None, None)  # type: ignore[arg-type]
    (found,) = call_forms.find(pair)
    assert found.kind is call_forms.RESULTS


def test_the_sharding_of_what_is_traced_on_a_mesh_is_told() -> None:
    form = traced_maps.vmapped()["traced-explicit-scan-in-reverse"]
    try:
        needed("jax.set_mesh")
        told = calls._given(form)
    except Absent as absent:
        pytest.skip(str(absent))
    assert "@('x'" in told["gives"]


def test_keys_that_are_used_twice_are_refused_and_those_used_once_are_not() -> None:
    forms = switched_forms.vmapped()
    assert calls._given(forms["keys-checked-used-twice"])["type"] == "KeyReuseError"
    assert "gives" in calls._given(forms["keys-checked-split"])


def test_switches_are_off_afterwards() -> None:
    forms = switched_forms.vmapped()
    names = ("jax_enable_x64", "jax_debug_nans", "jax_disable_jit", "jax_numpy_rank_promotion")
    before = [getattr(jax.config, name) for name in names]
    for switch in ("in-64-bits-cond", "nan-checked-plus-shared", "not-jitted-plus-shared"):
        calls._given(forms[switch])
    assert [getattr(jax.config, name) for name in names] == before


def test_values_at_edges_are_those_of_numpy() -> None:
    with np.errstate(all="ignore"):
        expected = np.exp(edge_values._POINTS)
    value, slope = edge_values.vmapped()["at-edges-exp"]()
    np.testing.assert_allclose(value, expected, 1e-4, 1e-30)
    np.testing.assert_allclose(slope, expected, 1e-4, 1e-30)


def test_a_map_over_one_axis_of_two_is_right() -> None:
    forms = part_maps.shard_mapped()
    try:
        given = forms["part-summed"]()
    except Absent as absent:
        pytest.skip(str(absent))
    np.testing.assert_array_equal(given, [[7, 10], [13, 16], [11, 14], [17, 20]])


@pytest.mark.parametrize("module", [bridge_forms, linen_program_forms])
def test_most_linen_forms_are_accepted(module: Any) -> None:
    told = {}
    for name, form in module.linen().items():
        try:
            told[name] = calls._given(form)
        except Absent:
            continue
    refused = [name for name, fact in told.items() if "type" in fact]
    assert len(refused) <= len(told) // 4, refused


def test_most_nnx_forms_are_accepted() -> None:
    forms = nnx_program_forms.nnx()
    told = {}
    for name in sorted(forms)[::3]:
        try:
            told[name] = calls._given(forms[name])
        except Absent:
            continue
    refused = [name for name, fact in told.items() if "type" in fact]
    assert len(refused) <= len(told) // 4, refused


FORMS = (
    (switched_forms, "vmapped"),
    (edge_values, "vmapped"),
    (traced_maps, "vmapped"),
    (part_maps, "shard_mapped"),
    (traced_maps, "shard_mapped"),
    (bridge_forms, "linen"),
    (linen_program_forms, "linen"),
    (bridge_forms, "nnx"),
    (nnx_program_forms, "nnx"),
)


@pytest.mark.parametrize(("module", "name"), FORMS)
def test_what_a_release_lacks_is_looked_up_by_the_form_not_when_forms_are_listed(
    module: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lack(name: str) -> Any:
        raise Absent(f"no {name}", name)

    for each in {module, *FAMILIES}:
        if hasattr(each, "needed"):
            monkeypatch.setattr(each, "needed", lack)
    assert len(getattr(module, name)()) > 10
