"""What a function does under a map with copies of variables, with None, and by sowing in a scan."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from conformance.transforms.nnx.lift import read, write
from conformance.transforms.nnx.uses.base import (
    FEATURES,
    OUTPUTS,
    Setting,
    Total,
    Use,
    state_axes,
    variables,
)
from conformance.transforms.nnx.uses.loops import STEPS


def copies_of_variables(s: Setting) -> Any:
    """Copies of a variable, made in several ways, have values and metadata of their own."""
    said = ["replaced", "copied", "tree", "cloned", "merged"]

    def called(net: Any, x: Any) -> Any:
        own: Any = net.w
        replaced = own.replace(read(own) + 1, by="replaced")
        graphdef, state = nnx.split(net)
        copies = [
            own.copy(),
            jax.tree_util.tree_map(lambda leaf: leaf, own),
            nnx.clone(net).w,
            nnx.merge(graphdef, state, copy=True).w,
        ]
        for each, by in zip(copies, said[1:], strict=True):
            each.set_metadata(by=by)
            write(each, 2 * read(each))
        right = [each.by for each in (own, replaced, *copies)] == ["own", *said]
        return net(x), [read(each) for each in (replaced, *copies)], np.array(right)

    def mapped() -> Any:
        net: Any = s.ensemble()
        net.w = nnx.Param(read(net.w), by="own")
        call = s.map(called, in_axes=(s.axes_of(net, s.filters()), 0))
        given, after = call(net, s.inputs()), net.w.copy(by="after")
        right = [each.by for each in (net.w, after)] == ["own", "after"]
        return given, np.array(right), variables(net)

    def one(i: int) -> Any:
        net = s.member(i)
        w = read(net.w)
        return (net(s.inputs()[i]), [w + 1, *[2 * w] * 4], np.array(True)), variables(net)

    given, left = s.loop(one)
    return mapped, (given, np.array(True), s.placed(left))


def nothing_among(s: Setting) -> Any:
    """None is among what a map and other lifts are given and give, beside modules and arrays."""
    lifts: Any = nnx
    xs, shared = s.whole(5, s.size, STEPS, FEATURES), s.whole(6, OUTPUTS)

    def loss(net: Any, given: Any) -> Any:
        nothing, x, none = given
        assert nothing is None
        assert none == [None]
        return jnp.sum(net.encode(x))

    def step(carry: Any, given: Any) -> Any:
        (nothing, total), x = carry, given[1]
        assert nothing is None
        return (None, total + x), (None, 2 * x)

    def called(given: Any, none: Any, shared: Any) -> Any:
        nothing, net, (x, also) = given["first"], given["net"], given["rest"]
        assert nothing is None
        assert none is None
        assert also == {"none": None}
        slopes = lifts.grad(loss, **s.mode)(net, (None, x[0], [None]))
        axes = {"in_axes": (nnx.Carry, 0), "out_axes": (nnx.Carry, 0)}
        start = None, jnp.zeros(FEATURES)
        (_, total), (_, twice) = lifts.scan(step, **axes, **s.mode)(start, (None, x))
        compiled = lifts.jit(lambda given: (None, given[1](given[0])), **s.mode)
        none, y = compiled((x[0], net, None))
        return {"none": none, "y": [y + shared["w"], None]}, read(slopes.b), total, twice

    def mapped() -> Any:
        net = s.ensemble()
        axes = {"first": 0, "net": s.axes_of(net, s.filters()), "rest": 0}
        call = s.map(called, in_axes=(axes, 0, None))
        tree = {"first": None, "net": net, "rest": (xs, {"none": None})}
        return call(tree, None, {"none": None, "w": shared}), variables(net)

    def one(i: int) -> Any:
        net = s.member(i)
        y = {"none": None, "y": [net(xs[i, 0]) + shared, None]}
        return (y, jnp.ones(OUTPUTS), xs[i].sum(0), 2 * xs[i]), variables(net)

    results, left = s.loop(one)
    return mapped, (results, s.placed(left))


class Held(nnx.Module):
    """A number of turns and what they gave, which a loop carries."""

    def __init__(self, total: Any) -> None:
        self.total, self.turns = Total(total), Total(jnp.zeros(()))


def sown_in_scan(s: Setting) -> Any:
    """Each turn of a scan sows, and carries modules beside an array: what was sown is stacked by turns."""
    transforms: Any = nnx
    x, w, b = s.inputs(), s.values()["w"], s.values()["b"]
    axes = state_axes({nnx.Intermediate: 0, ...: transforms.Carry})

    def turn(net: Any, carried: Any) -> Any:
        first, x, last = carried
        for held, by in ((first, 1), (last, 2)):
            write(held.total, by * net.encode(x) + read(held.total))
            write(held.turns, read(held.turns) + by)
            net.sow(nnx.Intermediate, f"seen{by}", read(held.total))
        return first, x + 1, last

    def called(net: Any, x: Any) -> Any:
        carried = Held(jnp.zeros(OUTPUTS)), x, Held(jnp.ones(OUTPUTS))
        scan = partial(transforms.scan, length=STEPS, in_axes=(axes, transforms.Carry))
        first, x, last = scan(turn, out_axes=transforms.Carry)(net, carried)
        return x, [[read(each.total), read(each.turns)] for each in (first, last)]

    def mapped() -> Any:
        net: Any = s.ensemble()
        call = s.mapping(called, in_axes=(state_axes(s.filters()), 0))
        return call(net, x), [read(each)[0] for each in (net.seen1, net.seen2)]

    each = jnp.stack([jnp.einsum("bf,bfo->bo", x + i, w) + b for i in range(STEPS)], 1)
    first = jnp.cumsum(each, 1)
    last = 1 + 2 * first
    turns = jnp.full(s.size, STEPS, jnp.float32)
    carried = [[first[:, -1], turns], [last[:, -1], 2 * turns]]
    return mapped, ((x + STEPS, carried), [first, last])


USES: dict[str, Use] = {
    "use.copies-of-variables": copies_of_variables,
    "use.nothing-among": nothing_among,
    "use.sown-in-scan": sown_in_scan,
}

NEEDS: dict[str, str] = {"use.copies-of-variables": "0.12.2", "use.sown-in-scan": "0.12.1"}
"""The first release of Flax that has what a use is of, where the oldest has not."""

IN_ONE_WAY = ("use.sown-in-scan",)
"""Uses of which the mode of the map changes nothing: they choose it themselves."""
