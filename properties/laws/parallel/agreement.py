"""Maps over devices give what `jax.vmap` gives."""

import attrs
import jax
from hypothesis.strategies import SearchStrategy

from properties import oracle
from properties.call import Axes, FunctionCall
from properties.compare import assert_agrees, computed
from properties.joint_compile import map_together
from properties.law import attribute_to, law
from properties.laws.nesting import batch_of, two_batches
from properties.profile import Profile
from properties.recipe import MAP, TWICE, Recipe, take_second
from properties.strategies import function_calls
from properties.subject import FunctionSubject
from properties.subjects.batching_rules import USED
from properties.subjects.batching_rules.corners import CORNERS
from properties.subjects.batching_rules.operands import OPERANDS
from properties.transform import Transform
from properties.trees import Raised, attempt
from reference.error_bounds.bounded_array import UnsupportedPrimitive

VMAP = Transform(
    "jax.vmap",
    "what maps over devices are compared with",
    lambda function, axes: jax.vmap(function, axes.in_axes, axes.out_axes, axis_name=axes.name),
)
INSIDE_VMAP = Recipe("map inside vmap", result_code=take_second(f"jax.vmap(mapped)(*{TWICE})"))
OUTSIDE_VMAP = Recipe(
    "map outside vmap",
    setup_code=lambda call: (
        f"function = jax.vmap(function, {call.axes[0].in_axes}, {call.axes[0].out_axes})"
    ),
    axes=lambda axes: Axes((0,) * len(axes.in_axes), 0),
    result_code=take_second(f"mapped(*{TWICE})"),
)
OF_A_MESH = (
    "lax.sharding_constraint",
    "lax.reshard",
    "lax.inspect_sharding",
    "lax.psum_invariant",
    "lax.psum_invariant.of-both",
    "lax.psum.gradients-over-devices",
    "lax.all_gather.of-both",
    "lax.pvary",
    "lax.all_gather_invariant",
    "lax.all_gather_invariant.stacked",
    "lax.vary_unreduced_cast",
    "lax.preduced",
    "lax.all_gather_reduced",
    "lax.shard_map.of-maps",
    "lax.convert_element_type.on-a-mesh",
)
"""Subjects that have a mesh of their own."""
_UNCHECKED = ("check_rep=False", "check_vma=False")
"""What JAX's message names as a way out where it cannot check what is the same on all devices."""
_ONLY_COMPILED = "wrap your shard_map in `jax.jit`"


@law(
    "parallel.pmap-agrees-with-vmap",
    cases=function_calls(unmapped="any"),
    only_transform="jax.pmap",
    compares_with="jax.vmap",
)
def pmap_agrees_with_vmap(transform: Transform, call: FunctionCall) -> None:
    """`pmap` over as many devices as there are examples gives what `vmap` gives, for all axes."""
    _check_with_vmap(transform, call)


def _shard_map_calls(
    transform: Transform, subject: FunctionSubject, profile: Profile
) -> SearchStrategy[FunctionCall]:
    if subject.kind != "rule":
        return function_calls(unmapped="any")(transform, subject, profile)
    # Every combination of axes is a program for several devices. What is the same on all of them is
    # of another type there, and users have to say where it becomes the other.
    return function_calls(most=1)(transform, subject, profile)


def _own_mesh(transform: Transform, subject: FunctionSubject) -> str | None:
    if subject.name in OF_A_MESH:
        return f"{subject.name} is about a mesh of its own, which the map's is not"
    if subject in (*CORNERS, *OPERANDS, *USED):
        return f"{subject.name} has constants, and what all devices share is of another type there"
    return None


@law(
    "parallel.shard-map-agrees",
    tier="devices",
    cases=_shard_map_calls,
    only_transform="jax.shard_map",
    kinds=("function", "rule"),
    skip_if=_own_mesh,
    compares_with="jax.vmap",
)
def shard_map_agrees(transform: Transform, call: FunctionCall) -> None:
    """`shard_map` over a mesh, each device with its own examples, gives what `vmap` gives."""
    _check_with_vmap(transform, call)


def _check_with_vmap(transform: Transform, call: FunctionCall) -> None:
    vmapped = dict(map_together(VMAP, call))
    for axes, got in map_together(transform, call):
        if isinstance(got, Raised) and _ONLY_COMPILED in str(got.error):
            # JAX says the way out, which this law can take: Refs are not for eager calls.
            return _check_with_vmap(transform, attrs.evolve(call, eager=False))
        if isinstance(got, Raised) and any(way in str(got.error) for way in _UNCHECKED):
            raise UnsupportedPrimitive(f"JAX says what it cannot do, and a way out: {got!r}")
        single = call.only(axes)
        expected = computed(vmapped[axes], oracle.of_function(single))
        if expected is not None:
            with attribute_to(single, MAP):
                assert_agrees(got, expected)
    return None


@law(
    "parallel.nested",
    tier="derived",
    cases=function_calls(unmapped="any", most=1),
    only_transform="jax.pmap",
    compares_with="jax.vmap",
)
def nested(transform: Transform, call: FunctionCall) -> None:
    """`vmap` of `pmap` and `pmap` of `vmap` give what `vmap` of `vmap` gives."""
    (axes,) = call.axes
    function = call.subject.function
    batches, stacked = two_batches(call)
    leading = Axes((0,) * len(stacked), 0)
    both = attempt(jax.jit(jax.vmap(VMAP.map(function, axes))), *stacked)
    functions = {
        INSIDE_VMAP: jax.vmap(transform.map(function, axes)),
        OUTSIDE_VMAP: transform.map(VMAP.map(function, axes), leading),
    }
    for recipe, mapped in functions.items():
        got = attempt(mapped, *stacked)
        for i, batch in enumerate(batches):
            expected = computed(batch_of(both, i), oracle.of_function(batch))
            if expected is not None:
                with attribute_to(batch, recipe):
                    assert_agrees(batch_of(got, i), expected)
