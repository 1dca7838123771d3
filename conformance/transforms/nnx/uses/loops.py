"""Loops of NNX under a map, and what a map's arguments and results may not be."""

from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import nnx

from conformance.transforms.nnx.lift import read, write
from conformance.transforms.nnx.uses.base import (
    FEATURES,
    OUTPUTS,
    Net,
    Setting,
    Total,
    Use,
    refused,
    state_axes,
    variables,
)

STEPS = 3
"""How many steps a loop takes."""


def _loops(net: Any, x: Any, shared: Any, mode: Any) -> Any:
    """Three loops that carry a module: over inputs, a number of times, and while something holds."""
    transforms: Any = nnx

    def step(net: Any, shared: Any, x: Any) -> Any:
        return net, net(x) + shared

    axes = (transforms.Carry, None, 0)
    net, y = transforms.scan(step, in_axes=axes, out_axes=axes[::2], **mode)(net, shared, x)

    def turn(number: Any, carried: Any) -> Any:
        net, total = carried
        return net, total + number * net(x[0])

    net, total = transforms.fori_loop(0, STEPS, turn, (net, y[0]), **mode)

    def until(carried: Any) -> Any:
        return carried[1] < STEPS

    def again(carried: Any) -> Any:
        net, number = carried
        net(x[1])
        return net, number + 1

    net, number = transforms.while_loop(until, again, (net, 0), **mode)
    return y, total, number


def looped(s: Setting) -> Any:
    """A function scans, counts and loops with the module that is mapped; each loop carries it."""
    x, shared = s.whole(5, s.size, STEPS, FEATURES), s.whole(4)

    def mapped() -> Any:
        net = s.ensemble()
        in_axes = (s.axes_of(net, s.filters()), 0, None)

        def function(net: Any, x: Any, shared: Any) -> Any:
            return _loops(net, x, shared, s.mode)

        return s.map(function, in_axes=in_axes)(net, x, shared), variables(net)

    def one(i: int) -> Any:
        net = s.member(i)
        y = jnp.stack([net(each) + shared for each in x[i]])
        total = y[0]
        for number in range(STEPS):
            total = total + number * net(x[i, 0])
        for _ in range(STEPS):
            net(x[i, 1])
        return (y, total, jnp.asarray(STEPS)), variables(net)

    results, left = s.loop(one)
    return mapped, (results, s.placed(left))


def scanned(s: Setting) -> Any:
    """A function scans a module for each step, along axes from the end, and a total that all steps share."""
    transforms: Any = nnx
    shapes = {"w": (FEATURES, OUTPUTS), "b": (OUTPUTS,), "total": (OUTPUTS,)}
    values = {
        name: s.whole(20 + i, s.size, *shape, STEPS)
        for i, (name, shape) in enumerate(shapes.items())
    }
    xs, start = s.whole(5, s.size, FEATURES, STEPS), s.whole(6, s.size, OUTPUTS)

    def step(carry: Any, net: Any, x: Any, shared: Any) -> Any:
        y = net(x)
        if s.mode:
            # Where the graph is updated, what has no axis cannot be written to.
            write(shared, read(shared) + y)
        return carry + y, y

    def function(net: Any, xs: Any, shared: Any) -> Any:
        def scan(axis: Any) -> Any:
            axes = {
                "in_axes": (transforms.Carry, axis, -1, None),
                "out_axes": (transforms.Carry, -1),
            }
            return transforms.scan(step, **axes, **s.mode)(jnp.zeros(OUTPUTS), net, xs, shared)

        return scan(s.axes_of(net, {...: -1})), scan(-1)

    def mapped() -> Any:
        net, shared = Net(**values), Total(start)
        call = s.map(function, in_axes=(s.axes_of(net, {...: 0}), 0, 0))
        return call(net, xs, shared), variables(net), read(shared)

    ys = jnp.einsum("bfs,bfos->bos", xs, values["w"]) + values["b"]
    each = ys.sum(-1), ys
    after = {**values, "total": values["total"] + 2 * ys}
    return mapped, ((each, each), after, start + 2 * ys.sum(-1) if s.mode else start)


def loop_of_new(s: Setting) -> Any:
    """A loop or a branch gives another module on than it is given, or another state of its variables."""
    transforms: Any = nnx
    split, merge = nnx.split, nnx.merge

    def next_of(net: Any, x: Any) -> Any:
        y = net.encode(x)
        return Net(read(net.w), 2 * read(net.b), read(net.total) + y)

    def next_state(graphdef: Any, state: Any, x: Any) -> Any:
        return split(next_of(merge(graphdef, state), x))[1]

    def called(net: Any, xs: Any) -> Any:
        counted = transforms.fori_loop(0, STEPS, lambda n, net: next_of(net, xs[n]), net)
        graphdef, state = split(net)
        by_state = transforms.fori_loop(
            0, STEPS, lambda n, state: next_state(graphdef, state, xs[n]), state
        )
        axes = (transforms.Carry, 0)
        scanned, _ = transforms.scan(
            lambda state, x: (next_state(graphdef, state, x), x), in_axes=axes, out_axes=axes
        )(state, xs)
        chosen = transforms.cond(
            xs[0, 0] > 0, next_of, lambda net, x: Net(**variables(net)), net, xs[0]
        )
        return [
            variables(each)
            for each in (counted, merge(graphdef, by_state), merge(graphdef, scanned), chosen)
        ]

    xs = s.whole(5, s.size, STEPS, FEATURES)

    def mapped() -> Any:
        net = s.ensemble()
        return s.map(called, in_axes=(s.axes_of(net, s.filters()), 0))(net, xs), variables(net)

    def one(i: int) -> Any:
        net = chosen = s.member(i)
        for x in xs[i]:
            net = next_of(net, x)
        if xs[i, 0, 0] > 0:
            chosen = next_of(chosen, xs[i, 0])
        return [*[variables(net)] * 3, variables(chosen)]

    return mapped, (s.loop(one), variables(s.ensemble()))


def scanned_back(s: Setting) -> Any:
    """A function scans from the end, several steps at once, without a carry, and a number of times alone."""
    transforms: Any = nnx
    w, b = s.whole(20, s.size, STEPS, FEATURES, OUTPUTS), s.whole(21, s.size, STEPS, OUTPUTS)
    total, xs = s.whole(22, s.size, STEPS, OUTPUTS), s.whole(5, s.size, STEPS, FEATURES)

    def step(carry: Any, net: Any, x: Any) -> Any:
        y = 2 * carry + net(x)
        return y, y

    def function(net: Any, xs: Any) -> Any:
        carry, each = transforms.Carry, s.axes_of(net, {...: 0})
        scan = partial(transforms.scan, **s.mode)
        axes = {"in_axes": (carry, each, 0), "out_axes": (carry, 0)}
        back = scan(step, **axes, reverse=True, unroll=2)(jnp.zeros(OUTPUTS), net, xs)
        alone = scan(Net.encode, in_axes=(each, 0), out_axes=0, reverse=True)(net, xs)
        counted = scan(lambda n: 2 * n + 1, in_axes=carry, out_axes=carry, length=STEPS)
        return back, alone, counted(jnp.zeros(()))

    def mapped() -> Any:
        net = Net(w, b, total)
        call = s.map(function, in_axes=(s.axes_of(net, {...: 0}), 0))
        return call(net, xs), variables(net)

    y = jnp.einsum("bsf,bsfo->bso", xs, w) + b
    ys = [y[:, -1]]
    for n in reversed(range(STEPS - 1)):
        ys.insert(0, 2 * ys[0] + y[:, n])
    back = ys[0], jnp.stack(ys, 1)
    counted = jnp.full(s.size, 2.0**STEPS - 1)
    return mapped, ((back, y, counted), {"w": w, "b": b, "total": total + y})


def gradient_of_change(s: Setting) -> Any:
    """A function of which the gradient is taken writes to its module: every form of a gradient keeps that."""
    transforms: Any = nnx

    def function(net: Any, x: Any) -> Any:
        def loss(w: Any, net: Any) -> Any:
            return jnp.sum(w * w * net(x))

        def with_more(w: Any, net: Any) -> Any:
            return loss(w, net), net.encode(x)

        w = jnp.arange(1.0, OUTPUTS + 1)
        return (
            transforms.grad(loss, **s.mode)(w, net),
            transforms.value_and_grad(loss, **s.mode)(w, net),
            transforms.grad(with_more, has_aux=True, **s.mode)(w, net),
            transforms.value_and_grad(with_more, has_aux=True, **s.mode)(w, net),
        )

    def mapped() -> Any:
        net = s.ensemble()
        call = s.map(function, in_axes=(s.axes_of(net, s.filters()), 0))
        return call(net, s.inputs()), variables(net)

    def one(i: int) -> Any:
        net = s.member(i)
        w, (y, *_) = jnp.arange(1.0, OUTPUTS + 1), [net(s.inputs()[i]) for _ in range(4)]
        value, gradient = jnp.sum(w * w * y), 2 * w * y
        each = (gradient, (value, gradient), (gradient, y), ((value, y), gradient))
        return each, variables(net)

    results, left = s.loop(one)
    return mapped, (results, s.placed(left))


def given_back(s: Setting) -> Any:
    """A function returns a variable that it was given: the same one, or an error where none is updated.

    There one that it captures is an error, too.
    """
    both = {"given": np.array(True), "captured": np.array(True)}

    def mapped() -> Any:
        net, other = s.ensemble(), s.member(0).total
        in_axes = (s.axes_of(net, s.filters()), 0)
        call = s.map(lambda net, x: (net(x), net.total), in_axes=in_axes)
        if s.mode:
            capturing = s.map(lambda x: other, in_axes=0)
            inputs = s.inputs()
            given, captured = (
                refused(lambda: call(net, inputs)),
                refused(lambda: capturing(inputs)),
            )
            return {"given": given, "captured": captured}
        y, total = call(net, s.inputs())
        return {"y": y, "same": np.array(total is net.total), **variables(net)}

    return mapped, both if s.mode else {**s.expected(), "same": np.array(True)}


def refused_prefixes(s: Setting) -> Any:
    """A variable is no prefix; nor is a module, or axes by filter, where the mode has no use for them."""
    net = s.member(0)
    prefixes: list[Any] = [nnx.Param(0)]
    if s.mode.get("graph", True):
        prefixes.append(net)
    if s.mode:
        prefixes.append(state_axes({...: 0}))

    def mapped() -> Any:
        inward = [refused(partial(s.map, Net.encode, in_axes=(each, 0))) for each in prefixes]
        outward = [
            refused(partial(s.map, Net.encode, in_axes=0, out_axes=each)) for each in prefixes
        ]
        return inward, outward

    return mapped, ([np.array(True)] * len(prefixes),) * 2


def metadata_set(s: Setting) -> Any:
    """A function sets and changes metadata of variables, and no value: both are there after the call."""
    left = {**variables(s.ensemble()), "notes": np.array([True, True])}

    def mapped() -> Any:
        net = s.ensemble()
        net.w.set_metadata(note="set before")

        def function(net: Any, x: Any) -> Any:
            for each in (net.w, net.b):
                each.set_metadata(note="set within")
            return net.encode(x)

        y = s.map(function, in_axes=(s.axes_of(net, s.filters()), 0))(net, s.inputs())
        notes = [each.get_metadata().get("note") for each in (net.w, net.b)]
        return {"y": y, **variables(net), "notes": np.array([n == "set within" for n in notes])}

    return mapped, {"y": s.expected(encode=True)["y"], **left}


def keyword_behind(s: Setting) -> Any:
    """The input is mapped along axis 1; the module is given by name."""

    def mapped() -> Any:
        # What is given by name is mapped along axis 0 where no graph is updated.
        axis = 0 if s.mode else 1
        net = Net(**{name: jnp.moveaxis(value, 0, axis) for name, value in s.values().items()})
        y = s.map(lambda x, net: net(x), in_axes=1)(s.inputs().T, net=net)
        left = variables(net).items()
        return {"y": y, **s.placed({name: jnp.moveaxis(value, axis, 0) for name, value in left})}

    return mapped, s.expected()


USES: dict[str, Use] = {
    "use.looped": looped,
    "use.scanned": scanned,
    "use.scanned-back": scanned_back,
    "use.loop-of-new": loop_of_new,
    "use.gradient-of-change": gradient_of_change,
    "use.given-back": given_back,
    "use.refused-prefixes": refused_prefixes,
    "use.keyword-behind": keyword_behind,
    "use.metadata-set": metadata_set,
}

NEEDS: dict[str, str] = {
    "use.looped": "0.10.2",
    "use.scanned": "0.10.2",
    "use.scanned-back": "0.10.2",
    # Before, a loop that counts refused it.
    "use.loop-of-new": "0.12.3",
    "use.gradient-of-change": "0.10.2",
    "use.given-back": "0.10.5",
    "use.refused-prefixes": "0.12.7",
    "use.metadata-set": "0.12.2",
}
"""The first release of Flax that has what a use is of, where the oldest has not."""

IN_ONE_WAY: tuple[str, ...] = ("use.loop-of-new",)
"""Uses of which the mode of the map changes nothing: they choose it themselves."""
