"""Maps of arrays that are sharded over an Explicit mesh, where a type says how each array is sharded."""

import inspect
from typing import Any

import jax
import numpy as np

from properties import oracle
from properties.call import FunctionCall
from properties.compare import Mismatch, assert_agrees, exactly
from properties.law import attribute_to, law
from properties.laws.parallel.sharding import on_each_device, sharded
from properties.recipe import Recipe
from properties.strategies import function_calls
from properties.subject import FunctionSubject
from properties.transform import Transform
from properties.trees import Raised, attempt
from reference.error_bounds.bounded_array import UnsupportedPrimitive

JOINING = (
    *("lax.cond", "lax.cond.switch", "lax.cond.constant", "lax.cond.operand-ignored"),
    *("lax.scan", "lax.scan.reversed", "lax.scan.chain", "lax.scan.constant-carry"),
    *("lax.while", "lax.while.chain", "lax.while.counted", "lax.while.mapped-carry"),
    *("lax.while.condition-alone", "lax.while.condition-later", "lax.jit", "lax.remat2"),
    *("lax.custom_jvp_call", "lax.custom_vjp_call", "lax.custom_vmap_call"),
    *("lax.convert_element_type", "lax.psum", "lax.pmax", "lax.all_gather", "lax.ppermute"),
)
"""Subjects of the catalogue that join others, or convert: control flow, rules, collectives."""
SHARDED_BY_THEIR_RULES = (
    *("lax.select_n", "lax.select_n.scalar", "lax.clamp", "lax.broadcast_in_dim", "lax.reshape"),
    *("lax.stack.first", "lax.concatenate", "lax.transpose", "lax.reduce_sum"),
    *("lax.dynamic_update_slice", "lax.conv_general_dilated", "lax.dot_general.batch"),
)
"""Subjects of the catalogue whose batching rules say how results are sharded."""
PLACING = (
    *("lax.gather", "lax.gather.pairs", "lax.dynamic_slice", "lax.searchsorted"),
    *("lax.empty.shape", "lax.pad", "lax.sort", "lax.sort.several"),
    "lax.triangular_solve.by-constant",
)
"""Subjects of the catalogue that look up, make or place arrays, and one of a constant."""
OVER_THE_BATCH = ("psum", "pmean", "pmax", "pmin", "all-gather", "all-gather-tiled", "axis-index")
"""Collectives over the mapped axis itself, which leave the axis where it is."""
_WAYS_OUT = ("out_sharding", "output sharding")
"""What JAX's message names as a way out where it cannot know how a result is to be sharded."""


def unavailable(transform: Transform, subject: FunctionSubject) -> str | None:
    """Why nothing can be sharded over an Explicit mesh; None where it can be."""
    if subject.own is not None:
        return "how a user's function is to be sharded is said within it"
    if not hasattr(jax, "set_mesh"):
        return f"jax {jax.__version__} has no jax.set_mesh"
    return "there is one device: nothing can be sharded" if jax.device_count() == 1 else None


def is_joining(subject: Any) -> bool:
    """Whether JAX shards what the subject gives by its own rules."""
    return subject.kind == "function" or subject.name in (
        *JOINING,
        *SHARDED_BY_THEIR_RULES,
        *PLACING,
        *OVER_THE_BATCH,
    )


@law(
    "parallel.explicit-mesh",
    tier="devices",
    cases=function_calls(unmapped="any", most=1),
    only_transform="jax.vmap",
    kinds=("function", "rule", "collective"),
    where=is_joining,
    skip_if=unavailable,
)
def explicit_mesh(transform: Transform, call: FunctionCall) -> None:
    """A map of arrays on an Explicit mesh gives the same, sharded alike, and leaves no mesh behind."""
    (axes,) = call.axes
    arguments, expected = call.arguments(axes), oracle.of_function(call)
    mesh, before = explicit_mesh_for(call.sizes["batch"]), jax.sharding.get_abstract_mesh()
    mapped = transform.map(call.subject.function, axes)
    compiled = bool(call.seed % 2)
    got = attempt(lambda: over_mesh(mapped, arguments, axes.in_axes, mesh, compiled))
    refuse_ways_out(got)
    with attribute_to(call, EXPLICIT):
        assert_agrees(got, expected)
    if jax.sharding.get_abstract_mesh() != before:
        with attribute_to(call, LEFT_SET, expected=exactly(np.array(False))):
            raise Mismatch("value", "the mesh is still set after the call", False, True)
    size = call.sizes["batch"]
    on_each = on_each_device(got, axes.out_axes)
    due = np.full_like(on_each, size // mesh.devices.size)
    # What depends on no mapped argument may be whole on each device.
    if None not in axes.in_axes and not np.array_equal(due, on_each):
        message = f"a device has {max(on_each)} of the {size} examples in place of {due[0]}"
        with attribute_to(call, ON_EACH, expected=exactly(due)):
            raise Mismatch("value", message, due, on_each)


def refuse_ways_out(got: Any) -> None:
    """Raise `UnsupportedPrimitive` where JAX cannot know how a result is to be sharded, and says so."""
    if isinstance(got, Raised) and any(way in str(got.error) for way in _WAYS_OUT):
        raise UnsupportedPrimitive(f"JAX says what it cannot know, and a way out: {got!r}")


def explicit_mesh_for(size: int) -> Any:
    """An Explicit mesh of the least number of devices above one that divides the batch; else of one."""
    count = next((n for n in range(2, jax.device_count() + 1) if size % n == 0), 1)
    explicit = (jax.sharding.AxisType.Explicit,)
    return jax.sharding.Mesh(np.array(jax.devices()[:count]), ("devices",), axis_types=explicit)


def over_mesh(mapped: Any, arguments: Any, in_axes: Any, mesh: Any, compiled: bool) -> Any:
    """What a jitted map gives of arguments that are sharded over the mesh; or its program, compiled ahead."""
    with jax.set_mesh(mesh):
        given = [sharded(x, axis, mesh) for x, axis in zip(arguments, in_axes, strict=True)]
        run: Any = jax.jit(mapped)
        return (run.lower(*given).compile() if compiled else run)(*given)


def _setup_code(call: FunctionCall) -> str:
    helpers = (explicit_mesh_for, sharded, over_mesh, on_each_device)
    text = "\n\n".join(inspect.getsource(each) for each in helpers)
    return f"{text}\n\nmesh = explicit_mesh_for({call.sizes['batch']})"


def _result_code(call: FunctionCall) -> str:
    given = f"{call.axes[0].in_axes}, mesh, {bool(call.seed % 2)}"
    return f"got = over_mesh(mapped, arguments, {given})"


EXPLICIT = Recipe(
    "jit of the map, of arrays sharded over an Explicit mesh",
    setup_code=_setup_code,
    result_code=_result_code,
)
ON_EACH = Recipe(
    "number of examples on each device of an Explicit mesh",
    setup_code=_setup_code,
    result_code=lambda call: (
        f"{_result_code(call)}\ngot = on_each_device(got, {call.axes[0].out_axes})"
    ),
)
LEFT_SET = Recipe(
    "whether an Explicit mesh is still set after the call",
    setup_code=lambda call: f"{_setup_code(call)}\nbefore = jax.sharding.get_abstract_mesh()",
    result_code=lambda call: (
        f"{_result_code(call)}\ngot = np.array(jax.sharding.get_abstract_mesh() != before)"
    ),
)
