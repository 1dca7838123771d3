"""What examples say to each other along the batch axis."""

from properties.calls import FunctionCall
from properties.law import law
from properties.laws.mapping import mapping_equals_the_loop
from properties.strategies import function_calls
from properties.transform import Transform


@law("collectives.equal-plain-reductions", cases=function_calls(), kinds=("collective",))
def collectives_are_plain_reductions(transform: Transform, call: FunctionCall) -> None:
    """A collective over the batch axis gives each example what a plain reduction over all gives."""
    mapping_equals_the_loop(transform, call)
