"""Known defects of released software. Each entry was earned by a reproducer."""

from collections.abc import Callable
from typing import Any

import attrs
import jax

from conformance.ledger import Defect
from properties import expected
from properties.calls import Axes, Call, FunctionCall, ModuleCall
from properties.laws.errors import BEYOND, MANY


def _has_negative_axis(call: Call) -> bool:
    (axes,) = call.axes
    given = [*axes.in_axes, axes.out_axes]
    if isinstance(call, ModuleCall):
        given += call.variable_axes.values()
    return any(axis is not None and axis < 0 for axis in given)


def _has_negative_axis_not_in_front(call: Call) -> bool:
    """A negative axis that names any place but the front, in any leaf it applies to."""
    if isinstance(call, ModuleCall):
        return _has_negative_axis(call)
    (axes,) = call.axes
    ranks = [
        (axis, len(array.dims))
        for tree, axis in zip(call.subject.arguments, axes.in_axes, strict=True)
        for array in jax.tree_util.tree_leaves(tree)
    ]
    if axes.out_axes is not None and axes.out_axes < 0:
        ranks += [(axes.out_axes, rank) for rank in expected.output_ranks(call)]
    return any(axis is not None and axis < 0 and axis + rank + 1 != 0 for axis, rank in ranks)


def _has_axis_out_of_range(call: FunctionCall) -> bool:
    return any(axis is not None and axis >= BEYOND for axis in call.axes[0].in_axes)


def _has_no_out_axis(call: FunctionCall) -> bool:
    out_axes: int | None = call.axes[0].out_axes
    return out_axes is None


def _square_call(in_axis: int, out_axis: Any) -> FunctionCall:
    return FunctionCall("square", {"batch": 3, "m": 2, "n": 4}, (Axes((in_axis,), out_axis),))


def _calls_of(name: str, mapped: Callable[[tuple[int | None, ...]], bool]) -> Callable[[Any], bool]:
    """The calls of a subject of the catalogue whose in_axes are such."""

    def affects(call: Call) -> bool:
        (axes,) = call.axes
        return call.subject_name == name and mapped(axes.in_axes)

    return affects


def _calls_of_none(names: tuple[str, ...]) -> Callable[[Any], bool]:
    """The calls of such subjects with a batch of no example."""
    return lambda call: call.subject_name in names and call.sizes["batch"] == 0


def _any(in_axes: tuple[int | None, ...]) -> bool:
    return True


def _every(in_axes: tuple[int | None, ...]) -> bool:
    return None not in in_axes


def _rule_call(name: str, in_axes: tuple[int | None, ...], **sizes: int) -> FunctionCall:
    return FunctionCall(name, {"batch": 3, **sizes}, (Axes(in_axes, 0),))


_PBROADCAST_IN_VMAP = (
    "lax.pbroadcast under jit of a map, where the source is traced as a list, raises TypeError: 'take "
    "requires ndarray or scalar arguments, got list'."
)
_NOT_FOUND = "No report of this was found on jax-ml/jax on 2026-11-21."
_PMAP_SAYS = (
    "The docstring of jax.pmap asks for non-negative axes; nothing checks it. No report of this was "
    "found on jax-ml/jax on 2026-11-21; https://github.com/jax-ml/jax/pull/3925 was the same for vmap."
)

_PMAP: tuple[Defect, ...] = (
    Defect(
        id="pmap-negative-axis-wrong-answer",
        transform="jax.pmap",
        versions={"jax": ">=0.8.0"},
        affects=_has_negative_axis_not_in_front,
        law="axes.negative-count-from-end",
        call=_square_call(0, -1),
        seen="Since pmap became jit of shard_map, out_axes=-1 silently gives an array of the wrong "
        "shape, (6, 4, 1) for (2, 4, 3), and in_axes=-1 raises errors that speak of shardings or squeezing.",
        upstream=_PMAP_SAYS,
    ),
    Defect(
        id="pmap-negative-axis-bare-assertion",
        transform="jax.pmap",
        versions={"jax": "<0.8.0"},
        affects=_has_negative_axis,
        law="axes.negative-count-from-end",
        call=_square_call(-1, 0),
        seen="A negative axis in in_axes or out_axes ends in a bare AssertionError such as (-1, 2).",
        upstream=_PMAP_SAYS,
    ),
    Defect(
        id="pmap-axis-out-of-range",
        transform="jax.pmap",
        versions={"jax": ">=0.8.0"},
        affects=_has_axis_out_of_range,
        law="errors.axis-out-of-range",
        call=_square_call(BEYOND, 0),
        seen="Since pmap became jit of shard_map, an axis that an argument does not have raises "
        "IndexError, 'tuple index out of range', which names neither the argument nor the axis.",
        upstream=_NOT_FOUND,
    ),
    Defect(
        id="pmap-out-axes-none-unchecked",
        transform="jax.pmap",
        versions={"jax": ">=0.4.30"},
        affects=_has_no_out_axis,
        law="errors.out-axes-none",
        call=_square_call(0, None),
        seen="out_axes=None for a result that differs between devices silently gives the first device's.",
        upstream="https://github.com/jax-ml/jax/issues/21671",
    ),
    Defect(
        id="pmap-in-jit-out-axes",
        transform="jax.pmap",
        versions={"jax": "<0.8.0"},
        affects=lambda call: call.axes[0].out_axes != 0,
        law="mapping.jit-agrees",
        call=_square_call(0, 1),
        seen="jit of pmap with out_axes other than 0 raises ValueError: 'Operation creation failed'.",
        upstream="https://github.com/jax-ml/jax/issues/5756 (still open; it works since 0.8.0)",
        everywhere=False,
    ),
    Defect(
        id="pmap-in-jit-zeros",
        transform="jax.pmap",
        versions={"jax": "<0.8.0"},
        affects=lambda call: call.special,
        law="mapping.jit-agrees",
        call=FunctionCall(
            "sort",
            {"batch": 4, "m": 3, "n": 5},
            (Axes((2,), 0),),
            seed=199464378,
            special=True,
        ),
        seen="jit of pmap gives 0.0 for -0.0, and for subnormal numbers, which pmap alone keeps: its results "
        "are put together by a sum over the devices, in which zeros stand for what the others have.",
        upstream=f"{_NOT_FOUND} It does not happen since 0.8.0. That subnormal numbers may be flushed is "
        "documented (https://github.com/jax-ml/jax/pull/26668), the sign of zero is not.",
        everywhere=False,
    ),
)


def _of_nnx(defect: Defect) -> Defect:
    """What ``nnx.pmap``, which calls ``jax.pmap``, has of it."""
    versions = {**defect.versions, "flax": ">=0.10"}
    return attrs.evolve(defect, id=f"nnx-{defect.id}", transform="flax.nnx.pmap", versions=versions)


DEFECTS: tuple[Defect, ...] = (
    *_PMAP,
    *map(_of_nnx, _PMAP),
    Defect(
        id="linen-vmap-axis-out-of-range",
        transform="flax.linen.vmap",
        versions={"flax": ">=0.8.5"},
        affects=_has_axis_out_of_range,
        law="errors.axis-out-of-range",
        call=_square_call(BEYOND, 0),
        seen="An axis that an argument does not have raises IndexError, 'tuple index out of range', which "
        "names neither the argument nor the axis; jax.vmap says both.",
        upstream="No report of this was found on google/flax on 2026-11-21.",
    ),
    Defect(
        id="linen-vmap-sizes-unnamed",
        transform="flax.linen.vmap",
        versions={"flax": ">=0.8.5"},
        affects=lambda call: True,
        law="errors.sizes-disagree",
        call=FunctionCall("dot-product", {"batch": 3, "n": 2}, (Axes((0, 0), 0),)),
        seen="Of arguments whose batch axes have different sizes, the message gives the sizes, 'Inconsistent "
        "batch axis sizes: {3, 4}', and does not say which argument has which; jax.vmap does.",
        upstream="No report of this was found on google/flax on 2026-11-21; it is what "
        "https://github.com/jax-ml/jax/issues/705 asked of jax.vmap.",
        everywhere=False,
    ),
    Defect(
        id="linen-vmap-negative-axis-names",
        transform="flax.linen.vmap",
        versions={"flax": ">=0.8.5"},
        affects=lambda call: (call.variable_axes["params"] or 0) < 0,
        law="sharing.metadata",
        call=ModuleCall(
            "partitioned-dense",
            {"batch": 3, "m": 2, "n": 4},
            (Axes((0,), 0),),
            {"params": -1},
            {"params": True},
        ),
        seen="nn.Partitioned puts the name of an axis that is counted from the end one place too far in "
        "front: a kernel of shape (2, 4, 3) is said to be ('in', 'members', 'out'), so that it would be "
        "sharded along the wrong axis; applying the boxed parameters ends in a bare AssertionError.",
        upstream="No report for Linen was found on google/flax on 2026-11-21; "
        "https://github.com/google/flax/pull/5508 (open) counts from the end for NNX.",
        everywhere=False,
    ),
    Defect(
        id="vmap-ref-write-transposed",
        transform="jax.vmap",
        versions={"jax": ">=0.8.0,<0.12"},
        affects=_calls_of("lax.new_ref", lambda axes: bool(axes[0]) and axes[1] != axes[0]),
        law="mapping.equals-per-example",
        call=_rule_call("lax.new_ref", (1, 0), m=3, n=3),
        seen="A whole-array write to a Ref whose batch axis is not in front does not move the value's "
        "batch axis there: where the sizes are equal the answer is silently transposed, else it "
        "raises 'Invalid shape for `swap`'.",
        upstream="https://github.com/jax-ml/jax/issues/39288 (the error, for 0.11.0), fixed by "
        "https://github.com/jax-ml/jax/pull/39293",
    ),
    Defect(
        id="vmap-reduce-mapped-initial-value",
        transform="jax.vmap",
        versions={"jax": ">=0.4.30"},
        affects=_calls_of("lax.reduce.initial", _any),
        law="mapping.equals-per-example",
        call=_rule_call("lax.reduce.initial", (0, 0), m=2, n=4),
        seen="lax.reduce with an initial value that is mapped raises NotImplementedError without a word.",
        upstream="https://github.com/jax-ml/jax/issues/9266, closed",
    ),
    Defect(
        id="vmap-ragged-dot-axes",
        transform="jax.vmap",
        versions={"jax": ">=0.4.30"},
        affects=_calls_of("lax.ragged_dot_general", _any),
        law="mapping.equals-per-example",
        call=_rule_call("lax.ragged_dot_general", (0, None, 0), k=2, n=4),
        seen="lax.ragged_dot can be mapped with every argument's batch axis in front only (before 0.4.35 "
        "not at all), and not twice; else it raises NotImplementedError, 'NYI', or a TypeError.",
        upstream=_NOT_FOUND,
    ),
    *(
        Defect(
            id=f"vmap-{name.split('.')[-1].replace('_', '-')}-batch-axes",
            transform="jax.vmap",
            versions={"jax": "<0.5.1"},
            affects=_calls_of(name, _any),
            law="mapping.equals-per-example",
            call=_rule_call(name, (0,), n=3),
            seen=seen,
            upstream=f"{_NOT_FOUND} It works since 0.5.1.",
        )
        for name, seen in (
            ("lax.hessenberg", "Mapping it raises TypeError: 'int' object is not iterable."),
            ("lax.tridiagonal", "Mapping it raises TypeError: 'int' object is not iterable."),
            (
                "lax.householder_product",
                "Mapped, it gives an array that says its batch axis is (0,): what uses it raises "
                "errors such as \"'NoneType' object has no attribute '_matmul'\".",
            ),
            (
                "lax.geqrf",
                "The product of its reflectors, lax.linalg.householder_product, cannot be mapped.",
            ),
        )
    ),
    Defect(
        id="vmap-rng-bit-generator-of-none",
        transform="jax.vmap",
        versions={"jax": ">=0.4.30"},
        affects=_calls_of_none(("lax.rng_bit_generator",)),
        law="mapping.axis-size",
        call=FunctionCall("lax.rng_bit_generator", {"batch": 0}, (Axes((0,), 0),)),
        seen="Mapped over a batch of size zero, lax.rng_bit_generator raises IndexError: 'index is out of "
        "bounds for axis 0 with size 0'.",
        upstream=_NOT_FOUND,
    ),
    *(
        Defect(
            id=f"vmap-{name.removeprefix('lax.')}-ref-of-none",
            transform="jax.vmap",
            versions={"jax": ">=0.12"},
            affects=_calls_of_none((name,)),
            law="mapping.axis-size",
            call=FunctionCall(name, {"batch": 0, "m": 2, "n": 4}, (Axes((0, *(None,) * more), 0),)),
            seen="Indexing a Ref under a map over a batch of size zero raises ValueError: 'Out of bound "
            "slice: start=0, dim=0.'. Before 0.12 it gave the empty batch.",
            upstream=_NOT_FOUND,
        )
        for name, more in (("lax.get", 1), ("lax.swap", 2), ("lax.addupdate", 2))
    ),
    *(
        Defect(
            id=f"{transform.split('.')[-1]}-pbroadcast{'-linen' * transform.startswith('flax')}",
            transform=transform,
            versions={"jax": ">=0.4.30"},
            affects=_calls_of("pbroadcast", _any),
            law="collectives.equal-plain-reductions",
            call=FunctionCall(
                "pbroadcast", {"batch": 3, "m": 2, "n": 4}, (Axes((0,), 0, "batch"),)
            ),
            seen=seen,
            upstream=_NOT_FOUND,
        )
        for transform, seen in (
            ("jax.vmap", _PBROADCAST_IN_VMAP),
            ("flax.linen.vmap", _PBROADCAST_IN_VMAP),
            (
                "jax.pmap",
                "lax.pbroadcast takes the letters of the axis name for names: it raises NameError, "
                "'unbound axis name: b'.",
            ),
        )
    ),
    Defect(
        id="vmap-dce-sink",
        transform="jax.vmap",
        versions={"jax": "<0.8"},
        affects=_calls_of("lax.dce_sink", _any),
        law="mapping.equals-per-example",
        call=_rule_call("lax.dce_sink", (0,), m=2, n=4),
        seen="Mapping lax.dce_sink (since 0.7.0) raises TypeError: 'int' object is not iterable.",
        upstream=f"{_NOT_FOUND} It works since 0.8.0.",
    ),
    Defect(
        id="vmap-dce-sink-gradient",
        transform="jax.vmap",
        versions={"jax": ">=0.8,<0.11.1"},
        affects=_calls_of("lax.dce_sink", _any),
        law="gradients.per-example",
        call=_rule_call("lax.dce_sink", (0,), m=2, n=4),
        seen="The batching rule of lax.dce_sink gives a result where there is none: mapping a gradient "
        "through it raises ValueError about the arguments of safe_zip.",
        upstream="https://github.com/jax-ml/jax/issues/39501 (closed), met there in a loop's body; the "
        "gradient works since 0.11.1.",
        everywhere=False,
    ),
    Defect(
        id="vmap-none-keys-at-indices",
        transform="jax.vmap",
        versions={"jax": "<0.4.35"},
        affects=lambda call: (
            call.sizes["batch"] == 0 and _calls_of("lax.keys.places", _every)(call)
        ),
        law="mapping.axis-size",
        call=attrs.evolve(_rule_call("lax.keys.places", (0, 0), m=2), sizes={"batch": 0, "m": 2}),
        seen="Mapped over no example, indexing an array of typed keys raises an error that calls itself "
        "internal: 'canonicalize_dtype called on extended dtype key<fry>'.",
        upstream=f"{_NOT_FOUND} It works since 0.4.35.",
    ),
    *(
        Defect(
            id=f"{name}-axis-size-unchecked",
            transform=transform,
            versions={"jax": "<0.10", "flax": f">={flax}"},
            affects=lambda call: True,
            law="errors.axis-size",
            call=attrs.evolve(_square_call(0, 0), axes=(Axes((0,), 0, None, {"axis_size": MANY}),)),
            seen="An axis_size that no mapped axis has is believed: from 0.5 to 0.9.2 lax.pmean of "
            "three ones, told 4, silently gives four times 0.75, and other functions end in errors of the "
            "compiler or of its executables; before, in a bare AssertionError such as (3, 4).",
            upstream=f"{_NOT_FOUND} jax.vmap checks it since 0.10.0.",
            everywhere=False,
        )
        for name, transform, flax in (
            ("vmap", "jax.vmap", "0.8.5"),
            ("linen-vmap", "flax.linen.vmap", "0.8.5"),
            ("nnx-vmap", "flax.nnx.vmap", "0.10"),
        )
    ),
    Defect(
        id="linen-vmap-keywords-left-out",
        transform="flax.linen.vmap",
        versions={"flax": ">=0.8.5"},
        affects=lambda call: True,
        law="errors.keywords",
        call=FunctionCall("dot-product", {"batch": 3, "n": 2}, (Axes((0, 0), 0),)),
        seen="An argument given by its name is left out, with a RuntimeWarning: where it has a default, the "
        "answer is that of the default. jax.vmap maps it, nnx.vmap raises TypeError.",
        upstream="https://github.com/google/flax/issues/2772 (closed).",
        everywhere=False,
    ),
    Defect(
        id="nnx-pmap-updates-unchecked",
        transform="flax.nnx.pmap",
        versions={"flax": ">=0.10"},
        affects=lambda call: True,
        law="sharing.updates-differ",
        call=ModuleCall("accumulator", {"batch": 3, "m": 2}, (Axes((0,), 0),), {"cache": None}, {}),
        seen="State that is shared, and that each device updates in its own way, silently becomes what one "
        "device made of it; nnx.vmap raises ValueError.",
        upstream="It comes of https://github.com/jax-ml/jax/issues/21671, out_axes=None of jax.pmap; no "
        "report was found on google/flax on 2026-11-21.",
        everywhere=False,
    ),
)
