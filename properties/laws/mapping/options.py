"""Options of operations that values do not show on a CPU, such as the precision of a product."""

from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from properties.call import FunctionCall
from properties.compare import Mismatch, exactly
from properties.equations import equations
from properties.law import attribute_to, law
from properties.recipe import Recipe
from properties.strategies import function_calls, with_other_batches
from properties.transform import Transform

ASKED = (
    *("accuracy", "aggregate_to_topk", "algorithm", "implementation", "is_stable", "keep_unused"),
    *("policy", "precision", "preferred_element_type", "prevent_cse", "recall_target", "unroll"),
)
"""Parameters of primitives that a map has to keep as they are."""
PROMISED = ("indices_are_sorted", "unique_indices")
"""Parameters that a map may drop and must not add: XLA takes them for true without a look."""

Option = tuple[str, str, str]
"""A primitive, a parameter of it and its value, each as text."""


@law(
    "mapping.keeps-options",
    tier="essential",
    cases=with_other_batches(function_calls(unmapped="any")),
    kinds=("option",),
    only_transform="jax.vmap",
)
def keeps_options(transform: Transform, call: FunctionCall) -> None:
    """A mapped operation keeps the precision and algorithm that are asked for, and promises no more."""
    asked = set(_options(jax.make_jaxpr(call.subject.function)(*call.example())))
    for axes in call.axes:
        single = call.only(axes)
        mapped = transform.map(call.subject.function, axes)
        found = set(_options(jax.make_jaxpr(mapped)(*call.arguments(axes))))
        primitives = {primitive for primitive, _, _ in found}
        lost = {each for each in asked - found if each[1] in ASKED and each[0] in primitives}
        added = {each for each in found - asked if each[1] in PROMISED and each[2] == "True"}
        # In the order of the script's answer: what was asked for is there, what was not is not.
        for options, wanted, problem in ((lost, True, "loses"), (added, False, "adds")):
            for option in sorted(options):
                with attribute_to(single, _recipe(option), expected=exactly(np.array(wanted))):
                    primitive, name, value = option
                    message = f"the map {problem} {name}={value} of {primitive}"
                    raise Mismatch("value", message, np.array(wanted), np.array(not wanted))


def _options(program: Any) -> Iterator[Option]:
    for equation in equations(program):
        for name in (*ASKED, *PROMISED):
            if name in equation.params:
                yield equation.primitive.name, name, _text(equation.params[name])


def _text(value: Any) -> str:
    """The value in a form that two programs share: the repr of a function holds its address."""
    return str(getattr(value, "__name__", None) or value)


def _recipe(option: Option) -> Recipe:
    return Recipe("options of the map", result_code=lambda call: _CODE.format(option=option))


_CODE = """\
def options(program):
    for equation in program.eqns:
        for name, value in equation.params.items():
            yield equation.primitive.name, name, str(getattr(value, "__name__", None) or value)
            for inner in value if isinstance(value, tuple) else [value]:
                inner = getattr(inner, "jaxpr", inner)
                yield from options(inner) if hasattr(inner, "eqns") else ()


got = np.array({option} in set(options(jax.make_jaxpr(mapped)(*arguments).jaxpr)))"""
