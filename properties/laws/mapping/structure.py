"""What a result looks like: how many examples, which dtype, which tree."""

from typing import Any

import jax

from properties import oracle
from properties.call import FunctionCall
from properties.compare import Mismatch, assert_same_structure
from properties.law import attribute_to, law
from properties.laws.mapping.values import mapping_equals_the_loop
from properties.recipe import MAP
from properties.strategies import function_calls, with_explicit_axis_size
from properties.transform import Transform
from properties.trees import Raised, described


@law(
    "mapping.axis-size",
    tier="derived",
    cases=with_explicit_axis_size(function_calls(unmapped="any", batches=(0, 1), most=3)),
    kinds=("function", "rule"),
    skip_if=lambda transform, subject: (
        "pmap takes no batch of size zero: it needs a device for every example"
        if transform.max_batch_size() is not None
        else None
    ),
)
def none_and_one_are_sizes_too(transform: Transform, call: FunctionCall) -> None:
    """Mapped over no example or over one, seen or told, a function gives as many results as the loop."""
    mapping_equals_the_loop(transform, call)


@law(
    "mapping.preserves-structure",
    cases=function_calls(unmapped="any", most=3),
    kinds=("function", "rule"),
)
def structure_is_that_of_one_example(transform: Transform, call: FunctionCall) -> None:
    """Tree, shapes, dtypes and weak types are those of one example's result, plus the batch axis."""
    for axes in call.axes:
        single = call.only(axes)
        one, weak = _shape(call.subject.function, call.example())
        mapped, mapped_weak = _shape(
            transform.map(call.subject.function, axes), call.arguments(axes)
        )
        with attribute_to(single, MAP):
            assert_same_structure(mapped, oracle.shape_of_function(single))
            if mapped_weak != weak:
                raise Mismatch(
                    "structure",
                    f"weak types differ: expected {weak}, got {mapped_weak}",
                    described(one),
                    described(mapped),
                )


def _shape(function: Any, arguments: Any) -> tuple[Any, list[bool]]:
    """Shapes and dtypes of the result, or `Raised`, and which are weak; nothing is compiled."""
    try:
        jaxpr, shape = jax.make_jaxpr(function, return_shape=True)(*arguments)
    except Exception as error:
        return Raised(error), []
    return shape, [aval.weak_type for aval in jaxpr.out_avals]
