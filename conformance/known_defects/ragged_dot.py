"""Known defects of `jax.vmap` of `jax.lax.ragged_dot`, which knows one place of the batch axis."""

from conformance.known_defects.defect import Defect
from conformance.known_defects.minimal_calls import (
    NOT_FOUND,
    NOT_FOUND_ON_THE_27TH,
    any_axes,
    calls_of,
    rule_call,
)

RAGGED_DOT: tuple[Defect, ...] = (
    Defect(
        id="vmap-ragged-dot-axes",
        transform="jax.vmap",
        versions={"jax": ">=0.4.35"},
        affects=calls_of("lax.ragged_dot_general", lambda axes: set(axes) != {0}),
        law="mapping.equals-per-example",
        call=rule_call("lax.ragged_dot_general", (0, None, 0), k=2, n=4),
        description=(
            "lax.ragged_dot raises NotImplementedError, 'NYI', or TypeError unless every argument is "
            "mapped, with its batch axis in front."
        ),
        upstream=NOT_FOUND,
    ),
    Defect(
        id="vmap-ragged-dot-mapped-twice",
        transform="jax.vmap",
        versions={"jax": ">=0.4.35"},
        affects=calls_of("lax.ragged_dot_general", any_axes),
        law="nesting.composes",
        call=rule_call("lax.ragged_dot_general", (0, 0, 0), k=2, n=4),
        description=(
            "Two nested maps of lax.ragged_dot raise NotImplementedError, 'NYI', also where every "
            "argument's batch axes are in front."
        ),
        upstream=NOT_FOUND_ON_THE_27TH,
        all_laws=False,
    ),
    Defect(
        id="vmap-ragged-dot-gradient",
        transform="jax.vmap",
        versions={"jax": ">=0.4.35"},
        affects=calls_of("lax.ragged_dot_general", any_axes),
        law="gradients.per-example",
        call=rule_call("lax.ragged_dot_general", (0, 0, 0), k=2, n=4),
        description=(
            "A map of the gradient of lax.ragged_dot raises NotImplementedError, 'NYI': its transposed "
            "products have their batch axes elsewhere. The gradient of the map works since 0.5.3."
        ),
        upstream=NOT_FOUND_ON_THE_27TH,
        all_laws=False,
    ),
    Defect(
        id="vmap-ragged-dot-at-first",
        transform="jax.vmap",
        versions={"jax": ">=0.4.30,<0.4.35"},
        affects=calls_of("lax.ragged_dot_general", any_axes),
        law="mapping.equals-per-example",
        call=rule_call("lax.ragged_dot_general", (0, 0, 0), k=2, n=4),
        description="lax.ragged_dot raises NotImplementedError: it has no batching rule before 0.4.35.",
        upstream="https://github.com/jax-ml/jax/commit/f203a9fc9e added one.",
    ),
)
