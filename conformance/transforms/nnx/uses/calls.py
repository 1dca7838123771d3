"""How users write a lift and its call."""

import dataclasses
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from conformance.transforms.nnx.lift import read
from conformance.transforms.nnx.uses.base import (
    FEATURES,
    MEMBERS,
    OUTPUTS,
    Net,
    Setting,
    Use,
    refused,
    refused_or,
    variables,
)


def by_keyword(s: Setting) -> Any:
    """The module and its input are given by their names."""

    def mapped() -> Any:
        net = s.ensemble()
        if s.mode:
            # What is given by name is mapped along axis 0 there.
            moved = {name: jnp.moveaxis(value, s.axis, 0) for name, value in variables(net).items()}
            net = Net(**{**moved, "total": read(net.total)})
            y = s.map(lambda net, x: net(x), in_axes=0)(net=net, x=s.inputs())
            return {"y": y, **s.placed(variables(net))}
        in_axes = (s.axes_of(net, s.filters()), 0)
        y = s.map(lambda net, x: net(x), in_axes=in_axes)(x=s.inputs(), net=net)
        return {"y": y, **variables(net)}

    expected = s.expected()
    # nnx.pmap takes no argument by name where it updates the graph, and says so.
    takes_names = s.mapping is nnx.vmap or s.mode
    return mapped if takes_names else (lambda: refused_or(expected, mapped)), expected


def in_trees(s: Setting) -> Any:
    """The module is in a dictionary, with inputs in a list, and the axes are a tree of the same form."""
    shared = s.whole(4, OUTPUTS)

    def mapped() -> Any:
        net = s.ensemble()
        in_axes = ({"net": s.axes_of(net, s.filters()), "rest": [1, None]},)

        def function(tree: Any) -> Any:
            x, z = tree["rest"]
            y = tree["net"](x)
            return {"y": y, "sums": [y + z]}

        out = s.map(function, in_axes=in_axes, out_axes={"y": 0, "sums": [1]})(
            {"net": net, "rest": [s.inputs().T, shared]}
        )
        return {**out, **variables(net)}

    expected = s.expected()
    return mapped, {**expected, "sums": [(expected["y"] + shared).T]}


def shared_result(s: Setting) -> Any:
    """A result that is the same for all examples has `out_axes=None`, also under a gradient."""
    one = s.member(0)

    def mapped() -> Any:
        in_axes = (s.axes_of(one, {...: None}), 0)
        function = s.map(
            lambda net, x: (net.encode(x), jnp.sum(read(net.w))),
            in_axes=in_axes,
            out_axes=(0, None),
        )

        def total(net: Any, x: Any) -> Any:
            y, each = function(net, x)
            return jnp.sum(y) + 3 * each

        y, each = function(one, s.inputs())
        gradient = read(nnx.grad(total)(one, s.inputs())["w"])
        # Devices share what is not mapped, and each gives its part: a third is no whole number.
        return {"y": y, "each": each, "w": jnp.round(8 * gradient) / 8}

    y = s.loop(lambda i: one.encode(s.inputs()[i]))
    gradient = jnp.broadcast_to(s.inputs().sum(0)[:, None], (FEATURES, OUTPUTS)) + 3
    return mapped, {"y": y, "each": read(one.w).sum(), "w": gradient}


def size_alone(s: Setting) -> Any:
    """No argument is mapped: `axis_size` says how many examples there are."""
    one, x = s.member(0), s.inputs()[0]

    def mapped() -> Any:
        in_axes = (s.axes_of(one, {...: None}), None)
        function = s.map(lambda net, x: net.encode(x), in_axes=in_axes, axis_size=s.size)
        return function(one, x)

    return mapped, s.loop(lambda i: one.encode(x))


class Reading(Net):
    """A `Net` whose call writes nothing."""

    def __call__(self, x: Any) -> Any:
        """Give y."""
        return self.encode(x)


def bound_method(s: Setting) -> Any:
    """A bound method, a partial of it and an instance are the function that they are, or refused."""
    one, reading = s.member(0), Reading(**{name: value[0] for name, value in s.values().items()})
    expected = s.loop(lambda i: one.encode(s.inputs()[i]))

    def mapped() -> Any:
        given = one.encode, partial(one.encode), reading

        def call(each: Any) -> Any:
            return s.map(each, in_axes=0)(s.inputs())

        return [refused_or(expected, partial(call, each)) for each in given]

    return mapped, [expected] * 3


class Doubled:
    """A function of a module and an input, which an object that is called holds."""

    def __init__(self, function: Any) -> None:
        self.f = self.function = function

    def __call__(self, net: Any, x: Any) -> Any:
        """Give twice what the function gives."""
        return 2 * self.function(net, x)


def callable_object(s: Setting) -> Any:
    """An object that is called is mapped, whatever its attributes are named."""

    def mapped() -> Any:
        net = s.ensemble()
        in_axes = (s.axes_of(net, s.filters()), 0)
        y = s.map(Doubled(lambda net, x: net(x)), in_axes=in_axes)(net, s.inputs())
        return {"y": y / 2, **variables(net)}

    return mapped, s.expected()


def callable_in_modes(s: Setting) -> Any:
    """The same in each mode in which no graph is updated."""
    modes = ({"graph": False}, {"graph_updates": False})
    each = [callable_object(dataclasses.replace(s, mode=mode)) for mode in modes]
    return lambda: [mapped() for mapped, _ in each], [expected for _, expected in each]


def unbound_method(s: Setting) -> Any:
    """Methods are given by the class: `__call__` updates, another one reads."""

    def mapped() -> Any:
        net = s.ensemble()
        in_axes = (s.axes_of(net, s.filters()), 0)
        read = s.map(Net.encode, in_axes=in_axes)(net, s.inputs())
        y = s.map(Net.__call__, in_axes=in_axes)(net, s.inputs())
        return {"y": y, **variables(net)}, read

    expected = s.expected()
    return mapped, (expected, expected["y"])


def a_class(s: Setting) -> Any:
    """A class is mapped: it makes the members from arrays."""

    def mapped() -> Any:
        out_axes = s.axes_of(s.ensemble(), s.filters())
        return variables(s.map(Net, in_axes=0, out_axes=out_axes)(*s.values().values()))

    return mapped, s.placed(s.loop(lambda i: variables(s.member(i))))


def as_decorator(s: Setting) -> Any:
    """The map is a decorator with arguments, of a function."""

    def mapped() -> Any:
        net = s.ensemble()
        decorate: Any = s.mapping(in_axes=(s.axes_of(net, s.filters()), 0), **s.mode)

        def function(net: Any, x: Any) -> Any:
            return net(x)

        return {"y": decorate(function)(net, s.inputs()), **variables(net)}

    return mapped, s.expected()


def a_list_of_axes(s: Setting) -> Any:
    """`in_axes` is a list, and counts from the end."""

    def mapped() -> Any:
        net = s.ensemble()
        axes = [s.axes_of(net, s.filters()), -1]
        function = s.map(lambda net, x: net(x), in_axes=axes, out_axes=-1)
        return {"y": function(net, s.inputs().T).T, **variables(net)}

    return mapped, s.expected()


def left_out_default(s: Setting) -> Any:
    """An argument that has a default is left out."""

    def mapped() -> Any:
        net = s.ensemble()

        def scaled(net: Any, x: Any, scale: float = 2.0) -> Any:
            return scale * net(x)

        function = s.map(scaled, in_axes=(s.axes_of(net, s.filters()), 0), out_axes=0)
        return {"y": function(net, s.inputs()) / 2, **variables(net)}

    return mapped, s.expected()


def one_axis(s: Setting) -> Any:
    """One axis is given for a whole module, and one for all arguments."""

    def mapped() -> Any:
        net = Net(**s.values())
        function = s.map(lambda net, x: net(x), in_axes=0, out_axes=0)
        return {"y": function(net, s.inputs()), **s.placed(variables(net))}

    return mapped, s.expected()


def pure_state(s: Setting) -> Any:
    """The state is split off, mapped by `jax.vmap` and merged within."""

    def mapped() -> Any:
        split: Any = nnx.split(Net(**s.values()))
        graph, state = split

        def function(state: Any, x: Any) -> Any:
            net: Any = nnx.merge(graph, state)
            y = net(x)
            return y, nnx.state(net)

        y, after = jax.vmap(function)(state, s.inputs())
        net = nnx.merge(graph, after)
        return {"y": y, **s.placed(variables(net))}

    return mapped, s.expected()


def name_of_mesh(s: Setting) -> Any:
    """With `spmd_axis_name`, sharding each example by no name is mapped, and by the same name raises."""
    # One device is enough to be refused.
    mesh = jax.sharding.Mesh(np.array(jax.devices()[:1]), (MEMBERS,))

    def call(name: str | None) -> Any:
        sharding = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec(name))
        net = s.ensemble()

        def function(net: Any, x: Any) -> Any:
            return jax.lax.with_sharding_constraint(net(x), sharding)

        axes = (s.axes_of(net, s.filters()), 0)
        y = s.map(function, in_axes=axes, spmd_axis_name=MEMBERS)(net, s.inputs())
        return {"y": y, **variables(net)}

    def mapped() -> Any:
        return call(None), refused(lambda: call(MEMBERS))

    return mapped, (s.expected(), np.array(True))


USES: dict[str, Use] = {
    "use.by-keyword": by_keyword,
    "use.in-trees": in_trees,
    "use.shared-result": shared_result,
    "use.size-alone": size_alone,
    "use.bound-method": bound_method,
    "use.callable-object": callable_object,
    "use.callable-in-modes": callable_in_modes,
    "use.unbound-method": unbound_method,
    "use.class": a_class,
    "use.as-decorator": as_decorator,
    "use.list-of-axes": a_list_of_axes,
    "use.left-out-default": left_out_default,
    "use.one-axis": one_axis,
    "use.name-of-mesh": name_of_mesh,
    "use.pure-state": pure_state,
}

NEEDS: dict[str, str] = {"use.callable-in-modes": "0.12.7"}
"""The first release of Flax that has what a use is of, where the oldest has not."""

IN_ONE_WAY: tuple[str, ...] = ("use.pure-state", "use.callable-object", "use.callable-in-modes")
"""Uses of which the mode of the map changes nothing: they choose it themselves."""
