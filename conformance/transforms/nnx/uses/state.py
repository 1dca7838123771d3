"""What a call does to the state of modules, and what it leaves behind."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from conformance.transforms.nnx.lift import read, write
from conformance.transforms.nnx.uses.base import (
    MEMBERS,
    OUTPUTS,
    Net,
    Setting,
    Total,
    Use,
    has_tracer,
    raises,
    state_axes,
    variables,
)


def _step(net: Any, x: Any) -> Any:
    """Call a `Net`, which changes its total, and change a parameter, whose axis is another one."""
    y = net(x)
    write(net.w, read(net.w) + 1)
    return y


def _axes_apart(s: Setting) -> dict[Any, Any]:
    """Axes of parameters and of the total, of which one is always behind."""
    return {nnx.Param: s.axis, ...: 1 - s.axis}


def _apart(s: Setting, tree: dict[str, Any]) -> dict[str, Any]:
    """Variables that are stacked in front, along these axes."""
    return {**s.placed(tree), "total": jnp.moveaxis(tree["total"], 0, 1 - s.axis)}


def second_call(s: Setting) -> Any:
    """A map is called twice: the second call starts from the state that the first one left."""

    def mapped() -> Any:
        net = Net(**_apart(s, s.values()))
        function = s.map(_step, in_axes=(s.axes_of(net, _axes_apart(s)), 0))
        first, second = function(net, s.inputs()), function(net, s.inputs() + 1)
        return {"y": [first, second], **variables(net)}

    def one(i: int) -> Any:
        net = s.member(i)
        y = [_step(net, s.inputs()[i]), _step(net, s.inputs()[i] + 1)]
        return {"y": y, **variables(net)}

    return mapped, _apart(s, s.loop(one))


def twice_inside(s: Setting) -> Any:
    """Two maps of one module are called within one compiled function."""
    jit: Any = nnx.jit

    def mapped() -> Any:
        net = Net(**_apart(s, s.values()))
        in_axes = (s.axes_of(net, _axes_apart(s)), 0)

        def both(net: Any, x: Any) -> Any:
            function = s.map(_step, in_axes=in_axes)
            return [function(net, x), function(net, x + 1)]

        return {"y": jit(both, **s.mode)(net, s.inputs()), **variables(net)}

    return mapped, second_call(s)[1]


def read_by_closure(s: Setting) -> Any:
    """A module that a function captures may be read."""
    one = s.member(0)

    def reading(x: Any) -> Any:
        return one.encode(x)

    def mapped() -> Any:
        return s.map(reading, in_axes=0)(s.inputs())

    return mapped, s.loop(lambda i: one.encode(s.inputs()[i]))


def written_by_closure(s: Setting) -> Any:
    """A write to a module that a function captures raises; the module stays as it was."""

    def mapped() -> Any:
        net = s.member(0)

        def writing(x: Any) -> Any:
            return net(x)

        refused = raises(lambda: s.map(writing, in_axes=0)(s.inputs()))
        return {"raises": refused, "tracer": has_tracer(net), **variables(net)}

    unchanged = variables(s.member(0))
    return mapped, {"raises": np.array(True), "tracer": np.array(False), **unchanged}


def error_inside(s: Setting) -> Any:
    """After a function that writes and then raises, the module is as it was, and can be mapped."""

    def mapped() -> Any:
        net = s.ensemble()
        in_axes = (s.axes_of(net, s.filters()), 0)

        def fails(net: Any, x: Any) -> Any:
            net(x)
            raise ZeroDivisionError

        refused = raises(lambda: s.map(fails, in_axes=in_axes)(net, s.inputs()))
        left = {"raises": refused, "tracer": has_tracer(net)}
        y = s.map(lambda net, x: net(x), in_axes=in_axes)(net, s.inputs())
        return {**left, "y": y, **variables(net)}

    return mapped, {"raises": np.array(True), "tracer": np.array(False), **s.expected()}


class Named(nnx.Module):
    """A parameter that says what its axes are called, and has a mark of its own."""

    def __init__(self, w: Any, *names: Any) -> None:
        # Since flax 0.12 a variable would be placed on a mesh at once; there is none here.
        later: dict[str, Any] = (
            {"eager_sharding": False} if hasattr(nnx, "use_eager_sharding") else {}
        )
        draw = nnx.with_partitioning(lambda: w, names, **later)
        self.w = nnx.Param(draw(), mark=3)


def names_of_axes(variable: Any) -> tuple[Any, ...]:
    """What the axes of a variable are called: the attribute has had three names."""
    said = (
        getattr(variable, each, None) for each in ("out_sharding", "sharding_names", "sharding")
    )
    return next((tuple(each) for each in said if each is not None), ())


def metadata(s: Setting) -> Any:
    """Metadata is that of one member within the map, and what it was after the call."""
    within = []

    def mapped() -> Any:
        net = Named(s.values()["w"], MEMBERS, "in", "out")

        def function(net: Any) -> Any:
            within.append(names_of_axes(net.w) == ("in", "out") and net.w.mark == 3)
            write(net.w, read(net.w) + 1)
            return jnp.sum(read(net.w))

        how = {"transform_metadata": {nnx.PARTITION_NAME: MEMBERS}}
        sums = s.mapping(function, in_axes=(state_axes({...: 0}),), **how)(net)
        after = names_of_axes(net.w) == (MEMBERS, "in", "out") and net.w.mark == 3
        return {"sums": sums, "within": np.array(all(within)), "after": np.array(after)}

    sums = s.loop(lambda i: jnp.sum(s.values()["w"][i] + 1))
    return mapped, {"sums": sums, "within": np.array(True), "after": np.array(True)}


def metrics(s: Setting) -> Any:
    """Metrics are updated for each member by itself."""
    values = s.whole(5, s.size, 4)

    def mapped() -> Any:
        made = s.map(lambda _: nnx.metrics.Average(), in_axes=0, out_axes=0)(jnp.zeros(s.size))
        update = s.map(lambda metric, v: metric.update(values=v), in_axes=(0, 0))
        update(made, values)
        update(made, values + 1)
        return {"total": read(made.total), "count": read(made.count)}

    def one(i: int) -> Any:
        metric = nnx.metrics.Average()
        metric.update(values=values[i])
        metric.update(values=values[i] + 1)
        return {"total": read(metric.total), "count": read(metric.count)}

    return mapped, s.loop(one)


def nested_maps(s: Setting) -> Any:
    """Two maps: the outer one of members, the inner one of examples that share a member."""

    def inner(net: Any, xs: Any) -> Any:
        shared = (s.axes_of(net, {...: None}), 0)
        return s.map(lambda net, x: net.encode(x), in_axes=shared)(net, xs)

    def mapped() -> Any:
        net = s.ensemble()
        return s.map(inner, in_axes=(s.axes_of(net, s.filters()), None))(net, s.inputs())

    def one(i: int) -> Any:
        return jnp.stack([s.member(i).encode(x) for x in s.inputs()])

    return mapped, s.loop(one)


class Tied(nnx.Module):
    """Two names of one submodule, and one of a variable of it."""

    def __init__(self, net: Net) -> None:
        self.first, self.second, self.w = net, net, net.w

    def __call__(self, x: Any) -> Any:
        """Give what both give, one after the other."""
        return self.first(x) + self.second(x) + jnp.sum(read(self.w))


def tied(s: Setting) -> Any:
    """A submodule with two names is one, within a map and after it."""

    def mapped() -> Any:
        make = lambda *given: Tied(Net(*given))  # noqa: E731 (it takes what the class takes)
        made = s.mapping(make, in_axes=0, out_axes=state_axes(s.filters()))(*s.values().values())
        one = np.array(made.first is made.second and made.w is made.first.w)
        y = s.mapping(lambda net, x: net(x), in_axes=(state_axes(s.filters()), 0))(made, s.inputs())
        return {"one": one, "y": y, **variables(made.first)}

    def one(i: int) -> Any:
        net = s.member(i)
        return {"y": Tied(net)(s.inputs()[i]), **variables(net)}

    return mapped, {"one": np.array(True), **s.placed(s.loop(one))}


def returned(s: Setting) -> Any:
    """A function makes another module from the one it is given, and returns it; also one for all members."""

    def mapped() -> Any:
        net = s.ensemble()
        axes = s.axes_of(net, s.filters())

        def function(net: Any, x: Any) -> Any:
            y = net(x)
            return Net(read(net.w) + 1, read(net.b), read(net.total) - y), y

        other, y = s.map(function, in_axes=(axes, 0), out_axes=(axes, 0))(net, s.inputs())
        same = s.map(lambda x: s.member(1), in_axes=0, out_axes=None)(s.inputs())
        return {"y": y, **variables(net)}, variables(other), variables(same)

    expected, before = s.expected(), s.ensemble()
    other = {**variables(before), "w": read(before.w) + 1}
    return mapped, (expected, other, variables(s.member(1)))


class Sowing(Net):
    """A `Net` that sows its output."""

    def __call__(self, x: Any) -> Any:
        """Give y, and sow it."""
        y = super().__call__(x)
        self.sow(nnx.Intermediate, "given", y)
        return y


def sown(s: Setting) -> Any:
    """What a module sows within a map is stacked for all members, and popped after the call."""

    def mapped() -> Any:
        net = Sowing(**s.values())
        function = s.mapping(lambda net, x: net(x), in_axes=(state_axes({...: 0}), 0))
        y = function(net, s.inputs())
        state: Any = nnx.pop(net, nnx.Intermediate)
        (given,) = jax.tree_util.tree_leaves(state)
        return {"y": y, "given": given}

    y = s.expected()["y"]
    return mapped, {"y": y, "given": y}


def gradients(s: Setting) -> Any:
    """A gradient by a shared module within the map is each example's; around the map it is their sum."""
    one, weights = s.member(0), s.whole(6, OUTPUTS)

    def loss(net: Any, x: Any) -> Any:
        return jnp.sum(net.encode(x) * weights)

    def mapped() -> Any:
        shared = (s.axes_of(one, {...: None}), 0)
        each = s.map(lambda net, x: read(nnx.grad(loss)(net, x)["w"]), in_axes=shared)
        whole = nnx.grad(lambda net, x: jnp.sum(s.map(loss, in_axes=shared)(net, x)))
        return {"each": each(one, s.inputs()), "sum": read(whole(one, s.inputs())["w"])}

    each = s.loop(lambda i: jnp.outer(s.inputs()[i], weights))
    return mapped, {"each": each, "sum": each.sum(0)}


def a_variable(s: Setting) -> Any:
    """A variable by itself is an argument: it is mapped, and written to."""

    def mapped() -> Any:
        total = Total(s.values()["total"])

        def function(total: Any, y: Any) -> Any:
            write(total, read(total) + y)
            return 2 * read(total)

        return s.map(function, in_axes=(0, 0))(total, s.values()["b"]), read(total)

    after = s.values()["total"] + s.values()["b"]
    return mapped, (2 * after, after)


def by_path(s: Setting) -> Any:
    """Axes are chosen by the path of a variable, before its type."""

    def mapped() -> Any:
        values = s.values()
        net = Net(jnp.moveaxis(values["w"], 0, 2), values["b"], values["total"][0])
        filters = {nnx.PathContains("w"): 2, nnx.Param: 0, ...: None}
        return s.map(Net.encode, in_axes=(s.axes_of(net, filters), 0))(net, s.inputs())

    return mapped, s.expected()["y"]


USES: dict[str, Use] = {
    "use.second-call": second_call,
    "use.twice-inside": twice_inside,
    "use.read-by-closure": read_by_closure,
    "use.written-by-closure": written_by_closure,
    "use.error-inside": error_inside,
    "use.metadata": metadata,
    "use.metrics": metrics,
    "use.nested-maps": nested_maps,
    "use.tied": tied,
    "use.returned": returned,
    "use.sown": sown,
    "use.gradients": gradients,
    "use.variable": a_variable,
    "use.by-path": by_path,
}

IN_ONE_WAY: tuple[str, ...] = (
    "use.metadata",
    "use.tied",
    "use.sown",
)
"""Uses of which the mode of the map changes nothing: they choose it themselves."""
