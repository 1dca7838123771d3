"""Known defects of the batching rules of cuDNN's attention, which run on a GPU only."""

from typing import Any

import attrs

from conformance.known_defects.defect import Defect
from conformance.known_defects.minimal_calls import NOT_FOUND_LATER, calls_of, rule_call
from properties.subjects.batching_rules import attention

_EVERY = tuple(subject.name for subject in attention.ATTENTION)
_SHARED = tuple(name for name in _EVERY if name.endswith(".shared-bias"))
"""Forward and backward. Of these the bias comes last among the arguments."""


def _entry(id: str, subject: str, in_axes: tuple[int | None, ...], **fields: Any) -> Defect:
    return Defect(
        id=f"vmap-cudnn-attention-{id}",
        transform="jax.vmap",
        versions={"jax": ">=0.11.2"},
        law="mapping.equals-per-example",
        call=attrs.evolve(rule_call(subject, in_axes), dtype="float16"),
        platform="gpu",
        **fields,
    )


ATTENTION: tuple[Defect, ...] = (
    _entry(
        "axes",
        _EVERY[0],
        (1, 0, 0),
        affects=calls_of(_EVERY, lambda axes: any(axis not in (0, None) for axis in axes)),
        description=(
            "jax.nn.dot_product_attention(implementation='cudnn') raises NotImplementedError, "
            "'Currently only support batch_dim in [0, None]', unless every batch axis is in front. "
            "The check is in the sources since 0.4.30; it was seen to raise on 0.11.2 and 0.12.0.1."
        ),
        upstream=(
            f"{NOT_FOUND_LATER} "
            "https://github.com/jax-ml/jax/pull/22830 made what is there of the rule."
        ),
    ),
    _entry(
        "shared-bias",
        _SHARED[0],
        (0, 0, 0, 0),
        affects=calls_of(_SHARED, lambda axes: axes[-1] is not None),
        description=(
            "A mapped bias of size one in its batch or its heads, as masks have, raises TypeError, "
            "'cannot reshape array of shape': the batching rule takes it to be as large as the "
            "logits."
        ),
        upstream=(
            "https://github.com/jax-ml/jax/pull/34920 (open) and "
            "https://github.com/jax-ml/jax/pull/36702 (open)"
        ),
    ),
    _entry(
        "bias-gradient",
        _SHARED[1],
        (0, 0, 0, 0, None),
        affects=calls_of(_SHARED[1], lambda axes: axes[-1] is None and None not in axes[:-1]),
        description=(
            "Silently wrong values: where queries, keys, values and cotangents are all mapped, the "
            "gradient of each example by a bias that all examples and the kernel's own batch share "
            "is the sum of all examples' gradients. The batching rule tiles such a bias only where "
            "one of the four is not mapped."
        ),
        upstream=(
            f"{NOT_FOUND_LATER} "
            "https://github.com/jax-ml/jax/pull/39451 (merged) brought the tiling."
        ),
    ),
)
