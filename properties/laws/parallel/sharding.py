"""Maps of arrays that are sharded along the batch axis."""

import inspect
from typing import Any

import attrs
import jax
import numpy as np

from properties import oracle
from properties.call import FunctionCall
from properties.compare import assert_agrees
from properties.law import attribute_to, law
from properties.recipe import Recipe
from properties.strategies import function_calls
from properties.subject import FunctionSubject
from properties.transform import Transform
from properties.trees import attempt


def _one_device(transform: Transform, subject: FunctionSubject) -> str | None:
    if jax.device_count() > 1:
        return None
    return "there is one device: nothing can be sharded"


@law(
    "parallel.sharded-jit-agrees",
    tier="derived",
    cases=function_calls(unmapped="any", most=2),
    only_transform="jax.vmap",
    skip_if=_one_device,
)
def sharded_jit_agrees(transform: Transform, call: FunctionCall) -> None:
    """A jitted map of arrays sharded along the batch axis gives what it gives of unsharded arrays."""
    for axes in call.axes:
        single, mesh = call.only(axes), mesh_for(call.sizes["batch"])
        arguments = tuple(
            sharded(argument, axis, mesh)
            for argument, axis in zip(single.arguments(axes), axes.in_axes, strict=True)
        )
        spmd = attrs.evolve(axes, options={"spmd_axis_name": "devices"})
        functions = {
            SHARDED: transform.map(call.subject.function, axes),
            CONSTRAINED: transform.map(constrained(call.subject.function, mesh), spmd),
        }
        for recipe, mapped in functions.items():
            with attribute_to(single, recipe):
                assert_agrees(attempt(jax.jit(mapped), *arguments), oracle.of_function(single))


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


def _mesh_code(call: FunctionCall) -> str:
    text = "\n\n".join(inspect.getsource(each) for each in (mesh_for, sharded, constrained))
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
    result_code=_result_code,
)
