"""Modules that are split, called and merged by hand under a map, and maps beside devices and averages."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from conformance.transforms.nnx.lift import read, write
from conformance.transforms.nnx.uses.base import (
    FEATURES,
    MEMBERS,
    Net,
    Setting,
    Total,
    Use,
    has_tracer,
    refused,
    state_axes,
    variables,
)
from conformance.transforms.nnx.uses.state import names_of_axes
from conformance.transforms.nnx.uses.streams import as_it_was, left


class Drawing(Net):
    """A `Net` with a stream of its own, from which it draws in each call."""

    def __init__(self, w: Any, b: Any, total: Any, rngs: Any) -> None:
        super().__init__(w, b, total)
        self.rngs = rngs

    def draw(self, x: Any) -> Any:
        """Give y, and the key that is drawn."""
        return self(x), jax.random.key_data(self.rngs.noise())


def pure_forms(s: Setting) -> Any:
    """Modules are split by kinds, called and merged by hand, under JAX's own map: streams count on."""
    by_hand: Any = nnx
    roots = jax.vmap(jax.random.key)(s.seed % 2**31 + jnp.arange(s.size))

    def of_parts(graph: Any, params: Any, counts: Any, keys: Any, rest: Any, x: Any) -> Any:
        net = nnx.merge(graph, params, counts, keys, rest)
        y = net.draw(x)
        _, _, counts, _, rest = by_hand.split(net, nnx.Param, nnx.RngCount, "noise", ...)
        return y, counts, rest

    def of_tree(tree: Any, x: Any) -> Any:
        first, also = by_hand.from_tree(tree, ctxtag="here", is_inner=True)
        same, y = np.array(first is also["also"]), first(x)
        return by_hand.to_tree((first, also), ctxtag="here"), y, same

    def mapped() -> Any:
        values = s.values()
        net = Drawing(**values, rngs=nnx.Rngs(noise=s.seed))
        graph, params, counts, keys, rest = by_hand.split(
            net, nnx.Param, nnx.RngCount, "noise", ...
        )
        keys = jax.tree_util.tree_map(lambda _: roots, keys)
        axes = (0, None, 0, 0, 0)
        call = jax.vmap(partial(of_parts, graph), axes, ((0, 0), None, 0))
        drawn, counts, rest = call(params, counts, keys, rest, s.inputs())
        nnx.update(net, counts, rest)
        plain = Net(**values)
        graph, state = by_hand.split(plain)
        called = jax.vmap(lambda state, x: by_hand.call((graph, state))(x))
        again, (_, after) = called(state, s.inputs())
        with by_hand.update_context("here"):
            tree = by_hand.to_tree((plain, {"also": plain}), ctxtag="here")
            axes_of_tree = jax.vmap(of_tree, out_axes=(0, 0, None))
            tree, y, same = axes_of_tree(tree, s.inputs())
            one, other = by_hand.from_tree(tree, ctxtag="here", is_inner=False)
        kept = np.array([one is plain, other["also"] is plain, bool(same), not has_tracer(plain)])
        totals = read(net.total), read(after["total"]), read(plain.total)
        return drawn, again, y, kept, totals, left(net.rngs, "noise")

    y, total = s.expected()["y"], s.values()["total"] + s.expected()["y"]
    drawn = jax.vmap(lambda key: jax.random.key_data(jax.random.fold_in(key, 0)))(roots)
    # Its own key was not split.
    after = {"noise": as_it_was(jax.random.key(s.seed), 1)}
    return mapped, ((y, drawn), y, y, np.ones(4, bool), (total,) * 3, after)


def over_mesh(s: Setting) -> Any:
    """A map of members within a map over the devices that hold them, to which they add up their results."""
    transforms: Any = nnx
    count = max(n for n in range(1, jax.device_count() + 1) if s.size % n == 0)
    mesh = jax.sharding.Mesh(np.array(jax.devices()[:count]), (MEMBERS,))
    spec = jax.sharding.PartitionSpec
    along = spec(*[MEMBERS if axis == s.axis else None for axis in range(s.axis + 1)])
    filters = {nnx.Param: along, ...: spec(MEMBERS)}

    def within(net: Any, shared: Any, x: Any) -> Any:
        write(shared, read(shared) + 1)
        call = s.map(lambda net, x: net(x), in_axes=(s.axes_of(net, s.filters()), 0))
        y = call(net, x)
        return y, jax.lax.psum(jnp.sum(y), MEMBERS)

    def mapped() -> Any:
        net, shared = s.ensemble(), Total(jnp.zeros(()))
        of_net = (
            transforms.prefix(net, filters, graph=s.mode.get("graph", True))
            if s.mode
            else transforms.StateSharding(filters)
        )
        over = partial(transforms.shard_map, mesh=mesh, **s.mode)
        specs = {"in_specs": (of_net, spec(), spec(MEMBERS)), "out_specs": (spec(MEMBERS), spec())}
        function = over(within, **specs)
        y = function(net, shared, s.inputs())
        apart = over(
            lambda a, b: read(a) + read(b), in_specs=(spec(), spec(MEMBERS)), out_specs=spec()
        )
        one = Total(jnp.zeros(s.size))
        return y, variables(net), read(shared), refused(partial(apart, one, one))

    def one(i: int) -> Any:
        net = s.member(i)
        return net(s.inputs()[i]), variables(net)

    y, after = s.loop(one)
    return mapped, ((y, jnp.sum(y)), s.placed(after), jnp.ones(()), np.array(True))


class Placed(nnx.Module):
    """Parameters that name axes of a mesh, of which one says which axis of it another name stands for."""

    def __init__(self, w: Any, b: Any) -> None:
        partitioned: Any = nnx.with_partitioning
        rules = {"sharding_rules": (("rows", "in"),)}
        self.w = nnx.Param(partitioned(lambda: w, ("rows", "out"), **rules)())
        self.b = nnx.Param(partitioned(lambda: b, ("out",))())


def named_on_mesh(s: Setting) -> Any:
    """Members that name axes of a mesh are made on it: they lie along these axes and along the new one."""
    names = ("in", "out", MEMBERS)
    how = {"transform_metadata": {nnx.PARTITION_NAME: MEMBERS}}
    w, b = s.values()["w"], s.values()["b"]

    def mapped() -> Any:
        auto = (jax.sharding.AxisType.Auto,) * len(names)
        mesh = jax.make_mesh((1,) * len(names), names, axis_types=auto, devices=jax.devices()[:1])
        axes = state_axes({nnx.PathContains("w"): s.axis, ...: 0})
        on_mesh = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec())
        with jax.set_mesh(mesh):
            given = jax.device_put((w, b), on_mesh)
            made = s.mapping(Placed, in_axes=0, out_axes=axes, **how)(*given)
            y = s.mapping(
                lambda net, x: jnp.dot(x, read(net.w)) + read(net.b), in_axes=(axes, 0), **how
            )(made, s.inputs())
        named = ["rows", "out"]
        named.insert(s.axis, MEMBERS)
        said = [names_of_axes(each) for each in (made.w, made.b)]
        right = [
            said == [tuple(named), (MEMBERS, "out")],
            made.w.sharding_rules == (("rows", "in"),),
        ]
        return read(made.w), read(made.b), y, np.array(right)

    y = np.einsum("bf,bfo->bo", s.inputs(), w) + np.asarray(b)
    return mapped, (jnp.moveaxis(w, 0, s.axis), b, y, np.ones(2, bool))


def averages(s: Setting) -> Any:
    """Members have averages of their variables and several metrics, which a compiled map updates."""
    transforms: Any = nnx
    x = s.inputs()

    def make(values: Any) -> Any:
        net = Net(**values)
        metrics = transforms.MultiMetric(
            first=transforms.metrics.Average("first"), last=transforms.metrics.Average("last")
        )
        return net, transforms.EMA(net, 0.25, only=nnx.Param, **_graph(s)), metrics

    def step(net: Any, average: Any, metrics: Any, x: Any) -> Any:
        y = net(x)
        write(net.b, read(net.b) + 4)
        average.update(net)
        metrics.update(first=jnp.sum(y), last=x)
        return y

    def mapped() -> Any:
        net, average, metrics = s.map(make, in_axes=0)(s.values())
        call = transforms.jit(s.map(step, in_axes=0), **s.mode)
        y = [call(net, average, metrics, x + n) for n in (0, 1)]
        each = [getattr(metrics, name) for name in ("first", "last")]
        counted = [[read(metric.total), read(metric.count)] for metric in each]
        return y, variables(net), read(average.params.b), counted, has_tracer(average)

    w, b, total = (np.asarray(s.values()[name]) for name in ("w", "b", "total"))
    y, average, given = [], b, np.asarray(x)
    for n in (0, 1):
        y.append(np.einsum("bf,bfo->bo", given + n, w) + b)
        b = b + 4
        average = average / 4 + 3 * b / 4
    total = total + y[0] + y[1]
    sums = [each.sum(1) for each in y]
    counts = [np.full(s.size, n, np.int32) for n in (2, 2 * FEATURES)]
    counted = [[sums[0] + sums[1], counts[0]], [(2 * given + 1).sum(1), counts[1]]]
    after = {"w": w, "b": b, "total": total}
    return mapped, (y, after, average, counted, np.array(False))


def _graph(s: Setting) -> dict[str, bool]:
    return {name: value for name, value in s.mode.items() if name == "graph"}


USES: dict[str, Use] = {
    "use.pure-forms": pure_forms,
    "use.over-mesh": over_mesh,
    "use.named-on-mesh": named_on_mesh,
    "use.averages": averages,
}

NEEDS: dict[str, str] = {
    "use.pure-forms": "0.12",
    # Before, no map over devices could be made with jax 0.8.
    "use.over-mesh": "0.12.1",
    "use.named-on-mesh": "0.12.2",
    "use.averages": "0.12.8",
}
"""The first release of Flax that has what a use is of, where the oldest has not."""

IN_ONE_WAY: tuple[str, ...] = ("use.pure-forms", "use.named-on-mesh")
"""Uses of which the mode of the map changes nothing: they choose it themselves."""
