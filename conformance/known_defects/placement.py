"""Known defects of batching rules for sharding, layout and types that differ between devices."""

import attrs

from conformance.known_defects.defect import Defect
from conformance.known_defects.minimal_calls import (
    NOT_FOUND_LATER,
    NOT_FOUND_ON_THE_27TH,
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
)
