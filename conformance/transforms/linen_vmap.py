"""``flax.linen.vmap``, of modules, and of functions as modules without parameters."""

from collections.abc import Callable, Mapping
from typing import Any

import flax.errors
import flax.linen as nn
import jax

from conformance.transforms import linen_modules
from properties.calls import Axes, FunctionCall, ModuleCall
from properties.laws.lifting import NEW_AXIS
from properties.transform import Lifted, Transform


def map_function(function: Callable[..., Any], axes: Axes) -> Callable[..., Any]:
    class Applied(nn.Module):
        def __call__(self, *arguments: Any) -> Any:
            return function(*arguments)

    lifted = nn.vmap(
        Applied,
        in_axes=axes.in_axes,
        out_axes=axes.out_axes,
        variable_axes={},
        split_rngs={},
        axis_name=axes.name,
        **dict[str, Any](axes.options),
    )
    return lambda *arguments: lifted().apply({}, *arguments)


_WRAPPERS: dict[str, Callable[..., Any]] = {"remat": nn.remat, "jit": nn.jit}


def lift(call: ModuleCall) -> Lifted:
    """``nn.vmap`` of the Linen module of the call's subject, for the call's first axes."""
    given, options = call.subject.configure(call.sizes), dict(call.options)
    inside, around = options.pop("inside", None), options.pop("around", None)
    of_function = options.pop("of", None) == "function"
    module = linen_modules.CLASSES[call.subject_name]
    if inside:
        module = _WRAPPERS[inside](module)
    kwargs = _arguments(call, options)
    if of_function:
        return _within(_OfFunction(module(**given), call.axes[0], kwargs), call)
    lifted = nn.vmap(module, **kwargs)
    if around == "vmap":
        shared: dict[Any, Any] = dict.fromkeys(call.subject.collections)
        unsplit: dict[Any, bool] = dict.fromkeys(call.subject.streams, False)
        lifted = nn.vmap(
            lifted,
            in_axes=None,
            variable_axes=shared,
            split_rngs=unsplit,
            axis_size=2,
            **_named(call),
        )
    elif around == "scan":
        return _within(_InScan(lifted(**given)), call)
    elif around:
        lifted = _WRAPPERS[around](lifted)
    pure = _pure(lifted(**given), call)
    return _first_of_two(pure) if around == "vmap" else pure


def _arguments(call: ModuleCall, options: dict[str, Any]) -> dict[str, Any]:
    """The keyword arguments of ``nn.vmap``."""
    axes = call.axes[0]
    by_method = options.pop("by_method", None)
    spelling = options.pop("spelling", None)
    kwargs: dict[str, Any] = {
        "in_axes": axes.in_axes,
        "out_axes": axes.out_axes,
        "variable_axes": _spelt(call.variable_axes, spelling),
        "split_rngs": _spelt(call.split_rngs, spelling),
        **_named(call),
        **options,
    }
    return {"methods": {by_method: kwargs}} if by_method else kwargs


def _named(call: ModuleCall) -> dict[str, Any]:
    return {"metadata_params": {nn.PARTITION_NAME: NEW_AXIS}} if call.subject.names else {}


def _spelt(by_name: Mapping[str, Any], spelling: str | None) -> dict[Any, Any]:
    """A mapping by collection or stream, with other filters that choose the same of them."""
    if spelling == "together":
        groups: dict[Any, list[str]] = {}
        for name, value in by_name.items():
            groups.setdefault(value, []).append(name)
        return {tuple(names): value for value, names in groups.items()}
    if spelling == "all but" and len(by_name) == 2:
        (one, first), (_, second) = by_name.items()
        return {one: first, nn.DenyList(one): second}
    if spelling == "all" and len(set(by_name.values())) == 1:
        return {True: next(iter(by_name.values()))}
    return dict(by_name)


class _OfFunction(nn.Module):
    """``nn.vmap`` of a function of a module and of one tree of inputs."""

    inner: nn.Module
    axes: Axes
    kwargs: Mapping[str, Any]

    @nn.compact
    def __call__(self, *inputs: Any) -> Any:
        kwargs = {
            **self.kwargs,
            "in_axes": ({"inputs": self.axes.in_axes},),
            "out_axes": {"output": self.axes.out_axes},
        }
        lifted = nn.vmap(lambda module, tree: {"output": module(*tree["inputs"])}, **kwargs)
        return lifted(self.inner, {"inputs": inputs})["output"]


class _InScan(nn.Module):
    """A lifted module twice over in ``nn.scan``, with the same parameters and inputs."""

    inner: nn.Module

    @nn.compact
    def __call__(self, *inputs: Any) -> Any:
        def body(module: Any, carry: Any, _: Any) -> Any:
            return carry, module(*inputs)

        scan = nn.scan(body, variable_broadcast=True, split_rngs={True: False}, length=2)
        return jax.tree_util.tree_map(lambda leaf: leaf[1], scan(self.inner, (), None)[1])


def _within(outer: nn.Module, call: ModuleCall) -> Lifted:
    """A module whose ``inner`` is the call's, as if it were that."""
    pure = _pure(outer, call)

    def unwrapped(variables: Any) -> Any:
        return {name: tree["inner"] for name, tree in variables.items()}

    def init(rngs: Any, *inputs: Any) -> Any:
        return unwrapped(pure.init(rngs, *inputs))

    def apply(variables: Any, rngs: Any, *inputs: Any) -> Any:
        wrapped = {name: {"inner": tree} for name, tree in variables.items()}
        output, updates = pure.apply(wrapped, rngs, *inputs)
        return output, unwrapped(updates)

    return Lifted(init, apply)


def _first_of_two(lifted: Lifted) -> Lifted:
    def apply(variables: Any, rngs: Any, *inputs: Any) -> Any:
        output, updates = lifted.apply(variables, rngs, *inputs)
        return jax.tree_util.tree_map(lambda leaf: leaf[0], output), updates

    return lifted._replace(apply=apply)


def variants(call: ModuleCall) -> dict[str, list[dict[str, Any]]]:
    """`Transform.variants` of Linen.

    ``nn.jit`` forks the keys of what it lifts, and a module within another has a path of its own:
    both draw otherwise, so they are here where nothing is drawn to compute an answer.
    """
    keyless = call.subject.streams in ((), ("params",))
    stateless = call.subject.collections == ("params",)
    options: list[dict[str, Any]] = [
        {"axis_size": call.size},
        {"axis_name": "batch"},
        {"spmd_axis_name": "devices"},
        {"methods": ["__call__"]},
        {"by_method": "__call__"},
    ]
    wrappers = _WRAPPERS if keyless else ("remat",)
    nests = [{where: lift} for where in ("inside", "around") for lift in wrappers]
    nests.append({"around": "vmap"})
    if keyless and call.subject.collections:
        options.append({"of": "function"})
        nests += [{"around": "scan"}] if stateless else []
    spellings = [{"spelling": spelling} for spelling in ("together", "all but", "all")]
    return {"options": options, "spellings": spellings, "nests": nests}


def plain(call: ModuleCall) -> Lifted:
    """The Linen module of the call's subject, unmapped."""
    module = linen_modules.CLASSES[call.subject_name]
    return _pure(module(**call.subject.configure(call.sizes)), call)


def _pure(module: nn.Module, call: ModuleCall) -> Lifted:
    updated = [name for name in call.subject.collections if name != "params"]

    def init(rngs: Any, *inputs: Any) -> Any:
        return nn.unbox(module.init(rngs, *inputs))

    def apply(variables: Any, rngs: Any, *inputs: Any) -> Any:
        return module.apply(variables, *inputs, rngs=rngs, mutable=updated)

    def names(rngs: Any, *inputs: Any) -> Any:
        boxed = jax.eval_shape(module.init, rngs, *inputs)["params"]
        return {name: box.names for name, box in boxed.items()}

    return Lifted(init, apply, names)


def source(call: FunctionCall | ModuleCall) -> str:
    axes = call.axes[0]
    options = f"in_axes={axes.in_axes}, out_axes={axes.out_axes}"
    options += "".join(f", {name}={value!r}" for name, value in axes.options)
    if isinstance(call, FunctionCall):
        return f"""
import flax.linen as nn


class Applied(nn.Module):
    def __call__(self, *arguments):
        return function(*arguments)


Lifted = nn.vmap(
    Applied, {options}, variable_axes={{}}, split_rngs={{}}, axis_name={axes.name!r}
)
mapped = lambda *arguments: Lifted().apply({{}}, *arguments)
"""
    definition, name, given = linen_modules.source(call)
    return f"""
{definition}

plain = {name}({given})
lifted = nn.vmap(
    {name},
    {options},
    variable_axes={dict(call.variable_axes)},
    split_rngs={dict(call.split_rngs)},
)({given})
"""


TRANSFORM = Transform(
    "flax.linen.vmap",
    "lifts a Linen module over a batch",
    map_function,
    lift,
    plain,
    missing_stream=flax.errors.InvalidRngError,
    variants=variants,
    source=source,
)
