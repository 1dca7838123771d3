"""Known defects of batching rules for sharding, layout and types that differ between devices."""

import attrs

from conformance.known_defects.defect import Defect
from conformance.known_defects.minimal_calls import (
    NOT_FOUND_LATER,
    NOT_FOUND_ON_THE_27TH,
    NOT_FOUND_ON_THE_30TH,
    any_axes,
    calls_of,
    rule_call,
)
from properties.call import Axes, FunctionCall
from properties.laws.parallel.within import is_checked

_UNREDUCED = {
    "lax.vary_unreduced_cast": "lax.pcast(to='unreduced')",
    "lax.preduced": "lax.pcast(to='reduced')",
    "lax.all_gather_reduced": "lax.all_gather(to='reduced')",
}


def _puts_of_several_axes(call: FunctionCall) -> bool:
    """Whether two arguments that jax.device_put gets together are mapped along different axes."""
    if call.subject_name != "lax.device_put.of-several":
        return False
    in_axes = call.axes[0].in_axes
    ranks = [len(array.dims) + 1 for array in call.subject.arguments]
    places = {axis % rank for axis, rank in zip(in_axes, ranks, strict=True) if axis is not None}
    return len(places) > 1


_LOSS = {"batch": 3, "m": 2, "k": 4, "n": 5}

PLACEMENT: tuple[Defect, ...] = (
    Defect(
        id="vmap-spmd-axis-name-around-shard-map",
        transform="jax.vmap",
        versions={"jax": ">=0.4.30"},
        affects=is_checked,
        law="parallel.shard-map-within",
        call=FunctionCall("mlp-loss", _LOSS, (Axes((0, 0, 0), 0),), seed=1),
        description=(
            "A map with spmd_axis_name around a shard_map over another axis of the mesh raises an error "
            "about varying manual axes (before 0.6, about replication types) where what is mapped meets "
            "a constant or what is shared, such as x + jnp.ones(3). It works with check_vma=False "
            "(check_rep=False). 0.10.0 made numbers and what is shared without a batch axis work."
        ),
        upstream="https://github.com/jax-ml/jax/issues/15905 (open)",
        all_laws=False,
    ),
    Defect(
        id="pmap-too-few-devices-unclear",
        transform="jax.pmap",
        versions={"jax": "==0.8.0"},
        affects=lambda call: len(call.subject.arguments) > 1,
        law="parallel.devices",
        call=FunctionCall("dot-product", {"batch": 3, "n": 2}, (Axes((0, 0), 0),)),
        description=(
            "A map of several arguments over fewer devices than examples raises a bare AssertionError, or "
            "'Store empty' the second time, in place of the ValueError that says both sizes. It works in "
            "0.7.2 and since 0.8.1."
        ),
        upstream=NOT_FOUND_ON_THE_27TH,
        all_laws=False,
    ),
    Defect(
        id="vmap-reshard-eagerly",
        transform="jax.vmap",
        versions={"jax": ">=0.8.2,<0.10"},
        affects=lambda call: call.subject_name == "lax.reshard" and call.eager,
        law="mapping.equals-per-example",
        call=attrs.evolve(rule_call("lax.reshard", (0,), m=2, n=4), eager=True),
        description=(
            "Mapping jax.sharding.reshard without jit raises ValueError, '`set_mesh` can only be "
            "used outside of `jax.jit`'. It works under jit."
        ),
        upstream=NOT_FOUND_LATER,
    ),
    Defect(
        id="vmap-device-put-of-differing-axes",
        transform="jax.vmap",
        versions={"jax": ">=0.4.30"},
        affects=_puts_of_several_axes,
        law="mapping.equals-per-example",
        call=rule_call("lax.device_put.of-several", (0, 1), m=2, n=4, k=2),
        description=(
            "Mapping jax.device_put of a tuple or dict whose arrays are mapped along different axes raises "
            "a bare AssertionError, such as (0, 1): of vmap(lambda x, y: jax.device_put((x, y)), (0, 1)). "
            "A jax.device_put for each array works."
        ),
        upstream=NOT_FOUND_ON_THE_30TH,
    ),
    Defect(
        id="vmap-layout-constraint",
        transform="jax.vmap",
        versions={"jax": ">=0.7,<0.7.1"},
        affects=calls_of("lax.layout_constraint", any_axes),
        law="mapping.equals-per-example",
        call=rule_call("lax.layout_constraint", (0,), m=2, n=4),
        description=(
            "Mapping jax.experimental.layout.with_layout_constraint raises NotImplementedError "
            "without a message. It works since 0.7.1."
        ),
        upstream=NOT_FOUND_LATER,
    ),
    *(
        Defect(
            id=f"vmap-{name.removeprefix('lax.').replace('_', '-')}",
            transform="jax.vmap",
            versions={"jax": ">=0.8.2"},
            affects=calls_of(name, any_axes),
            law="mapping.equals-per-example",
            call=rule_call(name, (0,), n=3),
            description=(
                f"{what} within a mapped shard_map raises NotImplementedError, which does not say what of: "
                "the batching rule is to be written."
            ),
            upstream=NOT_FOUND_LATER,
        )
        for name, what in _UNREDUCED.items()
    ),
    Defect(
        id="vmap-empty-shards-unreadable",
        transform="jax.vmap",
        versions={"jax": ">=0.8.1,<0.11.2"},
        affects=lambda call: (
            call.subject_name in ("lax.pvary", "lax.all_gather.of-both")
            and call.sizes["batch"] == 0
            and call.eager
        ),
        law="mapping.axis-size",
        call=FunctionCall("lax.pvary", {"batch": 0, "n": 3}, (Axes((0,), 0),), eager=True),
        description=(
            "An empty batch of an array that is sharded over devices cannot be read: np.asarray "
            "raises ValueError, 'could not broadcast input array from shape (0,4,3) into shape "
            "(0,2,3)', since XLA does not shard empty arrays. Before 0.9.2 mapping it raises "
            "AssertionError: Unexpected XLA sharding override. jax.jit(lambda a: a, "
            "out_shardings=s) of an array of shape (0, 4), with a sharding s of its second axis, "
            "raises it too from 0.7 to 0.11.1."
        ),
        upstream=(
            "No report of it was found on jax-ml/jax on 2026-11-25. "
            "https://github.com/jax-ml/jax/issues/31931 (closed) is the AssertionError of another cause."
        ),
        all_laws=False,
    ),
    Defect(
        id="vmap-empty-shards-override",
        transform="jax.vmap",
        versions={"jax": ">=0.7,<0.8.1"},
        affects=lambda call: (
            call.subject_name in ("lax.pvary", "lax.all_gather.of-both")
            and call.sizes["batch"] == 0
            and call.eager
        ),
        law="mapping.axis-size",
        call=FunctionCall(
            "lax.all_gather.of-both", {"batch": 0, "n": 2}, (Axes((0, 0), 0),), eager=True
        ),
        description=(
            "A map over no example of a shard_map raises AssertionError, without jit: Unexpected XLA "
            "sharding override. It is the first form of vmap-empty-shards-unreadable."
        ),
        upstream=(
            "No report of it was found on jax-ml/jax on 2026-11-28. "
            "https://github.com/jax-ml/jax/issues/31931 (closed) is the AssertionError of another cause."
        ),
        all_laws=False,
    ),
    Defect(
        id="vmap-reduce-sum-out-sharding",
        transform="jax.vmap",
        versions={"jax": ">=0.8,<0.9.1"},
        affects=lambda call: call.subject_name == "placed-types",
        law="parallel.placed-within",
        call=FunctionCall("placed-types", {"batch": 6}, (Axes((0,) * 6, 0),)),
        description=(
            "On an Explicit mesh, a map of lax.reduce_sum silently takes its out_sharding for that of the "
            "whole batch: of P('y') for one example, the result is sharded by P('y', None), the examples "
            "along y, in place of P('x', 'y'). The values are right."
        ),
        upstream="No report of it was found on jax-ml/jax on 2026-11-28. 0.9.1 has it right.",
        all_laws=False,
    ),
    Defect(
        id="vmap-cond-on-an-explicit-mesh",
        transform="jax.vmap",
        versions={"jax": ">=0.7"},
        affects=lambda call: call.subject_name == "placed-branches",
        law="parallel.placed-within",
        call=FunctionCall("placed-branches", {"batch": 6}, (Axes((0, 0), 0),)),
        description=(
            "A map of lax.cond or lax.switch whose predicate is mapped raises ShardingTypeError, 'select "
            "`which` must be scalar or have the same sharding as cases', where an example's array is "
            "sharded over an Explicit mesh: its predicate is not sharded as they are."
        ),
        upstream=(
            "No report of it was found on jax-ml/jax on 2026-11-29. "
            "https://github.com/jax-ml/jax/issues/37853 (closed) is of jnp.where without a map."
        ),
        all_laws=False,
    ),
    Defect(
        id="vmap-unchecked-shard-map-on-an-explicit-mesh",
        transform="jax.vmap",
        versions={"jax": ">=0.10,<0.12"},
        affects=lambda call: call.subject_name == "placed-shard_map-unchecked",
        law="parallel.placed-within",
        call=FunctionCall("placed-shard_map-unchecked", {"batch": 6}, (Axes((0,), 0),)),
        description=(
            "Without a jit, a map along an axis that is sharded over an Explicit mesh of a shard_map with "
            "check_vma=False raises ValueError: out_specs refers to the axis of the mesh that is mapped."
        ),
        upstream="No report of it was found on jax-ml/jax on 2026-11-29. 0.12 has it right.",
        all_laws=False,
    ),
    Defect(
        id="vmap-spmd-axis-name-forgotten",
        transform="jax.vmap",
        versions={"jax": ">=0.9"},
        affects=lambda call: call.subject_name == "lax.sharding_constraint.called-again",
        law="mapping.equals-per-example",
        call=rule_call("lax.sharding_constraint.called-again", (0,)),
        description=(
            "A map with spmd_axis_name that was once called with arrays that are sharded over an Explicit "
            "mesh has lost the name from then on: over an Auto mesh it silently leaves the batch axis of "
            "lax.with_sharding_constraint unconstrained. A map that is made anew for each call is right."
        ),
        upstream=NOT_FOUND_ON_THE_30TH,
    ),
)
