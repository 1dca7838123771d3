"""Known defects of derivatives that a function takes within a map, of a map or of a rule of its own."""

from conformance.known_defects.defect import Defect
from conformance.known_defects.minimal_calls import any_axes, calls_of, rule_call

_ZERO_SLOPES = "lax.custom_jvp_call.zero-slopes"
_PAST_THE_END = "lax.dynamic_slice.slopes-past-the-end"

WITHIN: tuple[Defect, ...] = (
    Defect(
        id="vmap-slice-gradient-within",
        transform="jax.vmap",
        versions={"jax": "<0.9"},
        affects=calls_of(_PAST_THE_END, any_axes),
        law="mapping.equals-per-example",
        call=rule_call(_PAST_THE_END, (0, 0, 0)),
        description=(
            "A function that differentiates a map of lax.dynamic_slice whose start is mapped and past the "
            "end, which is clipped, is silently given zero for those examples."
        ),
        upstream=(
            "https://github.com/jax-ml/jax/issues/34228, fixed by https://github.com/jax-ml/jax/pull/34229"
        ),
    ),
    Defect(
        id="vmap-second-derivative-of-a-rule",
        transform="jax.vmap",
        versions={"jax": ">=0.7,<0.7.2"},
        affects=calls_of(_ZERO_SLOPES, any_axes),
        law="mapping.equals-per-example",
        call=rule_call(_ZERO_SLOPES, (0, 0)),
        description=(
            "Where a result of a compiled jax.custom_jvp with symbolic_zeros=True is not used, its second "
            "derivative raises ValueError: foreach() argument 2 is longer than argument 1; with a map or "
            "without."
        ),
        upstream="https://github.com/jax-ml/jax/issues/31448 (closed).",
    ),
)
