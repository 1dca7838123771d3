"""Mapping over devices gives what mapping on one device gives."""

import inspect
import warnings
from collections.abc import Callable
from typing import Any

import attrs
import jax
import jax.numpy as jnp
import numpy as np

from properties import oracle
from properties.applicability import takes_specs
from properties.call import Axes, FunctionCall
from properties.compare import Expected, Mismatch, assert_agrees, computed
from properties.joint_compile import map_together, run_together
from properties.law import attribute_to, law
from properties.profile import Profile
from properties.recipe import MAP, TWICE, Recipe, take_second
from properties.strategies import function_calls
from properties.subject import AXIS, FunctionSubject
from properties.transform import Transform
from properties.trees import Raised, attempt, member, raw
from reference.error_bounds.bounded_array import UnsupportedPrimitive
from reference.error_bounds.roundoff import gamma, unit_roundoff

VMAP = Transform(
    "jax.vmap",
    "the measure of the others",
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
    "lax.pvary",
    "lax.all_gather_invariant",
    "lax.all_gather_invariant.stacked",
    "lax.vary_unreduced_cast",
    "lax.preduced",
    "lax.all_gather_reduced",
)
_WAYS_OUT = ("check_rep=False", "check_vma=False")
_ONLY_COMPILED = "wrap your shard_map in `jax.jit`"
RATE = 0.125
"""The learning rate: a power of two, so that scaling rounds nothing."""


def _agrees_with_vmap(transform: Transform, call: FunctionCall) -> None:
    vmapped = dict(map_together(VMAP, call))
    for axes, got in map_together(transform, call):
        if isinstance(got, Raised) and _ONLY_COMPILED in str(got.error):
            # JAX says the way out, which this law can take: Refs are not for eager calls.
            return _agrees_with_vmap(transform, attrs.evolve(call, eager=False))
        if isinstance(got, Raised) and any(way in str(got.error) for way in _WAYS_OUT):
            raise UnsupportedPrimitive(f"JAX says what it cannot do, and a way out: {got!r}")
        single = call.only(axes)
        right = computed(vmapped[axes], oracle.of_function(single))
        if right is not None:
            with attribute_to(single, MAP):
                assert_agrees(got, right)


@law(
    "parallel.pmap-agrees-with-vmap",
    cases=function_calls(unmapped="any"),
    only_transform="jax.pmap",
)
def pmap_agrees_with_vmap(transform: Transform, call: FunctionCall) -> None:
    """pmap gives what vmap gives, for all axes, on as many devices as there are examples."""
    _agrees_with_vmap(transform, call)


def _on_devices(transform: Transform, subject: FunctionSubject, profile: Profile) -> Any:
    if subject.kind != "rule":
        return function_calls(unmapped="any")(transform, subject, profile)
    # Every combination of axes is a program for several devices. What is the same on all of them is
    # of another type there, and users have to say where it becomes the other.
    return function_calls(most=1)(transform, subject, profile)


def _has_a_mesh(transform: Transform, subject: FunctionSubject) -> str | None:
    if subject.name in OF_A_MESH:
        return f"{subject.name} is about a mesh of its own, which the map's is not"
    return None


@law(
    "parallel.shard-map-agrees",
    tier="devices",
    cases=_on_devices,
    only_transform="jax.shard_map",
    kinds=("function", "rule"),
    skip_if=_has_a_mesh,
)
def shard_map_agrees_with_vmap(transform: Transform, call: FunctionCall) -> None:
    """shard_map over a mesh, each device mapping its own examples, gives what vmap gives."""
    _agrees_with_vmap(transform, call)


@law(
    "parallel.nested",
    tier="derived",
    cases=function_calls(unmapped="any", most=1),
    only_transform="jax.pmap",
)
def pmap_and_vmap_nest(transform: Transform, call: FunctionCall) -> None:
    """vmap of pmap and pmap of vmap both give what vmap of vmap gives."""
    (axes,) = call.axes
    function = call.subject.function
    batches = [attrs.evolve(call, seed=call.seed + i) for i in range(2)]
    outer = jax.tree_util.tree_map(lambda *x: np.stack(x), *(b.arguments(axes) for b in batches))
    front = Axes((0,) * len(outer), 0)
    twice = attempt(jax.jit(jax.vmap(VMAP.map(function, axes))), *outer)
    ways = {
        INSIDE_VMAP: jax.vmap(transform.map(function, axes)),
        OUTSIDE_VMAP: transform.map(VMAP.map(function, axes), front),
    }
    for way, nested in ways.items():
        got = attempt(nested, *outer)
        for i, batch in enumerate(batches):
            right = computed(_member(twice, i), oracle.of_function(batch))
            if right is not None:
                with attribute_to(batch, way):
                    assert_agrees(_member(got, i), right)


def _member(result: Any, i: int) -> Any:
    return result if isinstance(result, Raised) else member(jax.device_get(raw(result)), i)


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
def sharding_the_batch_changes_nothing(transform: Transform, call: FunctionCall) -> None:
    """`jit` of the map of arrays sharded along the batch axis gives what unsharded arrays give."""
    for axes in call.axes:
        single, mesh = call.only(axes), mesh_for(call.sizes["batch"])
        arguments = tuple(
            sharded(argument, axis, mesh)
            for argument, axis in zip(single.arguments(axes), axes.in_axes, strict=True)
        )
        spmd = attrs.evolve(axes, options={"spmd_axis_name": "devices"})
        ways = {
            SHARDED: transform.map(call.subject.function, axes),
            CONSTRAINED: transform.map(constrained(call.subject.function, mesh), spmd),
        }
        for way, mapped in ways.items():
            with attribute_to(single, way):
                assert_agrees(attempt(jax.jit(mapped), *arguments), oracle.of_function(single))


def mesh_for(size: int) -> Any:
    """Devices in a row, as many as divide the batch: each must have a whole number of examples."""
    count = max(n for n in range(1, jax.device_count() + 1) if size % n == 0)
    return jax.sharding.Mesh(np.array(jax.devices()[:count]), ("devices",))


def sharded(argument: Any, axis: Any, mesh: Any) -> Any:
    """The arrays of an argument, spread over the devices along the axis; whole on each for None."""

    def put(leaf: Any) -> Any:
        names = ["devices" if i == axis else None for i in range(np.ndim(leaf))]
        spec = jax.sharding.PartitionSpec(*names)
        return jax.device_put(leaf, jax.sharding.NamedSharding(mesh, spec))

    return jax.tree_util.tree_map(put, argument)


def constrained(function: Any, mesh: Any) -> Any:
    """The function, each example's arrays constrained to be whole on every device.

    Mapped with ``spmd_axis_name``, the batch axis stays spread over the devices of that name.
    """
    whole = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec())
    bound = jax.lax.with_sharding_constraint
    return lambda *arguments: bound(function(*bound(arguments, whole)), whole)


def _sharding(call: FunctionCall) -> str:
    text = "\n\n".join(inspect.getsource(each) for each in (mesh_for, sharded, constrained))
    return f"{text}\n\nmesh = mesh_for({call.sizes['batch']})"


def _of_sharded(call: FunctionCall) -> str:
    return (
        f"given = [sharded(x, axis, mesh) for x, axis in zip(arguments, {call.axes[0].in_axes})]\n"
        "got = jax.jit(mapped)(*given)"
    )


SHARDED = Recipe("jit of the map, of sharded arrays", setup_code=_sharding, result_code=_of_sharded)
CONSTRAINED = Recipe(
    "jit of the map, of arrays that are constrained within",
    setup_code=lambda call: f"{_sharding(call)}\nfunction = constrained(function, mesh)",
    axes=lambda axes: attrs.evolve(axes, options={"spmd_axis_name": "devices"}),
    result_code=_of_sharded,
)


@law(
    "parallel.devices",
    tier="derived",
    cases=function_calls(unmapped="any", most=1),
    only_transform="jax.pmap",
)
def devices_may_be_chosen(transform: Transform, call: FunctionCall) -> None:
    """The devices given, in any order, change no result; too few of them raise ValueError."""
    (axes,) = call.axes
    size, every = call.sizes["batch"], list(range(jax.device_count()))
    order = np.random.RandomState(call.seed).permutation(every)[:size].tolist()
    right = oracle.of_function(call)
    for chosen in (order, every[::-1][:size]):
        placed = call.only(attrs.evolve(axes, options={"devices": chosen}))
        with attribute_to(placed, MAP):
            mapped = transform.map(call.subject.function, placed.axes[0])
            assert_agrees(attempt(mapped, *call.arguments(axes)), right)
    few = call.only(attrs.evolve(axes, options={"devices": every[: size - 1]}))
    got = attempt(
        lambda *arguments: transform.map(call.subject.function, few.axes[0])(*arguments),
        *call.arguments(axes),
    )
    with attribute_to(few, MAP):
        if not isinstance(got, Raised):
            raise Mismatch("accepted", "it was accepted", "ValueError, since devices lack")
        if not isinstance(got.error, ValueError):
            message = f"it raised {got!r}"
            raise Mismatch("raised", message, "ValueError, since devices lack", repr(got))


class Held:
    """An argument that can be hashed, as static ones must: it is equal to itself alone."""

    def __init__(self, value: Any) -> None:
        self.value = value


@law(
    "parallel.donated-and-static",
    tier="derived",
    cases=function_calls(unmapped="any", most=1),
    only_transform="jax.pmap",
)
def donated_and_static_arguments_change_nothing(transform: Transform, call: FunctionCall) -> None:
    """An argument that is donated, and one that is static, give what others give."""
    (axes,) = call.axes
    right = oracle.of_function(call)
    donating = attrs.evolve(axes, options={"donate_argnums": (0,)})
    # Arrays of JAX's own, which nobody else will want again.
    arguments = jax.tree_util.tree_map(jnp.array, call.arguments(axes))
    with attribute_to(call.only(donating), MAP), warnings.catch_warnings():
        # Where no result is as large as what was donated, JAX says that it was of no use.
        warnings.filterwarnings("ignore", "Some donated buffers were not usable")
        mapped = transform.map(call.subject.function, donating)
        assert_agrees(attempt(mapped, *arguments), right)
    shared = [i for i, axis in enumerate(axes.in_axes) if axis is None]
    if not shared:
        return
    static = attrs.evolve(axes, options={"static_broadcasted_argnums": (shared[0],)})
    given = list(call.arguments(axes))
    given[shared[0]] = Held(given[shared[0]])
    with attribute_to(call.only(static), STATIC):
        mapped = transform.map(unwrapping(call.subject.function), static)
        assert_agrees(attempt(mapped, *given), right)


def unwrapping(function: Any) -> Any:
    """The function, of arguments any of which may be `Held`."""

    def unwrapped(argument: Any) -> Any:
        # Arrays of JAX's own, as in any other call: a function may write `x += 1`.
        held = isinstance(argument, Held)
        return jax.tree_util.tree_map(jnp.asarray, argument.value) if held else argument

    return lambda *given: function(*map(unwrapped, given))


def _no_loss(transform: Transform, subject: FunctionSubject) -> str | None:
    if subject.name == "mlp-loss":
        return takes_specs(transform, subject)
    return f"{subject.name} is no loss that parameters could be trained by"


def _held(call: FunctionCall) -> str:
    text = f"{inspect.getsource(Held)}\n\n{inspect.getsource(unwrapping)}"
    (number,) = dict(call.axes[0].options)["static_broadcasted_argnums"]
    given = f"arguments = [Held(x) if i == {number} else x for i, x in enumerate(arguments)]"
    return f"{text}\n\n{given}\nfunction = unwrapping(function)"


STATIC = Recipe("map of a static argument", setup_code=_held)


@law(
    "parallel.data-parallel-step",
    cases=function_calls(unmapped="any", most=1),
    skip_if=_no_loss,
)
def averaged_step_is_the_full_batch_step(transform: Transform, call: FunctionCall) -> None:
    """The averaged step is the full batch's; the unaveraged one is that of each shard alone."""
    axes = attrs.evolve(call.axes[0], in_axes=(None, 0, 0), name=AXIS)
    single, joined = call.only(axes), transform.traceable and not call.eager
    for averaged, way in ((True, AVERAGED), (False, UNAVERAGED)):
        mapped = transform.map(stepping(call.subject.function, averaged), way.axes(axes))
        (got,) = run_together([mapped], [single.arguments(axes)], joined)
        right = stepped(single, averaged)
        with attribute_to(single, way, right=right):
            assert_agrees(got, right)


def stepping(loss: Any, averaged: bool) -> Any:
    """One step of gradient descent on one shard, its gradient averaged over all shards or not."""

    def step(params: Any, *data: Any) -> Any:
        gradient = jax.grad(loss)(params, *data)
        if averaged:
            gradient = jax.lax.pmean(gradient, AXIS)
        return jax.tree_util.tree_map(lambda p, g: p - RATE * g, params, gradient)

    return step


def stepped(call: FunctionCall, averaged: bool) -> Expected:
    """What the step must give every shard, stacked in front.

    The mean of n float32 values is off by gamma(n + 1) of their magnitudes' mean, and taking it off
    rounds once (Higham, Accuracy and Stability of Numerical Algorithms, section 4.2).
    """
    each = oracle.of_derivative(call, jax.grad(call.subject.function))
    size = call.sizes["batch"]
    params = call.batch_first(call.axes[0])[0]

    def leaf(parameter: Any, value: Any, error: Any) -> tuple[Any, Any]:
        if averaged:
            more = gamma(size + 1, "float32") * np.abs(value).mean(0)
            value = np.broadcast_to(value.mean(0), value.shape)
            error = np.broadcast_to(error.mean(0) + more, value.shape)
        new = parameter.astype(np.float64) - RATE * value
        return new, RATE * error + unit_roundoff("float32") * np.abs(new)

    pairs = jax.tree_util.tree_map(leaf, params, each.value, each.bound)
    value, bound = (
        jax.tree_util.tree_map(lambda _, pair, part=part: pair[part], params, pairs)
        for part in (0, 1)
    )
    return Expected(value, bound, each.like)


def _stepping(averaged: bool) -> Callable[[FunctionCall], str]:
    def before(call: FunctionCall) -> str:
        text = inspect.getsource(stepping)
        head = f"AXIS, RATE = {AXIS!r}, {RATE}"
        return f"{head}\n\n{text}\n\nfunction = stepping(function, {averaged})"

    return before


def _in_front(axes: Axes) -> Axes:
    return attrs.evolve(axes, out_axes=0)


AVERAGED = Recipe("step of the averaged gradient", setup_code=_stepping(True), axes=_in_front)
UNAVERAGED = Recipe(
    "step of each shard's own gradient", setup_code=_stepping(False), axes=_in_front
)
