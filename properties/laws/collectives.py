"""What examples say to each other along the batch axis."""

from properties.calls import FunctionCall
from properties.law import law
from properties.laws.mapping import mapping_equals_the_loop
from properties.strategies import function_calls
from properties.subject import FunctionSubject
from properties.subjects.collectives import IN_GROUPS
from properties.transform import Transform


def _no_groups(transform: Transform, subject: FunctionSubject) -> str | None:
    if transform.largest() is not None or subject.name not in IN_GROUPS:
        return None
    return f"{transform.name} takes no axis_index_groups: JAX raises NotImplementedError"


@law(
    "collectives.equal-plain-reductions",
    cases=function_calls(),
    kinds=("collective",),
    unless=_no_groups,
)
def collectives_are_plain_reductions(transform: Transform, call: FunctionCall) -> None:
    """A collective over the batch axis gives each example what a plain reduction over all gives."""
    mapping_equals_the_loop(transform, call)
