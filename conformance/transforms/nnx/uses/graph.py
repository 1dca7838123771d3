"""What a map does to the graph of modules: variables that come and go, axes by kind, shared submodules."""

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
    Net,
    Setting,
    Total,
    Use,
    has_tracer,
    raises,
    state_axes,
    variables,
)

BOUND_IS_REFUSED = (0, 12, 2)
"""Since this release of Flax a bound method is refused: it would be mapped as a function of its module."""


def bound_is_refused(s: Setting) -> Any:
    """A bound method, and a partial of one, raise ValueError: nothing says what axes its module has."""
    one = s.member(0)

    def is_refused(method: Any) -> Any:
        try:
            s.map(method, in_axes=0)
        except ValueError:
            return np.array(True)
        return np.array(False)

    return lambda: [is_refused(each) for each in (one.encode, partial(one.encode))], [
        np.array(True)
    ] * 2


class Grown(Net):
    """A `Net` whose first call adds a variable, and takes one away."""

    def __init__(self, w: Any, b: Any, total: Any) -> None:
        super().__init__(w, b, total)
        self.calls, self.spare = 0, Total(total)

    def __call__(self, x: Any) -> Any:
        """Give y, and keep x."""
        self.calls += 1
        if self.calls == 1:
            self.kept = Total(x + read(self.spare)[0])
            del self.spare
        else:
            write(self.kept, read(self.kept) * 2 + x)
        return super().__call__(x)


def left_by(net: Any) -> dict[str, Any]:
    """What calls of a `Grown` leave in it."""
    return {
        "kept": read(net.kept),
        "calls": np.array(net.calls),
        "spare": np.array(hasattr(net, "spare")),
        **variables(net),
    }


def grown(s: Setting) -> Any:
    """What a function adds to a module, takes from it and counts in it is there, or gone, after the call."""

    def mapped() -> Any:
        net = Grown(**s.placed(s.values()))
        function = s.mapping(lambda net, x: net(x), in_axes=(state_axes(s.filters()), 0))
        y = [function(net, s.inputs()), function(net, s.inputs() + 1)]
        return {"y": y, **left_by(net)}

    def one(i: int) -> Any:
        net = Grown(**{name: value[i] for name, value in s.values().items()})
        y = [net(s.inputs()[i]), net(s.inputs()[i] + 1)]
        return {"y": y, **left_by(net)}

    expected = s.placed(s.loop(one))
    plain = {"calls": np.array(2), "spare": np.array(False)}
    return mapped, {**expected, **plain}


class Kinds(nnx.Module):
    """Variables of several kinds."""

    def __init__(self, w: Any, b: Any, last: Any, total: Any) -> None:
        self.w, self.b = nnx.Param(w), nnx.Param(b)
        self.last, self.total = nnx.BatchStat(last), Total(total)

    def __call__(self, x: Any) -> Any:
        """Give y, keep it as the last one, and add it to the total."""
        y = jnp.dot(x, read(self.w)) + read(self.b) - read(self.last)
        write(self.last, y)
        write(self.total, read(self.total) + y)
        return y


def of_kinds(module: Any) -> dict[str, Any]:
    """The values of a `Kinds`' variables."""
    return {name: read(getattr(module, name)) for name in ("w", "b", "last", "total")}


def several_filters(s: Setting) -> Any:
    """Shared parameters, statistics and a total along axes of their own, each chosen by a filter."""
    values = {**s.values(), "last": s.whole(7, s.size, OUTPUTS)}
    values = {**values, "w": values["w"][0], "total": values["total"]}
    behind: Callable[[Any], Any] = lambda value: jnp.moveaxis(value, 0, 1)  # noqa: E731 (used as a value)

    def placed(tree: Any) -> Any:
        return {**tree, "total": behind(tree["total"]), "b": behind(tree["b"])}

    def mapped() -> Any:
        module = Kinds(**placed(values))
        whole: Any = nnx.All(nnx.Param, nnx.PathContains("w"))
        filters = {whole: None, nnx.BatchStat: 0, nnx.Any(Total, nnx.Param): 1, ...: None}
        axes = s.axes_of(module, filters)

        def function(module: Any, x: Any) -> Any:
            y = module(x)
            return y, Kinds(read(module.w) + 1, y, read(module.b), y + 1)

        out_axes = (0, s.axes_of(module, filters))
        y, other = s.map(function, in_axes=(axes, 1), out_axes=out_axes)(module, s.inputs().T)
        return y, of_kinds(module), of_kinds(other)

    def one(i: int) -> Any:
        own = {name: value if name == "w" else value[i] for name, value in values.items()}
        module = Kinds(**own)
        b, y = read(module.b), module(s.inputs()[i])
        other = {"w": read(module.w) + 1, "b": y, "last": b, "total": y + 1}
        return y, of_kinds(module), other

    y, after, other = s.loop(one)
    shared = [{**placed(tree), "w": tree["w"][0]} for tree in (after, other)]
    return mapped, (y, *shared)


def from_the_end(s: Setting) -> Any:
    """Axes of variables, inputs and results are counted from the end."""

    def mapped() -> Any:
        values = s.values()
        net = Net(
            jnp.moveaxis(values["w"], 0, -1),
            jnp.moveaxis(values["b"], 0, -1),
            jnp.moveaxis(values["total"], 0, -2),
        )
        axes = s.axes_of(net, {nnx.Param: -1, ...: -2})
        y = s.map(lambda net, x: net(x), in_axes=(axes, -2), out_axes=-1)(net, s.inputs())
        return {"y": y, **variables(net)}

    expected = s.placed_in_front(s.expected())
    moved = {name: jnp.moveaxis(expected[name], 0, -1) for name in ("y", "w", "b")}
    return mapped, {**expected, **moved}


class Holder(nnx.Module):
    """A module that holds another one."""

    def __init__(self, net: Net) -> None:
        self.net = net


def shared_argument(s: Setting) -> Any:
    """A module, and another argument that it holds, are one within: a write by either is seen by both."""

    def mapped() -> Any:
        net = s.ensemble()
        holder = Holder(net)
        axes = state_axes(s.filters())

        def function(holder: Any, net: Any, x: Any) -> Any:
            y = holder.net(x)
            return net(x) + read(holder.net.total), y, np.array(holder.net is net)

        function = s.mapping(function, in_axes=(axes, axes, 0), out_axes=(0, 0, None))
        result = function(holder, net, s.inputs())
        return result, np.array(holder.net is net), variables(net)

    def one(i: int) -> Any:
        net, x = s.member(i), s.inputs()[i]
        first = net(x)
        second = net(x)
        return (second + read(net.total), first), variables(net)

    (both, after), yes = s.loop(one), np.array(True)
    return mapped, ((*both, yes), yes, s.placed(after))


def training_step(s: Setting) -> Any:
    """Each member of an ensemble takes two steps down its own gradient, under one map."""

    def step(net: Any, x: Any) -> Any:
        loss: Any = lambda net: jnp.sum(net(x))  # noqa: E731 (it captures the example)
        gradient = nnx.grad(loss)(net)
        write(net.w, read(net.w) - read(gradient["w"]))
        write(net.b, read(net.b) - 2 * read(gradient["b"]))
        return read(net.w)

    def mapped() -> Any:
        net = s.ensemble()
        jit: Any = nnx.jit
        function = jit(s.mapping(step, in_axes=(state_axes(s.filters()), 0)))
        return [function(net, s.inputs()), function(net, s.inputs() + 1)], variables(net)

    def one(i: int) -> Any:
        net = s.member(i)
        return [step(net, s.inputs()[i]), step(net, s.inputs()[i] + 1)], variables(net)

    steps, after = s.loop(one)
    return mapped, (steps, s.placed(after))


def state_argument(s: Setting) -> Any:
    """The state of a module is an argument of the map itself, and merged within."""

    def mapped() -> Any:
        split: Any = nnx.split(Net(**s.values()))
        graph, state = split

        def function(state: Any, x: Any) -> Any:
            net: Any = nnx.merge(graph, state)
            y = net(x)
            return y, read(net.total)

        y, total = s.map(function, in_axes=(0, 0))(state, s.inputs())
        return y, total

    expected = s.expected()
    return mapped, (expected["y"], expected["total"])


def changed_by_closure(s: Setting) -> Any:
    """A function changes a variable or a module that it captures, in several ways: each raises."""

    def mapped() -> Any:
        total, net = Total(s.whole(5, OUTPUTS)), s.member(0)

        def by_jit(x: Any) -> None:
            jit: Any = nnx.jit
            jit(lambda x: write(total, read(total) + x[0]))(x)

        ways: dict[str, Any] = {
            "variable": lambda x: write(total, read(total) + x[0]),
            "constant": lambda x: write(total, jnp.zeros(OUTPUTS)),
            "new": lambda x: setattr(net, "new", Total(x)),
            "static": lambda x: setattr(net, "static", 3),
            "compiled": by_jit,
        }

        def changing(change: Any, x: Any) -> Any:
            change(x)
            return x

        def is_refused(change: Any) -> Any:
            return raises(lambda: s.map(partial(changing, change), in_axes=0)(s.inputs()))

        refused = {name: is_refused(change) for name, change in ways.items()}
        left = [np.array(hasattr(net, name)) for name in ("new", "static")]
        # It can be used again.
        y = s.map(lambda x: net.encode(x) + read(total), in_axes=0)(s.inputs())
        return refused, left, has_tracer(net), read(total), variables(net), y

    total, net = s.whole(5, OUTPUTS), s.member(0)
    yes, no = np.array(True), np.array(False)
    names = ("variable", "constant", "new", "static", "compiled")
    y = s.loop(lambda i: net.encode(s.inputs()[i]) + total)
    return mapped, (dict.fromkeys(names, yes), [no, no], no, total, variables(net), y)


def updated_by_closure(s: Setting) -> Any:
    """`nnx.update` of a module that a function captures raises; the module stays as it was."""

    def mapped() -> Any:
        net = s.member(0)

        def updating(x: Any) -> Any:
            nnx.update(net, jax.tree_util.tree_map(lambda leaf: leaf + x[0], nnx.state(net)))
            return x

        refused = raises(lambda: s.map(updating, in_axes=0)(s.inputs()))
        tracer = has_tracer(net)
        # A tracer has no value that could be compared.
        return {"raises": refused, "tracer": tracer, **(unchanged if tracer else variables(net))}

    unchanged = variables(s.member(0))
    return mapped, {"raises": np.array(True), "tracer": np.array(False), **unchanged}


def same_state_after_error(s: Setting) -> Any:
    """Where a function changes a module of which a part is shared and then raises, all is as it was."""

    def mapped() -> Any:
        one = s.member(0)
        holder = Holder(one)

        def fails(holder: Any, x: Any) -> Any:
            holder.net.b = Total(x)
            holder.other = Total(x)
            write(holder.net.w, read(holder.net.w) + 1)
            raise ZeroDivisionError

        axes = state_axes({...: None})
        refused = raises(lambda: s.mapping(fails, in_axes=(axes, 0))(holder, s.inputs()))
        left = np.array([hasattr(holder, "other"), holder.net is one, type(one.b) is nnx.Param])
        return refused, left, has_tracer(holder), variables(one)

    expected = np.array([False, True, True]), np.array(False), variables(s.member(0))
    return mapped, (np.array(True), *expected)


USES: dict[str, Use] = {
    "use.bound-is-refused": bound_is_refused,
    "use.grown": grown,
    "use.several-filters": several_filters,
    "use.from-the-end": from_the_end,
    "use.shared-argument": shared_argument,
    "use.training-step": training_step,
    "use.state-argument": state_argument,
    "use.changed-by-closure": changed_by_closure,
    "use.updated-by-closure": updated_by_closure,
    "use.state-after-error": same_state_after_error,
}

NEEDS: dict[str, str] = {
    "use.bound-is-refused": ".".join(map(str, BOUND_IS_REFUSED)),
    "use.changed-by-closure": "0.10.5",
}
"""The first release of Flax that has what a use is of, where the oldest has not."""

IN_ONE_WAY: tuple[str, ...] = (
    "use.grown",
    "use.shared-argument",
    "use.training-step",
    "use.state-after-error",
)
"""Uses of which the mode of the map changes nothing: they choose it themselves."""
