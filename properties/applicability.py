"""Why a law has nothing to say of a transform or a subject: reasons in words, None where it applies."""

import functools

import jax

from properties.sizes import some_call
from properties.subject import FunctionSubject, Subject
from properties.transform import Transform
from properties.trees import Raised


@functools.cache
def unavailable(subject: Subject) -> str | None:
    """Why this release cannot do what a subject of the catalogue does, unmapped; None where it can."""
    if not isinstance(subject, FunctionSubject) or subject.kind not in ("rule", "draw", "program"):
        return None
    try:
        example = some_call(subject).example()
        jax.eval_shape(subject.function, *example)
        if jax.default_backend() != "cpu":
            # Some primitives have no lowering but the CPU's.
            jax.jit(subject.function).lower(*example)
    except Exception as refused:
        return f"jax {jax.__version__} does not do it unmapped: {Raised(refused)!r}"
    return None


def single_argument(transform: Transform, subject: FunctionSubject) -> str | None:
    """Why a law about arguments that are not mapped has nothing to say of the subject."""
    if len(subject.arguments) > 1:
        return None
    return f"{subject.name} takes one argument, and a map needs one that is mapped"


def takes_specs(transform: Transform, subject: Subject) -> str | None:
    """Why a law about how axes are written has nothing to say of the transform."""
    if transform.name != "jax.shard_map":
        return None
    return "shard_map takes specs, not axes: how those are written is this suite's translation"
