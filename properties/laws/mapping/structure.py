"""The structure of a map's result: how many examples, which tree, which dtypes."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from properties import oracle
from properties.call import FunctionCall
from properties.compare import Mismatch, assert_same_structure, exactly
from properties.law import attribute_to, law
from properties.laws.mapping.values import equals_per_example
from properties.recipe import MAP, Recipe
from properties.strategies import (
    function_calls,
    with_an_empty_dimension,
    with_explicit_axis_size,
    with_other_batches,
)
from properties.subject import AXIS, FunctionSubject
from properties.transform import Transform
from properties.trees import Raised, described
from reference.types import PyTree

WEAK_TYPES = Recipe(
    "weak types of the map",
    result_code=lambda call: (
        "avals = jax.make_jaxpr(mapped)(*arguments).out_avals\n"
        "got = np.array([aval.weak_type for aval in avals])"
    ),
)


WITHOUT_ELEMENTS = ("square", "matrix-add", "dot-product", "matmul", "sort")
"""Subjects that have an answer where any dimension is of size zero: a sum of nothing is zero."""


def _no_empty_batch(transform: Transform, subject: FunctionSubject) -> str | None:
    if transform.max_batch_size() is None:
        return None
    return "pmap takes no batch of size zero: it needs a device for every example"


def _one(call: FunctionCall) -> list[int]:
    return [] if call.sizes[AXIS] else [1]


@law(
    "mapping.axis-size",
    tier="derived",
    cases=with_explicit_axis_size(
        with_other_batches(function_calls(unmapped="any", batches=(0, 1), most=3), _one)
    ),
    kinds=("function", "rule"),
    skip_if=_no_empty_batch,
)
def axis_size(transform: Transform, call: FunctionCall) -> None:
    """Mapping over an empty batch returns empty results, and over one example one result."""
    equals_per_example.check(transform, call)


@law(
    "mapping.no-elements",
    tier="derived",
    cases=with_an_empty_dimension(function_calls(unmapped="any", most=3)),
    where=lambda subject: subject.name in WITHOUT_ELEMENTS,
)
def no_elements(transform: Transform, call: FunctionCall) -> None:
    """A dimension of size zero that is not mapped is a size like any other."""
    equals_per_example.check(transform, call)


@law(
    "mapping.preserves-structure",
    cases=with_other_batches(function_calls(unmapped="any", most=4)),
    kinds=("function", "rule"),
)
def preserves_structure(transform: Transform, call: FunctionCall) -> None:
    """The result has the pytree, shapes, dtypes and weak types of one example's, plus the batch axis."""
    for axes in call.axes:
        single = call.only(axes)
        one, weak = _shape(call.subject.function, call.example())
        mapped, mapped_weak = _shape(
            transform.map(call.subject.function, axes), call.arguments(axes)
        )
        with attribute_to(single, MAP):
            assert_same_structure(mapped, oracle.shape_of_function(single))
        with attribute_to(single, WEAK_TYPES, expected=exactly(np.array(weak))):
            if mapped_weak != weak:
                raise Mismatch(
                    "structure",
                    f"weak types differ: expected {weak}, got {mapped_weak}",
                    described(one),
                    described(mapped),
                )


def _shape(function: Callable[..., PyTree], arguments: Any) -> tuple[PyTree, list[bool]]:
    """Shapes and dtypes of the result, or `Raised`, and which are weak; nothing is compiled."""
    try:
        jaxpr, shape = jax.make_jaxpr(function, return_shape=True)(*arguments)
    except Exception as error:
        return Raised(error), []
    return shape, [aval.weak_type for aval in jaxpr.out_avals]
