"""The code of a call that maps a function."""

import inspect

from conformance.transforms.linen.modules import own_source
from conformance.violations.script import templates
from conformance.violations.script.parts import Parts
from properties import oracle
from properties.call import FunctionCall
from properties.law import Violation
from properties.recipe import MAP
from properties.subject import FunctionSubject
from properties.transform import Transform
from properties.trees import literal
from reference import functions


def parts(transform: Transform, call: FunctionCall, found: Violation) -> Parts:
    """The code of the call, which has one combination of axes."""
    setup = [
        "from typing import Any\n\n",
        _definition(call.subject),
        f"arguments = {literal(found.arguments or call.arguments(call.axes[0]))}",
    ]
    recipe = found.recipe or MAP
    if found.mismatch.due:
        # What must raise has no result, which the recipe could do anything with.
        called = [transform.source(call), "got = mapped(*arguments)"]
        return Parts(setup=setup, attempt=[recipe.setup_code(call), *called])
    mapped = call.only(recipe.axes(call.axes[0]))
    if call.eager:
        # As in the run: eager operations of NumPy's arrays may be NumPy's own.
        setup.append("arguments = jax.tree_util.tree_map(jax.device_put, arguments)")
    # Compiled as it was in the run: XLA has faults that operations one by one do not show.
    is_jitted = recipe is MAP and transform.traceable and not call.eager
    got = "got = jax.jit(mapped)(*arguments)" if is_jitted else recipe.result_code(call)
    draws = recipe is MAP and found.expected is None and "random." in setup[1]
    return Parts(
        setup=setup,
        attempt=[recipe.setup_code(call), transform.source(mapped), got],
        expected=found.expected or oracle.of_function(call),
        drawn=_one_by_one(call) if draws else "",
    )


def _one_by_one(call: FunctionCall) -> str:
    """Python that sets `expected` to what the function draws for each example, unmapped."""
    (axes,) = call.axes
    return templates.ONE_BY_ONE.format(
        in_axes=axes.in_axes, out_axes=axes.out_axes, size=call.sizes["batch"]
    )


def _definition(subject: FunctionSubject) -> str:
    """Python that sets `function`."""
    if subject.source is not None:
        return subject.source
    if inspect.getmodule(subject.function) is functions:
        return f"{inspect.getsource(subject.function)}\nfunction = {subject.function.__name__}"
    return own_source(subject.name, "function = subject.function")
