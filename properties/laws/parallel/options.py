"""Options of `jax.pmap`: its devices, and arguments that are donated or static."""

import inspect
import warnings
from typing import Any

import attrs
import jax
import jax.numpy as jnp
import numpy as np

from properties import oracle
from properties.call import Axes, FunctionCall
from properties.compare import Mismatch, assert_agrees, exactly
from properties.law import attribute_to, law
from properties.laws.errors.calls import assert_raises
from properties.recipe import MAP, Recipe
from properties.strategies import function_calls
from properties.transform import Transform
from properties.trees import Raised, attempt
from reference.types import PyTree


@law(
    "parallel.devices",
    tier="derived",
    cases=function_calls(unmapped="any", most=1),
    only_transform="jax.pmap",
)
def devices(transform: Transform, call: FunctionCall) -> None:
    """`pmap` runs on the devices given, in their order, with the same results; too few raise ValueError."""
    (axes,) = call.axes
    size, every = call.sizes["batch"], list(range(jax.device_count()))
    shuffled = np.random.RandomState(call.seed).permutation(every)[:size].tolist()
    expected = oracle.of_function(call)
    for chosen in (shuffled, every[::-1][:size]):
        placed = call.only(attrs.evolve(axes, options={"devices": chosen}))
        with attribute_to(placed, MAP):
            mapped = transform.map(call.subject.function, placed.axes[0])
            got = attempt(mapped, *call.arguments(axes))
            assert_agrees(got, expected)
            _assert_on_devices(got, chosen)
    too_few = call.only(attrs.evolve(axes, options={"devices": every[: size - 1]}))
    got = attempt(
        lambda *arguments: transform.map(call.subject.function, too_few.axes[0])(*arguments),  # noqa: PLW0108 (`map` may raise, too)
        *call.arguments(axes),
    )
    with attribute_to(too_few, MAP):
        assert_raises(got, ValueError, "there are fewer devices than examples")


def _assert_on_devices(got: PyTree, numbers: list[int]) -> None:
    """Raise `Mismatch` unless each device has its example of every array, in this order."""
    chosen = [jax.devices()[number] for number in numbers]
    # `chex.assert_tree_is_sharded` before 0.1.92 needs `jax.sharding.PmapSharding`, which is gone from
    # jax 0.10.1 on: a project that holds chex back would see a violation that is none of JAX's.
    for path, leaf in jax.tree_util.tree_flatten_with_path(got)[0]:
        found = [shard.device for shard in leaf.addressable_shards]
        if found != chosen:
            where = jax.tree_util.keystr(path)
            raise Mismatch("value", f"result{where}: on {found}, expected on {chosen}", got, got)


class Static:
    """An argument that can be hashed, as static ones must: it equals itself alone."""

    def __init__(self, value: Any) -> None:
        self.value = value


def unwrapping(function: Any) -> Any:
    """The function, of arguments any of which may be `Static`."""

    def unwrapped(argument: Any) -> Any:
        # Arrays of JAX's own, as in any other call: a function may write `x += 1`.
        static = isinstance(argument, Static)
        return jax.tree_util.tree_map(jnp.asarray, argument.value) if static else argument

    return lambda *given: function(*map(unwrapped, given))


def _static_code(call: FunctionCall) -> str:
    text = f"{inspect.getsource(Static)}\n\n{inspect.getsource(unwrapping)}"
    (number,) = dict(call.axes[0].options)["static_broadcasted_argnums"]
    given = f"arguments = [Static(x) if i == {number} else x for i, x in enumerate(arguments)]"
    return f"{text}\n\n{given}\nfunction = unwrapping(function)"


STATIC = Recipe("map of a static argument", setup_code=_static_code)


def results_of_a_map(arguments: Any, in_axes: Any) -> Any:
    """The arguments, those that are mapped as results of a map: they lie where the next one needs them."""

    def given_back(argument: Any, axis: Any) -> Any:
        if axis is None or not jax.tree_util.tree_leaves(argument):
            return argument
        return jax.pmap(lambda x: x, in_axes=axis, out_axes=axis)(argument)

    return [given_back(x, axis) for x, axis in zip(arguments, in_axes, strict=True)]


def _results_code(call: FunctionCall) -> str:
    text = inspect.getsource(results_of_a_map)
    given = f"arguments = results_of_a_map(arguments, {call.axes[0].in_axes})"
    return f"Any = object\n\n\n{text}\n\n{given}"


def used_up(arguments: Any, in_axes: Any) -> Any:
    """Of each mapped argument: whether any of its arrays was used up."""
    return [
        np.array(any(leaf.is_deleted() for leaf in jax.tree_util.tree_leaves(x)))
        for x, axis in zip(arguments, in_axes, strict=True)
        if axis is not None
    ]


def with_copies(function: Any) -> Any:
    """The function, which gives copies of its arguments, too: to one of them, what is donated is of use."""

    def copied(argument: Any) -> Any:
        static = isinstance(argument, Static)
        return None if static else jax.tree_util.tree_map(jnp.copy, argument)

    return lambda *given: (function(*given), [copied(x) for x in given])


def _used_code(call: FunctionCall) -> str:
    text = f"{inspect.getsource(used_up)}\n\n{inspect.getsource(with_copies)}"
    behind = "function = with_copies(function)"
    return f"{_results_code(call)}\n\n{text}\n\n{_static_code(call)}\n{behind}"


def _used_result(call: FunctionCall) -> str:
    return f"mapped(*arguments)\ngot = used_up(arguments, {call.axes[0].in_axes})"


USED = Recipe("arguments that a map uses up", _used_code, result_code=_used_result)
KEPT = Recipe("map of results of a map", setup_code=_results_code).called_twice()


@law(
    "parallel.donated-and-static",
    tier="derived",
    cases=function_calls(unmapped="any", most=1),
    only_transform="jax.pmap",
)
def donated_and_static(transform: Transform, call: FunctionCall) -> None:
    """Donating an argument, or making it static, does not change `pmap`'s result; no other one is used up."""
    # A call that showed a violation has the options with which it did: they are given anew below.
    axes = attrs.evolve(call.axes[0], options={})
    call = call.only(axes)
    expected = oracle.of_function(call)
    mapped = transform.map(call.subject.function, axes)
    kept = results_of_a_map(call.arguments(axes), axes.in_axes)
    attempt(mapped, *kept)
    with attribute_to(call, KEPT):
        assert_agrees(attempt(mapped, *kept), expected)
    donating = attrs.evolve(axes, options={"donate_argnums": (0,)})
    # Arrays of JAX's own, which nothing else will use again.
    arguments = jax.tree_util.tree_map(jnp.array, call.arguments(axes))
    with attribute_to(call.only(donating), MAP), warnings.catch_warnings():
        # Where no result is as large as what was donated, JAX says that it was of no use.
        warnings.filterwarnings("ignore", "Some donated buffers were not usable")
        mapped = transform.map(call.subject.function, donating)
        assert_agrees(attempt(mapped, *arguments), expected)
    _assert_donated_behind(transform, call)
    shared = [i for i, axis in enumerate(axes.in_axes) if axis is None]
    if not shared:
        return
    static = attrs.evolve(axes, options={"static_broadcasted_argnums": (shared[0],)})
    given = list(call.arguments(axes))
    given[shared[0]] = Static(given[shared[0]])
    with attribute_to(call.only(static), STATIC):
        mapped = transform.map(unwrapping(call.subject.function), static)
        assert_agrees(attempt(mapped, *given), expected)


def _assert_donated_behind(transform: Transform, call: FunctionCall) -> None:
    """Check a call with a static argument and a donated one behind it, which is used up, and no other."""
    behind = len(call.subject.arguments) - 1
    if not behind:
        return
    donating = {"donate_argnums": (1 + call.seed % behind,)}
    plain = call.only(Axes((None, *(0,) * behind), 0, options=donating))
    (axes,) = plain.axes
    static = attrs.evolve(axes, options={**donating, "static_broadcasted_argnums": (0,)})
    used = []
    for each in (plain, call.only(static)):
        given = list(results_of_a_map(call.arguments(axes), axes.in_axes))
        if each is not plain:
            given[0] = Static(given[0])
        with attribute_to(each, MAP if each is plain else STATIC):
            mapped = transform.map(with_copies(unwrapping(call.subject.function)), each.axes[0])
            got = attempt(mapped, *given)
            assert_agrees(got if isinstance(got, Raised) else got[0], oracle.of_function(plain))
        used.append(used_up(given, axes.in_axes))
    with attribute_to(call.only(static), USED, expected=exactly(used[0])):
        assert_agrees(used[1], exactly(used[0]))
