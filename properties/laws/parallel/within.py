"""Maps over one axis of a mesh around a `shard_map` over another one."""

import inspect
from typing import Any

import jax
import numpy as np

from properties import oracle
from properties.call import Axes, FunctionCall
from properties.compare import assert_agrees
from properties.law import attribute_to, law
from properties.laws.nesting import batch_of, two_batches
from properties.laws.parallel.agreement import OF_A_MESH
from properties.laws.parallel.explicit import JOINING, SHARDED_BY_THEIR_RULES
from properties.recipe import TWICE, Recipe, take_second
from properties.strategies import function_calls
from properties.subject import FunctionSubject
from properties.transform import Transform
from properties.trees import attempt

PLACED = (
    *("lax.gather", "lax.gather.pairs", "lax.scatter", "lax.scatter-add", "lax.dynamic_slice"),
    *(
        "lax.sort",
        "lax.top_k",
        "lax.cumsum",
        "lax.searchsorted",
        "lax.split",
        "lax.pad",
        "lax.iota",
    ),
    *("lax.custom_linear_solve", "lax.triangular_solve", "lax.cholesky", "lax.random_bits"),
    *("lax.pure_callback", "lax.scan.in-batches", "lax.new_ref", "lax.get"),
)
"""Subjects of the catalogue that place, draw, solve and loop: what a map has to split over devices."""
BATCHES = 2
"""The size of the outer map, and of its axis of the mesh."""


def _no_mesh(transform: Transform, subject: FunctionSubject) -> str | None:
    if subject.own is None and subject.name in OF_A_MESH:
        return f"{subject.name} is about a mesh of its own"
    if jax.device_count() < 2 * BATCHES:
        return f"it takes {2 * BATCHES} devices: there are {jax.device_count()}"
    return None


def _is_split(subject: Any) -> bool:
    return subject.kind == "function" or subject.name in (
        *JOINING,
        *SHARDED_BY_THEIR_RULES,
        *PLACED,
    )


def is_checked(call: FunctionCall) -> bool:
    """Whether `shard_map` checks what is the same on all devices, as it does by default.

    Of the catalogue it does not: there the law is about the rules.
    """
    return call.subject.kind == "function" and bool(call.seed % 2)


@law(
    "parallel.shard-map-within",
    tier="devices",
    cases=function_calls(unmapped="any", most=1),
    only_transform="jax.vmap",
    kinds=("function", "rule"),
    where=_is_split,
    skip_if=_no_mesh,
)
def shard_map_within(transform: Transform, call: FunctionCall) -> None:
    """A map with `spmd_axis_name` around `shard_map` over another axis of the mesh is two nested loops."""
    (axes,) = call.axes
    batches, stacked = two_batches(call)
    shapes = jax.eval_shape(
        jax.vmap(call.subject.function, axes.in_axes, axes.out_axes), *batches[0].arguments(axes)
    )
    inner = over_inner_axis(
        call.subject.function,
        (axes.in_axes, axes.out_axes),
        jax.tree_util.tree_map(np.ndim, shapes),
        mesh_of_two_axes(call.sizes["batch"]),
        is_checked(call),
    )
    outer = Axes((0,) * len(stacked), 0, options={"spmd_axis_name": "outer"})
    got = attempt(jax.jit(transform.map(inner, outer)), *stacked)
    for i, batch in enumerate(batches):
        with attribute_to(batch, WITHIN):
            assert_agrees(batch_of(got, i), oracle.of_function(batch))


def mesh_of_two_axes(size: int) -> Any:
    """Two times as many devices as divide the batch: the most that there are."""
    most = jax.device_count() // 2
    count = max(n for n in range(1, most + 1) if size % n == 0)
    devices = np.array(jax.devices()[: 2 * count]).reshape(2, count)
    return jax.sharding.Mesh(devices, ("outer", "inner"))


def over_inner_axis(function: Any, axes: Any, ranks: Any, mesh: Any, checked: bool) -> Any:
    """`shard_map` over the inner axis of the mesh, each device mapping the function over its examples."""
    in_axes, out_axes = axes
    spec = jax.sharding.PartitionSpec

    def over(rank: int, axis: Any) -> Any:
        if axis is None:
            return spec()
        return spec(*("inner" if i == axis % rank else None for i in range(rank)))

    def specs(tree: Any, axis: Any) -> Any:
        return jax.tree_util.tree_map(lambda leaf: over(np.ndim(leaf), axis), tree)

    def mapped(*arguments: Any) -> Any:
        shard_map: Any = getattr(jax, "shard_map", None)
        if shard_map is None:
            from jax.experimental.shard_map import shard_map
        named = "check_vma" in inspect.signature(shard_map).parameters
        return shard_map(
            jax.vmap(function, in_axes, out_axes),
            mesh=mesh,
            in_specs=tuple(map(specs, arguments, in_axes)),
            out_specs=jax.tree_util.tree_map(lambda rank: over(rank, out_axes), ranks),
            **{"check_vma" if named else "check_rep": checked},
        )(*arguments)

    return mapped


def _setup_code(call: FunctionCall) -> str:
    helpers = (mesh_of_two_axes, over_inner_axis)
    text = "\n\n".join(inspect.getsource(each) for each in helpers)
    axes = (call.axes[0].in_axes, call.axes[0].out_axes)
    return (
        f"import inspect\n\nAny = object\n{text}\n\nbatch_axes = {axes}\n"
        "shapes = jax.eval_shape(jax.vmap(function, *batch_axes), *arguments)\n"
        "ranks = jax.tree_util.tree_map(np.ndim, shapes)\n"
        f"mesh = mesh_of_two_axes({call.sizes['batch']})\n"
        f"inner = over_inner_axis(function, batch_axes, ranks, mesh, {is_checked(call)})"
    )


WITHIN = Recipe(
    "map with spmd_axis_name around shard_map",
    setup_code=_setup_code,
    result_code=take_second(f"jax.jit(jax.vmap(inner, spmd_axis_name='outer'))(*{TWICE})"),
)
