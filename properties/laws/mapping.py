"""A mapped function is the function applied to each example."""

from properties import expected
from properties.calls import FunctionCall
from properties.compare import assert_agrees
from properties.law import blame, law
from properties.strategies import function_calls, single_argument
from properties.together import map_together
from properties.transform import Transform


@law("mapping.equals-per-example", cases=function_calls(unmapped="any"), kinds=("function", "rule"))
def mapping_equals_the_loop(transform: Transform, call: FunctionCall) -> None:
    """Mapping a function gives what applying it to each example and stacking gives."""
    for axes, got in map_together(transform, call):
        single = call.only(axes)
        with blame(single, "map"):
            assert_agrees(got, expected.of_function(single))


@law(
    "mapping.broadcasts-unmapped",
    cases=function_calls(unmapped="some"),
    unless=single_argument,
)
def unmapped_arguments_are_the_same_for_all(transform: Transform, call: FunctionCall) -> None:
    """An argument with axis None is the same for every example."""
    mapping_equals_the_loop(transform, call)
