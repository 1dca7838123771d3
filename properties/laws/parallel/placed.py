"""Maps of functions that say where values live: constraints, jits and shard_maps on a mesh."""

import contextlib
import inspect
import operator
import random
from typing import Any

import attrs
import jax
import numpy as np
from hypothesis import strategies as st

from properties import oracle
from properties.call import Axes, FunctionCall
from properties.compare import Mismatch, assert_agrees, exactly
from properties.law import attribute_to, law
from properties.laws.errors.calls import assert_raises
from properties.profile import Profile
from properties.recipe import MAP, Recipe
from properties.strategies import SEEDS, one_of
from properties.subject import AXIS, FunctionSubject
from properties.subjects.placed import FREE, SPECS
from properties.transform import Transform
from properties.trees import Raised, attempt
from reference.error_bounds.bounded_array import UnsupportedPrimitive

DEVICES = 8
OF_TYPES = {
    "placed-convolution": ("lax.conv_general_dilated",),
    "placed-types": (
        *("lax.reduce_sum", "lax.broadcast_in_dim", "lax.broadcasted_iota"),
        *("numpy.dot", "numpy.einsum"),
    ),
    "placed-branches": (),
}
"""Subjects that say how results are sharded where types say how arguments are: on an Explicit mesh.

Each with the functions that it gives an `out_sharding`.
"""
JOINED = "placed-joined"
"""A subject that names no axis of the mesh: only types can be wrong, which an Explicit mesh has."""
LEFT_ALONE = ("placed-constraint", "placed-unconstrained", JOINED)
"""Subjects that leave the batch axis as the caller sharded it; a jit or a shard_map may gather it."""
WAYS: tuple[tuple[dict[str, str], str | None, bool], ...] = (
    ({}, None, True),
    ({"spmd_axis_name": "x"}, None, True),
    ({}, "Auto", True),
    ({"spmd_axis_name": "x"}, "Auto", True),
    ({}, "Explicit", True),
    ({}, "all", True),
    ({}, "Explicit", False),
)
"""Options of the map, of which type the axis `x` is of a mesh that is set, and whether the map is compiled.

None sets no mesh; of `all` every axis is Explicit.
"""
UNCHECKED = "placed-shard_map-unchecked"
"""A subject that is run where nothing is compiled alone: others have the rest of it."""
EAGER = ("placed-shard_map", UNCHECKED)
"""Subjects that JAX places in the same way where nothing is compiled, since 0.10."""
SIZE = 6
"""How many examples there are: the two devices of an axis of the mesh divide them, the four of two do not."""
VARYING_CHECKED_SINCE = (0, 10)
"""The first release whose check of what devices share takes a `spmd_axis_name` beside numbers."""


def is_run(subject: str, compiled: bool) -> bool:
    """Whether the map of a subject is run in a jit, or by itself."""
    if compiled:
        return subject != UNCHECKED
    return subject in EAGER and jax.__version_info__ >= (0, 10)


def _takes_out_sharding(name: str) -> bool:
    try:
        function = operator.attrgetter(name)(jax)
    except AttributeError:
        return False
    return "out_sharding" in inspect.signature(function).parameters


def _reason(transform: Transform, subject: FunctionSubject) -> str | None:
    if jax.device_count() < DEVICES:
        return f"its mesh has {DEVICES} devices, and there are {jax.device_count()}"
    if subject.name.startswith("placed-shard_map") and not hasattr(jax, "shard_map"):
        return f"jax {jax.__version__} has no jax.shard_map"
    if subject.name == UNCHECKED and jax.__version_info__ < (0, 10):
        return f"jax {jax.__version__} is not known to place it where nothing is compiled"
    if subject.name not in (JOINED, *OF_TYPES):
        return None
    if not hasattr(jax, "set_mesh"):
        return f"jax {jax.__version__} has no jax.set_mesh"
    lacking = [name for name in OF_TYPES.get(subject.name, ()) if not _takes_out_sharding(name)]
    return f"jax {jax.__version__} has no out_sharding of jax.{lacking[0]}" if lacking else None


def _calls(
    transform: Transform, subject: FunctionSubject, profile: Profile
) -> st.SearchStrategy[FunctionCall]:
    def call(seed: int) -> FunctionCall:
        chance = random.Random(f"{seed}/placed")
        # JAX moves no batch axis that is sharded in a convolution's type: it says so.
        positions = (0,) if subject.name == "placed-convolution" else (0, 1, 2)
        each = tuple(chance.choice(positions) for _ in subject.arguments)
        axes = Axes(each, chance.choice((0, 1, 2)))
        return FunctionCall(subject.name, {AXIS: SIZE}, (axes,), "float32", seed)

    return st.builds(call, one_of("seed", SEEDS, subject, profile))


@law(
    "parallel.placed-within",
    tier="devices",
    cases=_calls,
    only_transform="jax.vmap",
    kinds=("placed",),
    skip_if=_reason,
)
def placed_within(transform: Transform, call: FunctionCall) -> None:
    """Where a function says how values are sharded, the map shards each example's so, and leaves the rest."""
    (axes,) = call.axes
    expected = oracle.of_function(call)
    for options, kind, compiled in WAYS if hasattr(jax, "set_mesh") else WAYS[:2]:
        if not is_run(call.subject_name, compiled):
            continue
        single = call.only(attrs.evolve(axes, options=options))
        mapped = transform.map(call.subject.function, single.axes[0])
        if kind == "Explicit" and call.subject_name == "placed-unconstrained":
            # What is free is then for the compiler to choose, whatever the caller chose.
            continue
        if (kind == "all") != (call.subject_name in OF_TYPES):
            continue
        if call.subject_name == JOINED and kind != "Explicit":
            continue
        given = call.arguments(axes), _specs_of_arguments(call), kind, compiled
        got = attempt(lambda: over_mesh(mapped, *given))  # noqa: B023 (it is called at once)
        if isinstance(got, Raised) and _says_so(got.error):
            raise UnsupportedPrimitive(f"JAX says what it cannot do: {got!r}")
        with attribute_to(single, _recipe(kind, compiled)):
            assert_agrees(got, expected)
        divided, due = parts(got, axes.out_axes, _says_batch(single)), _due(single)
        if not np.array_equal(divided, due):
            message = (
                f"the results are divided into {divided} parts along their axes in place of {due}"
            )
            with attribute_to(single, _recipe(kind, compiled, counts=True), expected=exactly(due)):
                raise Mismatch("value", message, due, divided)
    _assert_used_name_raises(transform, call)


def _says_so(error: Exception) -> bool:
    """Whether JAX says that it does not do this, or a way out where it cannot check what devices share."""
    checks = jax.__version_info__ >= VARYING_CHECKED_SINCE
    return isinstance(error, NotImplementedError) or (
        not checks and "check_vma=False" in str(error)
    )


def _assert_used_name_raises(transform: Transform, call: FunctionCall) -> None:
    """Raise `Mismatch` where the map takes a name that the function shards each example by."""
    if call.subject_name in ("placed-jit", JOINED, *OF_TYPES):
        # JAX documents it of constraints and of shard_map.
        return
    used = call.only(attrs.evolve(call.axes[0], options={"spmd_axis_name": "y"}))
    got = attempt(transform.map(call.subject.function, used.axes[0]), *call.arguments(used.axes[0]))
    with attribute_to(used, MAP):
        why = "the function shards each example by the same name"
        assert_raises(got, ValueError, why, ("spmd_axis_name",))


def _specs_of_arguments(call: FunctionCall) -> list[tuple[str | None, ...]]:
    """How the caller shards each argument: `x` for the batch, and what the function leaves free by `z`."""
    specs = []
    for spec, axis in zip(SPECS[call.subject_name], call.axes[0].in_axes, strict=True):
        names = ["z" if each == FREE else None for each in spec]
        assert axis is not None  # each argument is mapped
        specs.append((*names[:axis], "x", *names[axis:]))
    return specs


def _says_batch(call: FunctionCall) -> bool:
    """Whether it is said how results are sharded along the batch axis: by name, or as the arguments are."""
    return bool(call.axes[0].options) or call.subject_name in (*LEFT_ALONE, *OF_TYPES)


def _due(call: FunctionCall) -> Any:
    """What `parts` of the results should give: each axis of the mesh has two devices."""
    counts: list[int] = []
    for spec in SPECS[call.subject_name]:
        counts += [1 if each is None else 2 ** (1 if each == FREE else len(each)) for each in spec]
        counts += [2] * _says_batch(call)
    return np.array(counts)


def over_mesh(mapped: Any, arguments: Any, specs: Any, kind: Any, compiled: bool) -> Any:
    """What a map gives of arguments sharded over a mesh, which is set where `kind` is given."""
    devices = np.array(jax.devices()[:8]).reshape(2, 2, 2)
    if kind is None:
        mesh = jax.sharding.Mesh(devices, ("x", "y", "z"))
    else:
        kinds = {"all": ("Explicit",) * 3}.get(kind, (kind, "Auto", "Auto"))
        types = [getattr(jax.sharding.AxisType, each) for each in kinds]
        mesh = jax.sharding.Mesh(devices, ("x", "y", "z"), axis_types=tuple(types))
    shardings = [jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec(*s)) for s in specs]
    given = [jax.device_put(*each) for each in zip(arguments, shardings, strict=True)]
    with contextlib.nullcontext() if kind is None else jax.set_mesh(mesh):
        return (jax.jit(mapped) if compiled else mapped)(*given)


def parts(results: Any, axis: int, with_batch: bool) -> Any:
    """Into how many parts each result is divided: along the axes of one example, then along the batch's."""
    counts: list[int] = []
    for leaf in jax.tree_util.tree_leaves(results):
        shard = leaf.sharding.shard_shape(leaf.shape)
        divided = [size // part for size, part in zip(leaf.shape, shard, strict=True)]
        batch = divided.pop(axis)
        counts += [*divided, *[batch] * with_batch]
    return np.array(counts)


def _setup_code(call: FunctionCall) -> str:
    return f"import contextlib\n\n{inspect.getsource(over_mesh)}\n\n{inspect.getsource(parts)}"


def _recipe(kind: str | None, compiled: bool, counts: bool = False) -> Recipe:
    """The map of sharded arrays, in a jit or not; or into how many parts its results are divided."""

    def result_code(call: FunctionCall) -> str:
        given = f"mapped, arguments, {_specs_of_arguments(call)}, {kind!r}, {compiled}"
        also = f"\ngot = parts(got, {call.axes[0].out_axes}, {_says_batch(call)})"
        return f"got = over_mesh({given})" + also * counts

    of_mesh = "" if kind is None else f", with a mesh set whose batch axis is {kind}"
    what = "number of parts of the results of the " * counts
    return Recipe(
        f"{what}{'jit of the ' * compiled}map, of sharded arrays{of_mesh}",
        setup_code=_setup_code,
        result_code=result_code,
    )
