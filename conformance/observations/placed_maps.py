"""Maps of functions of arrays that live in one place, on a mesh, or on a mesh within the map.

One list of functions, `conformance.observations.mapped_functions`, is mapped in each place: what a release
refuses, or answers otherwise, in one of them is one difference.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from conformance.observations.call_forms import Forms
from conformance.observations.derived_functions import Function
from conformance.observations.mapped_functions import functions, gradient
from conformance.observations.meshes import mesh, placed, put, shard_map, used

_DIFFERENTIATED = (
    *(
        "plus-shared",
        "times-shared-number",
        "product-with-shared",
        "stacked-with-shared",
        "shared-alone",
    ),
    *("gathered", "gathered-at-what-is-mapped", "updated", "selected", "split", "sorted", "padded"),
    *("cond", "scan", "loop-map", "solved", "wider-convolution", "wider-product", "sparse-product"),
    *("reference-read", "reference-written", "reference-written-at", "reference-added-to-in-part"),
)
"""What is differentiated, too: a gradient joins what the map has split, and adds what it has repeated."""
_EAGERLY = ("cond", "scan", "loop-map-in-batches", "plus-shared", "gradient-of-squares", "keys")
"""What is called without `jit`, too: each operation is compiled by itself then."""
_WITHIN = (
    *("scalar", "constant", "counted", "converted", "sorted", "plus-shared", "times-shared-number"),
    *("gathered-at-what-is-mapped", "repeated-as-told", "updated", "cond", "scan", "drawn"),
    *("gradient-of-squares", "solved", "product-with-shared"),
)
"""What is mapped over one axis of a mesh around a `shard_map` over the other."""


def arrays() -> tuple[Any, Any, Any]:
    """Of four examples three numbers each, an index of each, and three numbers that all share."""
    numbers = jnp.arange(1, 13, dtype=jnp.float32).reshape(4, 3) % 7
    return numbers, jnp.array([0, 1, 2, 1]), jnp.array([1.0, 2.0, 3.0])


def vmapped() -> Forms:
    """`jax.vmap` of each function, of arrays on one device and on meshes; of some, of the gradient."""
    every = functions()
    forms: Forms = {}
    for name, function in every.items():
        forms[f"of-{name}"] = partial(_here, function)
        forms[f"explicit-{name}"] = partial(_explicit, function)
    for name in _DIFFERENTIATED:
        forms[f"of-{name}-gradient"] = partial(_here, gradient(every[name]))
        forms[f"explicit-{name}-gradient"] = partial(_explicit, gradient(every[name]))
    for name in _EAGERLY:
        forms[f"explicit-eager-{name}"] = partial(_explicit, every[name], jit=False)
    for name in _WITHIN:
        forms[f"spmd-axis-name-{name}"] = partial(_spmd, every[name])
    return forms


def shard_mapped() -> Forms:
    """`jax.shard_map` of the map of each function; of some, the gradient of it."""
    every = functions()
    forms: Forms = {f"of-{name}": partial(_sharded, function) for name, function in every.items()}
    for name in _DIFFERENTIATED:
        forms[f"gradient-of-{name}"] = partial(_gradient_of_sharded, every[name])
    for name in _EAGERLY:
        forms[f"eager-{name}"] = partial(_sharded, every[name], jit=False)
    return forms


def _local(function: Function) -> Function:
    return jax.vmap(function, (0, 0, None))


def _here(function: Function) -> Any:
    return jax.jit(_local(function))(*arrays())


def _explicit(function: Function, jit: bool = True) -> Any:
    """Over an axis that is sharded over an Explicit mesh."""
    chosen = mesh((2,), ("x",), "Explicit")
    numbers, index, shared = arrays()
    with used(chosen):
        mapped = jax.jit(_local(function)) if jit else _local(function)
        return placed(mapped(put(numbers, chosen, "x"), put(index, chosen, "x"), shared))


def _specs(axis: str) -> dict[str, Any]:
    split, whole = jax.sharding.PartitionSpec(axis), jax.sharding.PartitionSpec()
    return {"in_specs": (split, split, whole), "out_specs": split}


def _spmd(function: Function) -> Any:
    """With `spmd_axis_name` one axis of a mesh, of a `shard_map` over the other."""
    chosen = mesh((2, 2), ("outer", "inner"))
    numbers, index, shared = arrays()
    inner = shard_map(_local(function), mesh=chosen, **_specs("inner"))
    mapped = jax.vmap(inner, (0, None, None), spmd_axis_name="outer")
    return jax.jit(mapped)(jnp.stack([numbers, 1 + numbers]), index, shared)


def _sharded(function: Function, jit: bool = True) -> Any:
    mapped = shard_map(_local(function), mesh=mesh((2,), ("x",)), **_specs("x"))
    return (jax.jit(mapped) if jit else mapped)(*arrays())


def _gradient_of_sharded(function: Function) -> Any:
    mapped = shard_map(_local(function), mesh=mesh((2,), ("x",)), **_specs("x"))
    return jax.jit(gradient(mapped))(*arrays())
