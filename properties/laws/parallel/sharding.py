"""Maps of arrays that are sharded along the batch axis."""

import inspect
from typing import Any

import attrs
import jax
import numpy as np

from properties import oracle
from properties.call import FunctionCall
from properties.compare import Mismatch, assert_agrees, exactly
from properties.law import attribute_to, law
from properties.recipe import Recipe
from properties.strategies import function_calls
from properties.subject import FunctionSubject
from properties.transform import Transform
from properties.trees import attempt


def one_device(transform: Transform, subject: FunctionSubject) -> str | None:
    """Why nothing can be sharded; None where it can be."""
    if jax.device_count() > 1:
        return None
    return "there is one device: nothing can be sharded"


@law(
    "parallel.sharded-jit-agrees",
    tier="derived",
    cases=function_calls(unmapped="any", most=2),
    only_transform="jax.vmap",
    skip_if=one_device,
)
def sharded_jit_agrees(transform: Transform, call: FunctionCall) -> None:
    """A jitted map of sharded arrays gives what it gives of others; `spmd_axis_name` shards its results."""
    for axes in call.axes:
        single, mesh = call.only(axes), mesh_for(call.sizes["batch"])
        arguments, expected = single.arguments(axes), oracle.of_function(single)
        placed = tuple(
            sharded(argument, axis, mesh)
            for argument, axis in zip(arguments, axes.in_axes, strict=True)
        )
        mapped = transform.map(call.subject.function, axes)
        with attribute_to(single, SHARDED):
            assert_agrees(attempt(jax.jit(mapped), *placed), expected)
        spmd = attrs.evolve(axes, options={"spmd_axis_name": "devices"})
        mapped = transform.map(constrained(call.subject.function, mesh), spmd)
        # Of sharded arrays the result would be sharded without the option, too.
        got = attempt(jax.jit(mapped), *arguments)
        with attribute_to(single, CONSTRAINED):
            assert_agrees(got, expected)
        if call.subject.own is not None:
            # A user's result may not depend on what is mapped: then its batch axis is nowhere constrained.
            continue
        on_each, size = on_each_device(got, axes.out_axes), call.sizes["batch"]
        due = np.full_like(on_each, size // mesh.devices.size)
        if not np.array_equal(on_each, due):
            message = (
                f"a device has {max(on_each)} of the {size} examples in place of {due[0]}: the batch "
                "axis is not sharded over the devices that spmd_axis_name names"
            )
            with attribute_to(single, PLACED, expected=exactly(due)):
                raise Mismatch("value", message, due, on_each)


def mesh_for(size: int) -> Any:
    """Devices in a row, as many as divide the batch: each must have a whole number of examples."""
    count = max(n for n in range(1, jax.device_count() + 1) if size % n == 0)
    return jax.sharding.Mesh(np.array(jax.devices()[:count]), ("devices",))


def sharded(argument: Any, axis: Any, mesh: Any) -> Any:
    """The arrays of an argument, sharded over the devices along the axis; whole on each for None."""

    def put(leaf: Any) -> Any:
        names = ["devices" if i == axis else None for i in range(np.ndim(leaf))]
        spec = jax.sharding.PartitionSpec(*names)
        return jax.device_put(leaf, jax.sharding.NamedSharding(mesh, spec))

    return jax.tree_util.tree_map(put, argument)


def constrained(function: Any, mesh: Any) -> Any:
    """The function, each example's arrays constrained to be whole on every device.

    Mapped with `spmd_axis_name`, the batch axis stays sharded over the devices of that name.
    """
    whole = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec())
    constrain: Any = jax.lax.with_sharding_constraint
    return lambda *arguments: constrain(function(*constrain(arguments, whole)), whole)


def on_each_device(result: Any, axis: int) -> Any:
    """The size that the axis of each array of a result has on one device."""
    leaves = jax.tree_util.tree_leaves(result)
    return np.array([leaf.sharding.shard_shape(leaf.shape)[axis] for leaf in leaves])


def _mesh_code(call: FunctionCall) -> str:
    helpers = (mesh_for, sharded, constrained, on_each_device)
    text = "\n\n".join(inspect.getsource(each) for each in helpers)
    return f"{text}\n\nmesh = mesh_for({call.sizes['batch']})"


def _result_code(call: FunctionCall) -> str:
    return (
        f"given = [sharded(x, axis, mesh) for x, axis in zip(arguments, {call.axes[0].in_axes})]\n"
        "got = jax.jit(mapped)(*given)"
    )


SHARDED = Recipe(
    "jit of the map, of sharded arrays", setup_code=_mesh_code, result_code=_result_code
)
CONSTRAINED = Recipe(
    "jit of the map, of arrays that are constrained within",
    setup_code=lambda call: f"{_mesh_code(call)}\nfunction = constrained(function, mesh)",
    axes=lambda axes: attrs.evolve(axes, options={"spmd_axis_name": "devices"}),
    result_code=lambda call: "got = jax.jit(mapped)(*arguments)",
)
PLACED = attrs.evolve(
    CONSTRAINED,
    name="number of examples on each device",
    result_code=lambda call: (
        f"got = on_each_device(jax.jit(mapped)(*arguments), {call.axes[0].out_axes})"
    ),
)
