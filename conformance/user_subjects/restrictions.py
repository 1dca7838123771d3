"""What a function may not do under a map, as the map's own message says, with the remedy."""

import re

from conformance.transforms.jax import shard_map
from properties.law import Law, Violation
from properties.run_law import run_calls
from properties.subject import FunctionSubject, Subject
from properties.transform import Transform

_ADVICE = ("jax.lax.pcast", "jax.lax.pvary", "check_vma=False", "check_rep=False")
"""What JAX tells the author to write: within shard_map an array that differs between devices is of
another type than one that does not (https://docs.jax.dev/en/latest/notebooks/shard_map.html)."""
_CONTROL_FLOW = re.compile(r"lax\.(scan|while_loop|fori_loop|cond|switch|map)\(")


def _has_control_flow(subject: Subject) -> bool:
    """Whether control flow of a subject may be its own: JAX advises its author, not its caller.

    In the catalogue, a function of JAX that loops within is to work as it is.
    """
    if not isinstance(subject, FunctionSubject):
        return subject.own is not None
    return subject.own is not None or bool(_CONTROL_FLOW.search(subject.source or ""))


def may_apply(transform: Transform, subject: Subject) -> bool:
    """Whether a violation may be one of those that the functions below explain."""
    return "shard_map" in transform.name and _has_control_flow(subject)


def advised(transform: Transform, subject: Subject, found: Violation | None) -> str | None:
    """What JAX refuses of a subject, and what it advises, whole; None where that is not the case.

    A loop whose first carry is a constant is such a case: the library keeps its promise, and the
    function must be written otherwise to be mapped in this way.
    """
    if (
        not _has_control_flow(subject)
        or found is None
        or found.mismatch.raised is None
        or found.mismatch.due
    ):
        return None
    text = str(found.mismatch.raised).strip()
    if "shard_map" not in transform.name or not any(words in text for words in _ADVICE):
        return None
    return f"{transform.name} does not take {subject.name} as it is written. JAX says: {text}"


def sums_gradients(
    law: Law, transform: Transform, subject: Subject, found: Violation | None
) -> str | None:
    """Why shard_map is right not to give what the law says; None where that is not the case.

    A user's function may take a gradient by an argument that all devices share.
    """
    if subject.own is None or transform.name != shard_map.TRANSFORM.name or found is None:
        return None
    if run_calls(law, shard_map.UNCHECKED, [found.call]).violation is not None:
        return None
    return (
        f"with check_vma=False this is right for {subject.name}: within {transform.name} the gradient "
        "by what all devices share is summed over the devices "
        "(https://docs.jax.dev/en/latest/301/sharding-ad.html). For each example's own, mark the "
        "argument by jax.lax.pcast before the gradient is taken"
    )
