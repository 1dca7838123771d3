"""A known defect of XLA for CPUs: it replaces layer normalisation by a kernel that takes one scale."""

import contextlib
from typing import Any

import jax

from conformance.known_defects.defect import Defect
from conformance.known_defects.minimal_calls import rule_call
from properties import oracle
from properties.call import Axes, Call, FunctionCall, ModuleCall

_RULE = "lax.rsqrt.layer-norm"
_MODULE = "layer-norm"
_KERNEL = "__onednn$layernorm"

_compiled: dict[str, bool] = {}
"""Whether XLA puts the kernel into a program, by the program's text."""


def _mapped(call: FunctionCall) -> tuple[Any, tuple[Any, ...]]:
    (axes,) = call.axes
    in_axes = axes.leading.in_axes
    return jax.vmap(call.subject.function, in_axes), call.batch_first(axes)


def _lifted(call: ModuleCall) -> tuple[Any, tuple[Any, ...]]:
    """The module's apply, mapped as `flax.linen.vmap` maps it, with streams that all examples share."""
    (axes,) = call.axes
    shapes = oracle.variable_shapes(call.ensemble())
    places = {name: call.ensemble().variable_axes.get(name) for name in shapes}

    def apply(variables: Any, *inputs: Any) -> Any:
        return oracle.applied(call)(variables, call.rngs(), *inputs)

    in_axes = (places, *axes.leading.in_axes)
    return jax.vmap(apply, in_axes, axis_size=call.size), (shapes, *call.batch_first(axes))


def _has_kernel(call: Call) -> bool:
    """Whether XLA puts the kernel into the mapped program of the call, with the batch axes in front.

    What a law makes of the call may have them there, where the call has not.
    """
    with contextlib.suppress(Exception):  # what cannot be traced or compiled does not call it
        mapped, arguments = _lifted(call) if isinstance(call, ModuleCall) else _mapped(call)
        lowered = jax.jit(mapped).lower(*arguments)
        text = lowered.as_text()
        if "rsqrt" not in text:
            return False
        if text not in _compiled:
            _compiled[text] = _KERNEL in (lowered.compile().as_text() or "")
        return _compiled[text]
    return False


def _affects(call: Call) -> bool:
    """Whether the call may map a scale."""
    own = call.subject.own is not None
    if isinstance(call, ModuleCall):
        ensemble = any(axis is not None for axis in call.variable_axes.values())
        return ensemble and (_has_kernel(call) if own else call.subject_name == _MODULE)
    (axes,) = call.axes
    if call.subject_name == _RULE:
        return True  # a nest of maps maps the scale, though the call may not
    return own and sum(axis is not None for axis in axes.in_axes) > 1 and _has_kernel(call)


def _explains(call: Call) -> bool:
    """Whether the kernel is there: it also takes an array in another order than it has in memory."""
    return call.subject.own is not None and _has_kernel(call)


_ENSEMBLE = ModuleCall(
    _MODULE,
    {"batch": 3, "length": 2, "m": 4},
    (Axes((0,), 0),),
    {"params": 0},
    {"params": True},
)


def _entry(id: str, transform: str, law: str, call: Call, **also: str) -> Defect:
    return Defect(
        id=f"{id}-layer-norm-one-scale",
        transform=transform,
        law=law,
        call=call,
        versions={"jax": "<0.4.33", **also},
        affects=_affects,
        explains=_explains,
        platform="cpu",
        description=(
            "Silently wrong values under jit: layer normalisation whose scale and bias are mapped, as "
            "in an ensemble, normalises every example with the scale and bias of the first. XLA for "
            "CPUs replaces it by a kernel of oneDNN, which takes one scale and one bias, and its "
            "argument in row-major order, in which a transposed one is not. "
            "XLA_FLAGS=--xla_disable_hlo_passes=onednn-ops-rewriter gives the right values."
        ),
        upstream=(
            "No report of this was found on openxla/xla, jax-ml/jax or google/flax on 2026-11-27; "
            "https://github.com/tensorflow/tensorflow/pull/61565 brought the pass."
        ),
    )


_MAPPED = rule_call(_RULE, (0, 0, 0), m=2, n=4)
_OF_MODULES = "sharing.equals-per-example"

LAYER_NORM: tuple[Defect, ...] = (
    _entry("vmap", "jax.vmap", "mapping.equals-per-example", _MAPPED),
    _entry("linen-vmap", "flax.linen.vmap", _OF_MODULES, _ENSEMBLE),
    _entry("nnx-vmap", "flax.nnx.vmap", _OF_MODULES, _ENSEMBLE, flax=">=0.10"),
)
