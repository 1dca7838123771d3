"""Maps of functions that are traced and not run: what is refused, and what shapes and dtypes are given.

Most faults of batching, differentiation and sharding show when a function is traced, which costs a fraction
of what compiling it does: so far more functions are tried, each in more ways than could be run.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax

from conformance.observations import (
    array_functions,
    draw_functions,
    matrix_functions,
    program_functions,
    reference_functions,
)
from conformance.observations.call_forms import Forms
from conformance.observations.derived_functions import Function
from conformance.observations.mapped_functions import functions, total
from conformance.observations.meshes import mesh, put, shard_map, used
from conformance.observations.placed_maps import arrays
from conformance.observations.record import first_line

_SEVERAL = (
    "scan",
    "repeated",
    "jacobian",
    "own-rule",
    "reshaped",
    "updated",
    "kept-of-two-the-same",
)
"""Functions of which one result is differentiated: of what the others need, nothing is."""
Use = Callable[[Function], Function]
"""What is made of a function of one example: a function of all."""


def vmapped() -> Forms:
    """Of `jax.vmap`: uses of the map of each function, on one device and on an Explicit mesh."""
    forms: Forms = {}
    for name, function in functions().items():
        forms[f"traced-second-{name}"] = partial(_here, _map_of_second, function)
        forms[f"traced-explicit-gradient-{name}"] = partial(_explicit, _gradient_of_map, function)
        forms[f"traced-explicit-own-{name}"] = partial(_explicit_own, _gradient_of_map, function)
    arrays_only, programs = array_functions.functions(), program_functions.functions()
    with_gradients = {
        **matrix_functions.functions(),
        **programs,
        **draw_functions.functions(),
        **reference_functions.functions(),
    }
    for name, function in with_gradients.items():
        forms[f"traced-{name}"] = partial(_with_gradient, function)
    for name, function in arrays_only.items():
        forms[f"traced-{name}"] = partial(_here, _map_behind, function)
    for name, function in {**arrays_only, **programs}.items():
        forms[f"traced-explicit-{name}"] = partial(_explicit, _map, function)
    return forms


def shard_mapped() -> Forms:
    """Of `jax.shard_map`: the gradient of the map of each function; of others the map alone."""
    every, programs = functions(), program_functions.functions()
    others = {**programs, **draw_functions.functions(), **matrix_functions.functions()}
    saved = {name: {**every, **programs}[name] for name in _SEVERAL}
    return {
        **{f"traced-gradient-{n}": partial(_within, _gradient, f) for n, f in every.items()},
        **{f"traced-saved-{n}": partial(_within, _saved, f) for n, f in saved.items()},
        **{f"traced-{n}": partial(_within, _same, f) for n, f in others.items()},
    }


def _same(function: Function) -> Function:
    return function


def _map(function: Function) -> Function:
    return jax.vmap(function, (0, 0, None))


def _map_behind(function: Function) -> Function:
    return lambda a, i, w: jax.vmap(function, (1, 0, None), -1)(a.T, i, w)


def _gradient(function: Function) -> Function:
    return jax.grad(total(function), (0, 2))


def _second(function: Function) -> Function:
    def second(a: Any, i: Any, w: Any) -> Any:
        return jax.jvp(lambda a: jax.grad(total(function))(a, i, w), (a,), (a,))

    return second


def _saved(function: Function) -> Function:
    """The gradient of the last result alone, of which everything is kept."""

    def last(a: Any, i: Any, w: Any) -> Any:
        return jax.tree_util.tree_leaves(function(a, i, w))[-1]

    policy = jax.checkpoint_policies.everything_saveable
    return jax.grad(jax.checkpoint(total(last), policy=policy))


def _gradient_of_map(function: Function) -> Function:
    return _gradient(_map(function))


def _map_of_second(function: Function) -> Function:
    return _map(_second(function))


def _here(made: Use, function: Function) -> Any:
    return jax.eval_shape(made(function), *arrays())


def _with_gradient(function: Function) -> Any:
    """The map, from the last axis to the last, of a function and of its gradient; or why that is refused."""
    refused: list[str] = []

    def both(a: Any, i: Any, w: Any) -> Any:
        given = function(a, i, w)
        try:
            return given, jax.grad(total(function))(a, i, w)
        except Exception as error:
            refused.append(f"{type(error).__name__}: {first_line(error)}")
            return given

    return _here(_map_behind, both), *refused[:1]


def _explicit(made: Use, function: Function) -> Any:
    """With the examples sharded over an Explicit mesh."""
    chosen = mesh((2,), ("x",), "Explicit")
    numbers, index, shared = arrays()
    with used(chosen):
        given = put(numbers, chosen, "x"), put(index, chosen, "x"), shared
        return jax.eval_shape(made(function), *given)


def _explicit_own(made: Use, function: Function) -> Any:
    """With the numbers of each example sharded over an Explicit mesh."""
    chosen = mesh((3,), ("x",), "Explicit")
    numbers, index, shared = arrays()
    with used(chosen):
        return jax.eval_shape(made(function), put(numbers, chosen, None, "x"), index, shared)


def _within(made: Use, function: Function) -> Any:
    split, whole = jax.sharding.PartitionSpec("x"), jax.sharding.PartitionSpec()
    options: dict[str, Any] = {"in_specs": (split, split, whole), "out_specs": split}
    mapped = shard_map(_map(function), mesh=mesh((2,), ("x",)), **options)
    return jax.eval_shape(made(mapped), *arrays())
