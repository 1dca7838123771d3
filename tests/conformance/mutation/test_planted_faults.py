"""Subjects of the catalogue notice a fault planted in JAX, and pass without it."""

import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import pytest

from conformance.mutation.control import first_violation, unbroken
from conformance.transforms import TRANSFORMS
from properties.applicability import unavailable
from properties.call import Axes, ModuleCall
from properties.law import violation
from properties.laws import LAWS
from properties.profile import PROFILES
from properties.subjects import SUBJECTS

LAW = LAWS["mapping.equals-per-example"]


def function_of(module: Any, name: str) -> Any:
    if not hasattr(module, name):
        pytest.skip(f"jax {jax.__version__} has no {module.__name__}.{name}")
    return getattr(module, name)


def sums_of_small_integers_are_wide(patch: pytest.MonkeyPatch) -> None:
    """The sum over a mapped axis of what all examples share is promoted to int32."""
    from jax._src.lax import parallel

    whole = function_of(parallel, "_constant_reduction")

    def reduced(*given: Any) -> Any:
        total, axis = whole(*given)
        return total.astype(jnp.promote_types(total.dtype, jnp.int32)), axis

    patch.setattr(parallel, "_constant_reduction", reduced)


def gradients_of_halves_are_wide(patch: pytest.MonkeyPatch) -> None:
    """The gradient of a shared argument is summed, and left, in float32."""
    from jax._src.interpreters import batching

    whole = function_of(batching, "matchaxis")

    def matched(*given: Any, sum_match: bool = False) -> Any:
        out = whole(*given, sum_match=sum_match)
        summed = sum_match and jnp.ndim(out) < jnp.ndim(given[-1])
        return out.astype(jnp.float32) if summed else out

    patch.setattr(batching, "matchaxis", matched)


def switches_have_two_branches(patch: pytest.MonkeyPatch) -> None:
    """An example whose index is between the first and the last takes the last branch."""
    from jax._src.lax.control_flow import conditionals

    whole = function_of(conditionals, "_bcast_select_n")

    def selected(index: Any, *cases: Any) -> Any:
        return whole(index, *cases) if len(cases) == 2 else whole(index > 0, cases[0], cases[-1])

    patch.setattr(conditionals, "_bcast_select_n", selected)


def sums_over_two_axes_are_of_one(patch: pytest.MonkeyPatch) -> None:
    """The sum over two mapped axes of what all examples share is taken over one of them."""
    from jax._src.lax import parallel

    whole = function_of(parallel, "_constant_reduction")

    def reduced(prim: Any, data: Any, value: Any, axes: Any, groups: Any) -> Any:
        return whole(prim, data, value, (data.name,), groups)

    patch.setattr(parallel, "_constant_reduction", reduced)


def parts_of_devices_are_kept_apart(patch: pytest.MonkeyPatch) -> None:
    """Where `shard_map` checks nothing, a gradient by what devices share is one device's, and not divided."""
    from jax._src import shard_map

    function_of(shard_map, "_unmentioned2")
    patch.setattr(shard_map, "_unmentioned2", lambda *given: [])


def change_rule(patch: pytest.MonkeyPatch, name: str, change: Callable[..., Any]) -> None:
    """Have a primitive's batching rule give `change(out, axis, operands, axes)`."""
    from jax._src.interpreters import batching

    registries = [batching.primitive_batchers, getattr(batching, "fancy_primitive_batchers", {})]
    registries = [each for each in registries if isinstance(each, dict)]
    found = [(each, prim) for each in registries for prim in each if prim.name == name]
    ((registry, primitive), *_) = found
    whole = registry[primitive]

    def changed(*given: Any, **parameters: Any) -> Any:
        # A release gives what it knows of the axis before the operands, or after them, or not at all.
        operands, axes = [each for each in given if isinstance(each, (list, tuple))][-2:]
        return change(*whole(*given, **parameters), operands, axes)

    patch.setitem(registry, primitive, changed)


def sums_have_the_first_axis(patch: pytest.MonkeyPatch) -> None:
    """A sum of two with the examples along differing axes is said to have them where the first had them."""

    def change(out: Any, axis: Any, operands: Any, axes: Any) -> Any:
        return out, axis if None in axes else axes[0]

    change_rule(patch, "add_any", change)


def empty_results_have_the_dtype_of_the_input(patch: pytest.MonkeyPatch) -> None:
    """Over no example, a convolution gives the dtype of what is convolved, whichever was asked for."""

    def change(out: Any, axis: Any, operands: Any, axes: Any) -> Any:
        return out if out.size else out.astype(operands[0].dtype), axis

    change_rule(patch, "conv_general_dilated", change)


def zeros_are_placed_nowhere(patch: pytest.MonkeyPatch) -> None:
    """A derivative that a custom rule gives as a zero without values is refused where an axis is due."""
    from jax._src.interpreters import ad, batching

    whole = function_of(batching, "_matchaxis_symzeros")

    def matched(*given: Any, **sums: Any) -> Any:
        # Some releases give the size and the name of the axis in front, others what knows both.
        *_, before, after, value = given
        if isinstance(value, (ad.Zero, ad.SymbolicZero)) and before != after:
            raise ValueError(before, after, value)
        return whole(*given, **sums)

    patch.setattr(batching, "_matchaxis_symzeros", matched)


def choices_by_platform_are_forgotten(patch: pytest.MonkeyPatch) -> None:
    """The map of a choice by platform compiles the branches of every platform."""
    from jax._src.interpreters import batching
    from jax._src.lax.control_flow.conditionals import cond_p

    whole = batching.fancy_primitive_batchers[cond_p]

    def of_all(*given: Any, branches_platforms: Any = None, **parameters: Any) -> Any:
        return whole(*given, **parameters)

    patch.setitem(batching.fancy_primitive_batchers, cond_p, of_all)


def tangents_have_the_axes_of_values(patch: pytest.MonkeyPatch) -> None:
    """A tangent that a map's own rule gives is taken to have its examples where the value has them."""
    from jax._src import custom_batching
    from jax._src.interpreters import ad

    name, old = "custom_vmap_jvp", "flat_out_ts, flat_out_axes_t)"
    source = inspect.getsource(function_of(custom_batching, name))
    if source.count(old) != 1:
        pytest.skip("this release of JAX has it otherwise")
    made: dict[str, Any] = {}
    exec(source.replace(old, "flat_out_ts, flat_out_axes_p)"), vars(custom_batching), made)
    patch.setitem(ad.primitive_jvps, custom_batching.custom_vmap_p, made[name])


FAULTS: tuple[tuple[str, Callable[[pytest.MonkeyPatch], None]], ...] = (
    ("lax.psum.of-one-for-all", sums_of_small_integers_are_wide),
    ("lax.psum.of-one-for-all", sums_over_two_axes_are_of_one),
    ("lax.custom_vjp_call.shared-halves", gradients_of_halves_are_wide),
    ("lax.custom_vjp_call.one-cotangent", zeros_are_placed_nowhere),
    ("lax.custom_jvp_call.one-tangent", zeros_are_placed_nowhere),
    ("lax.cond.switch", switches_have_two_branches),
    ("lax.cond.of-elsewhere", choices_by_platform_are_forgotten),
    ("lax.add_any.two-axes", sums_have_the_first_axis),
    ("lax.psum.gradients-over-devices", parts_of_devices_are_kept_apart),
    ("lax.custom_vmap_call.axis-behind", tangents_have_the_axes_of_values),
    ("lax.conv_general_dilated.of-none", empty_results_have_the_dtype_of_the_input),
)
"""The subject, and the fault in JAX that it must notice."""


@pytest.mark.parametrize(
    ("subject", "fault"), FAULTS, ids=[f"{fault.__name__} {subject}" for subject, fault in FAULTS]
)
def test_a_planted_fault_is_noticed_and_jax_as_it_is_passes(
    subject: str, fault: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    vmap = TRANSFORMS["jax.vmap"]
    if reason := unavailable(SUBJECTS[subject]):
        pytest.skip(reason)
    control = unbroken(LAW, vmap, SUBJECTS[subject], PROFILES["quick"])
    assert control.calls
    assert control.violation is None
    jax.clear_caches()
    with monkeypatch.context() as patch:
        fault(patch)
        assert first_violation(LAW, vmap, control.calls) is not None
    jax.clear_caches()


def test_a_fault_in_gradients_over_devices_is_noticed_by_pmap(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    law, pmap = LAWS["sharing.documented-uses"], TRANSFORMS["flax.nnx.pmap"]
    if reason := law.skip_reason(pmap, SUBJECTS["use.shared-result"]):
        pytest.skip(reason)
    call = ModuleCall("use.shared-result", {"batch": 3, "m": 2}, (Axes((0,)),), {}, {}, seed=7)
    assert violation(law, pmap, call) is None
    jax.clear_caches()
    with monkeypatch.context() as patch:
        parts_of_devices_are_kept_apart(patch)
        assert violation(law, pmap, call) is not None
    jax.clear_caches()
