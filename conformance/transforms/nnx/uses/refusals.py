"""What NNX's lifts refuse within a map and beside it: axes, bound methods, captured parts, aliases."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from conformance.transforms.nnx.lift import read, write
from conformance.transforms.nnx.uses.base import (
    OUTPUTS,
    Setting,
    Total,
    Use,
    refused,
    state_axes,
    variables,
)
from conformance.transforms.nnx.uses.graph import Holder
from conformance.transforms.nnx.uses.streams import left

AXES: dict[str, tuple[Any, Any]] = {
    "in a tree": (({"a": nnx.Carry}, 0), (nnx.Carry, 0)),
    "in a tree of results": ((nnx.Carry, 0), ({"a": nnx.Carry}, 0)),
    "twice": ((nnx.Carry, nnx.Carry), (nnx.Carry, 0)),
    "given alone": ((nnx.Carry, 0), (0, 0)),
    "taken alone": ((0, 0), (nnx.Carry, 0)),
    "a result of all": ((nnx.Carry, 0), (nnx.Carry, None)),
}
"""Axes that no scan can have."""


def refused_scans(s: Setting) -> Any:
    """Scans within a map refuse a carry in a tree, twice or on one side alone, and results of all steps."""
    transforms: Any = nnx

    def called(x: Any) -> Any:
        def call(in_axes: Any, out_axes: Any) -> Any:
            scan = transforms.scan(
                lambda carry, x: (carry, x), in_axes=in_axes, out_axes=out_axes, **s.mode
            )
            return scan({"a": x} if isinstance(in_axes[0], dict) else x, jnp.stack([x, x]))

        return {name: x * refused(partial(call, *axes)) for name, axes in AXES.items()}

    x = s.whole(6, s.size, 2)
    return lambda: s.map(called, in_axes=0)(x), dict.fromkeys(AXES, x)


def refused_methods(s: Setting) -> Any:
    """Every lift refuses a bound method, whose module would be captured."""
    transforms: Any = nnx
    mesh = jax.sharding.Mesh(np.array(jax.devices()[:1]), (MESH,))
    names = ("jit", "remat", "grad", "value_and_grad", "custom_vjp", "checkify", "eval_shape")
    lifts: dict[str, Callable[..., Any]] = {name: getattr(transforms, name) for name in names}
    lifts["scan"] = partial(transforms.scan, in_axes=0, out_axes=0)
    specs = {"in_specs": jax.sharding.PartitionSpec(), "out_specs": jax.sharding.PartitionSpec()}
    lifts["shard_map"] = partial(transforms.shard_map, mesh=mesh, **specs)

    def mapped() -> Any:
        method = s.member(0).encode
        given = {"eval_shape": (s.inputs()[0],)}
        return {
            name: refused(partial(lift, method, *given.get(name, ()), **s.mode))
            for name, lift in lifts.items()
        }

    return mapped, dict.fromkeys(lifts, np.array(True))


MESH = "members"
"""What the axis of a mesh of one device is called."""


def _one_of_two(transforms: Any, mode: Any) -> dict[str, Callable[[Any], Any]]:
    """Calls that are given one variable in two ways, which they have to refuse."""
    carry = (transforms.Carry, 0)
    scan = transforms.scan(lambda a, b: (a, read(b)), in_axes=carry, out_axes=carry, **mode)
    grad = transforms.grad(lambda a, b: jnp.sum(read(a) * read(b)), **mode)
    return {"scan": lambda v: scan(v, v), "grad": lambda v: grad(v, v)}


def refused_aliases(s: Setting) -> Any:
    """Within a map and in it, one variable is not given in two ways, nor a captured module given back."""
    transforms: Any = nnx
    whole = s.whole(5, s.size, OUTPUTS, 2)

    def called(total: Any) -> Any:
        # Where the graph is updated, a gradient takes one variable in two ways as two.
        ways = _one_of_two(transforms, s.mode)
        ways = ways if s.mode else {"scan": ways["scan"]}
        return {
            name: jnp.sum(total) * refused(partial(way, Total(total))) for name, way in ways.items()
        }

    def mapped() -> Any:
        net, total = s.member(0), Total(whole[0])
        holder = Holder(net)
        rngs = nnx.Rngs(noise=s.seed)
        ways: dict[str, Callable[[], Any]] = {
            "captured": partial(s.map(lambda x: net, in_axes=0), s.inputs()),
            "of a part": partial(s.map(lambda x: (x, holder.net.total), in_axes=0), s.inputs()),
            "drawn": partial(s.map(lambda x: (x, rngs.noise()), in_axes=0), s.inputs()),
        }
        raised = {name: _raised(way) for name, way in ways.items()}
        within = s.map(called, in_axes=0)(whole)
        return raised, within, variables(net), left(rngs, "noise"), read(total)

    names = ["scan", *(["grad"] if s.mode else [])]
    net = s.member(0)
    yes = dict.fromkeys(("captured", "of a part", "drawn"), np.array(True))
    sums = np.asarray(whole).sum((1, 2))
    after = variables(net), left(nnx.Rngs(noise=s.seed), "noise"), whole[0]
    return mapped, (yes, dict.fromkeys(names, sums), *after)


def _raised(function: Callable[[], Any]) -> Any:
    try:
        function()
    except Exception:
        return np.array(True)
    return np.array(False)


class Counted(nnx.Module):
    """A total that all examples share, and one for each of them."""

    def __init__(self, shared: Any, own: Any) -> None:
        self.shared, self.own = Total(shared), nnx.BatchStat(own)


def refused_writes(s: Setting) -> Any:
    """What all examples share may be written to alike by all, and not by each of them in another way."""
    xs = s.whole(6, s.size) + jnp.arange(s.size) * 10

    def alike(module: Any, x: Any) -> Any:
        write(module.shared, read(module.shared) + 1)
        write(module.own, read(module.own) + x)
        return 2 * x

    def apart(module: Any, x: Any) -> Any:
        transforms: Any = nnx

        def first(module: Any) -> None:
            write(module.shared, read(module.shared) + 1)

        transforms.cond(x > 0, first, lambda module: None, module, **s.mode)

    def mapped() -> Any:
        module = Counted(jnp.ones(()), s.whole(7, s.size))
        axes = s.axes_of(module, {Total: None, ...: 0})
        y = s.map(alike, in_axes=(axes, 0))(module, xs)
        is_refused = refused(partial(s.map(apart, in_axes=(axes, 0), out_axes=None), module, xs))
        return y, is_refused, read(module.shared), read(module.own)

    own = s.whole(7, s.size) + xs
    return mapped, (2 * xs, np.array(True), jnp.full((), 2.0), own)


def _of_layer(path: Any, _: Any) -> bool:
    return path[-1] in ("w", "b")


def axes_alike(s: Setting) -> Any:
    """One module is given several times, with axes that are the same however they are written."""
    transforms: Any = nnx

    def called(*given: Any) -> Any:
        *nets, x = given
        same = all(each is nets[0] for each in nets)
        return [each(x) for each in nets], np.array(same)

    def mapped() -> Any:
        net = s.ensemble()
        ways: tuple[Any, ...] = (
            {nnx.Param: s.axis, ...: 0},
            {(nnx.Param, nnx.RngState): s.axis, Total: 0},
            {_of_layer: s.axis, nnx.Not(nnx.Param): 0},
        )
        given = (net,) * len(ways)
        axes = transforms.prefix(given, ways[-1], graph=True) if s.mode else map(state_axes, ways)
        call = s.map(called, in_axes=(*axes, 0), out_axes=(0, None))
        return call(*given, s.inputs()), variables(net)

    if not s.mode.get("graph", True):
        return lambda: refused(
            partial(s.map(called, in_axes=0), *[s.ensemble()] * 2, s.inputs())
        ), (np.array(True))

    def one(i: int) -> Any:
        net = s.member(i)
        return [net(s.inputs()[i]) for _ in range(3)], variables(net)

    y, after = s.loop(one)
    return mapped, ((y, np.array(True)), s.placed(after))


USES: dict[str, Use] = {
    "use.refused-scans": refused_scans,
    "use.refused-methods": refused_methods,
    "use.refused-aliases": refused_aliases,
    "use.refused-writes": refused_writes,
    "use.axes-alike": axes_alike,
}

NEEDS: dict[str, str] = dict.fromkeys(USES, "0.12.2")
"""The first release of Flax that has what a use is of, where the oldest has not."""
