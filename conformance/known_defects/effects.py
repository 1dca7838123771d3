"""What a known defect does to a user: it gives wrong values, raises, or ends the process."""

from conformance.events.outcomes import Effect
from conformance.known_defects.defect import Defect

SILENTLY_WRONG = frozenset(
    {
        "pmap-negative-axis-wrong-answer",
        "pmap-out-axes-none-unchecked",
        "pmap-axes-of-leaves",
        "pmap-in-jit-zeros",
        "linen-vmap-negative-axis-names",
        "nnx-vmap-negative-axis-names",
        "linen-vmap-keywords-left-out",
        "nnx-pmap-updates-unchecked",
        "nnx-vmap-callable-with-f",
        "nnx-pmap-callable-with-f",
        "vmap-ref-write-transposed",
        "vmap-ref-indexed",
        "vmap-slice-gradient-past-the-end",
        "vmap-slice-gradient-within",
        "vmap-update-of-own-slice",
        "shard-map-update-of-own-slice",
        "vmap-axis-size-unchecked",
        "linen-vmap-axis-size-unchecked",
        "nnx-vmap-axis-size-unchecked",
        "vmap-scaled-matmul-behind",
        "vmap-reduce-sum-out-sharding",
        "vmap-over-two-names",
        "linen-vmap-over-two-names",
        "pmap-over-two-names",
        "vmap-all-to-all-of-shared",
        "linen-vmap-all-to-all-of-shared",
        "pmap-all-to-all-gradient",
        "vmap-psum-scatter-of-another-size",
        "vmap-collective-of-a-negative-axis",
        "linen-vmap-collective-of-a-negative-axis",
        "vmap-cudnn-attention-bias-gradient",
        "vmap-many-squared-norms",
        "vmap-forward-derivative-of-custom-vmap",
        "vmap-callback-of-sequential-vmap",
        "vmap-layer-norm-one-scale",
        "linen-vmap-layer-norm-one-scale",
        "nnx-vmap-layer-norm-one-scale",
        "nnx-streams-drawn-again",
        "nnx-fork-rngs-two-filters",
        "nnx-derivative-module-aside",
        "nnx-bridged-writes-lost",
        "nnx-reference-writes-lost",
        "nnx-deep-copy-is-an-array",
        "linen-jit-draws-again",
        "linen-jit-attributes-of-one-hash",
        "vmap-spmd-axis-name-forgotten",
        "heaviside-and-floor-divide-at-edges",
        "vmap-sharded-gradient-of-batch-groups",
        "vmap-device-put-on-an-explicit-mesh",
        "vmap-convolution-of-out-sharding",
    }
)
"""Defects some of whose calls give a wrong answer without a word."""

UNCLEAR = frozenset({"pmap-too-few-devices-unclear"})
"""Defects whose error is due, but is not clear, of laws that are of more than errors."""


def effect(defect: Defect) -> Effect:
    """The worst that a call of the defect does."""
    if defect.crashes_process:
        return "process dies"
    if {defect.id, defect.id.removeprefix("nnx-")} & SILENTLY_WRONG:
        return "silently wrong"
    unclear = defect.law.startswith("errors.") or defect.id in UNCLEAR
    return "unclear error" if unclear else "raises"


def effects() -> dict[str, Effect]:
    """What each known defect does, by its id."""
    from conformance.known_defects import DEFECTS

    return {defect.id: effect(defect) for defect in DEFECTS}
