"""What modules and functions give, and gradients: values with the bound that rounding stays within."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import attrs
import jax
import jax.numpy as jnp
import numpy as np

from conformance.observations import cases
from conformance.observations.parameters import OTHER_KEY, agreement, by_path
from conformance.observations.record import Observation, many
from conformance.observations.selection import EVERYTHING, Selection
from properties import oracle
from properties.call import FunctionCall, ModuleCall, variables_like
from properties.compare import Expected
from properties.transform import Transform
from properties.trees import raw
from reference.error_bounds.agreement import SLACK, agree
from reference.error_bounds.evaluate import evaluator
from reference.loop import per_example


def observe(selection: Selection = EVERYTHING) -> Iterator[Observation]:
    """`outputs/TRANSFORM/SUBJECT...` and `gradients/jax.vmap/SUBJECT/ARGUMENT`, by leaf.

    Each is {value, bound, keyed, agrees}: `bound` is the error that the laws allow, the other two
    are as in the parameters.
    """
    for key, transform, call in cases.modules(selection):
        yield from many(f"outputs/{key}", partial(_module, transform, call))
    functions = cases.functions(selection) if selection.has_transform("jax.vmap") else ()
    for single in functions:
        yield from many(f"outputs/jax.vmap/{single.subject_name}", partial(_function, single))
        if single.dtype == "float32" and not single.subject.exact:
            yield from many(
                f"gradients/jax.vmap/{single.subject_name}", partial(_gradients, single)
            )


def _module(transform: Transform, call: ModuleCall) -> dict[str, Any]:
    """With fixed variables: what a module draws when it starts does not change what it answers."""
    variables = variables_like(oracle.variable_shapes(call), call.seed)
    apply = jax.jit(transform.lift(call).apply)
    inputs = call.inputs(call.axes[0])
    got = apply(variables, call.rngs(), *inputs)
    other = apply(variables, attrs.evolve(call, key=call.key + OTHER_KEY).rngs(), *inputs)
    right = _right(lambda: oracle.of_module(call, variables))
    named, named_other = ({"output": tree[0], "updated": tree[1]} for tree in (got, other))
    return _facts(named, named_other, right)


def _function(call: FunctionCall) -> dict[str, Any]:
    got = jax.jit(jax.vmap(call.subject.function))(*call.arguments(call.axes[0]))
    return _facts(got, got, _right(lambda: oracle.of_function(call)))


def _gradients(call: FunctionCall) -> dict[str, Any]:
    """Of the sum of the outputs, each weighted by a number of its own, by every argument."""
    arguments = call.arguments(call.axes[0])
    shape = jax.eval_shape(call.subject.function, *call.example())
    weights = jnp.asarray(cases.array(*shape.shape))

    def weighted(*example: Any) -> Any:
        return jnp.sum(call.subject.function(*example) * weights)

    gradient = jax.grad(weighted, argnums=tuple(range(len(arguments))))
    got = jax.jit(jax.vmap(gradient))(*arguments)
    return _facts(got, got, _right(lambda: _each(gradient, call, got)))


def _each(function: Any, call: FunctionCall, like: Any) -> Expected:
    results = per_example(evaluator(function, *call.example()), call.axes[0].in_axes)(
        *call.arguments(call.axes[0])
    )
    return Expected(results.value, results.error, like)


def _right(compute: Any) -> Any:
    try:
        return compute()
    except Exception:
        # No bound is known: what the reference lacks is no difference between two releases.
        return None


def _facts(got: Any, other: Any, right: Expected | None) -> dict[str, Any]:
    leaves, others = (by_path(jax.tree_util.tree_map(np.asarray, raw(t))) for t in (got, other))
    sides = None if right is None else [by_path(_named(side, got)) for side in right]
    facts = {}
    for path, value in leaves.items():
        one = sides and Expected(*(side[path] for side in sides))
        facts[path] = {
            "value": value,
            "bound": one and np.asarray(SLACK * one.bound),
            "keyed": not np.all(agree(value, others[path], 0.0)),
            "agrees": one and agreement(value, one),
        }
    return facts


def _named(side: Any, got: Any) -> Any:
    return dict(zip(got, side, strict=True)) if isinstance(got, Mapping) else side
