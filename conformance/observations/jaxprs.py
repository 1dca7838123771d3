"""What mapped subjects are traced to: how many primitives, and which."""

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import jax

from conformance.observations import cases
from conformance.observations.record import Observation, needed, one
from conformance.observations.selection import EVERYTHING, Selection
from properties import oracle
from properties.call import FunctionCall, ModuleCall
from properties.equations import equations
from properties.transform import Transform


def observe(selection: Selection = EVERYTHING) -> Iterator[Observation]:
    """`jaxprs/TRANSFORM/SUBJECT...`: {count, primitives}, inner jaxprs counted with the outer."""
    for call in cases.functions(selection):
        start = f"jaxprs/jax.vmap/{call.subject_name}"
        if selection.has_transform("jax.vmap"):
            yield from one(start, partial(_mapped, call))
            if call.dtype == "float32":
                yield from one(f"{start}/gradient", partial(_mapped, call, _gradient))
        if selection.has_transform("jax.pmap"):
            yield from one(f"jaxprs/jax.pmap/{call.subject_name}", partial(_mapped_by_pmap, call))
    for key, transform, module_call in cases.modules(selection):
        yield from one(f"jaxprs/{key}", partial(_lifted, transform, module_call))


def primitives(selection: Selection) -> set[str]:
    """The names of all primitives that the chosen subjects are traced to, mapped and in gradients."""
    return {name for _, value in observe(selection) for name in value.get("primitives", {})}


def _gradient(function: Callable[..., Any]) -> Callable[..., Any]:
    return jax.grad(lambda *arguments: jax.numpy.sum(function(*arguments)))


def _mapped(
    call: FunctionCall, wrap: Callable[..., Any] = lambda function: function
) -> dict[str, Any]:
    return counted(jax.vmap(wrap(call.subject.function)), *call.arguments(call.axes[0]))


def _mapped_by_pmap(call: FunctionCall) -> dict[str, Any]:
    return counted(needed("jax.pmap")(call.subject.function), *call.arguments(call.axes[0]))


def _lifted(transform: Transform, call: ModuleCall) -> dict[str, Any]:
    variables = oracle.variable_shapes(call)
    inputs = call.inputs(call.axes[0])
    return counted(transform.lift(call).apply, variables, call.rngs(), *inputs)


def counted(function: Callable[..., Any], *arguments: Any) -> dict[str, Any]:
    """The number of primitives in the jaxpr of a call, and of each."""
    found = Counter(each.primitive.name for each in equations(jax.make_jaxpr(function)(*arguments)))
    return {"count": found.total(), "primitives": dict(sorted(found.items()))}
