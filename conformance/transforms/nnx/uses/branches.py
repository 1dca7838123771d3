"""Branches and loops of NNX that the examples of a map take differently, and what they do to its modules."""

from functools import partial
from typing import Any

import jax.numpy as jnp
from flax import nnx

from conformance.transforms.nnx.lift import read
from conformance.transforms.nnx.uses.base import (
    FEATURES,
    OUTPUTS,
    Setting,
    Use,
    variables,
)

STEPS = 3
"""How many steps a loop takes whose count is known, and how many counts the examples have."""


def _scanned(mode: Any, net: Any, x: Any) -> Any:
    """0 y + 1 y + ... for y = net.encode(x)."""
    transforms: Any = nnx

    def step(total: Any, net: Any, number: Any) -> Any:
        return total + number * net.encode(x), number

    axes = {"in_axes": (transforms.Carry, None, 0), "out_axes": (transforms.Carry, 0)}
    total, _ = transforms.scan(step, **axes, **mode)(jnp.zeros(OUTPUTS), net, jnp.arange(STEPS))
    return total


def _counted(mode: Any, net: Any, x: Any) -> Any:
    """The same by a loop that carries the module."""
    transforms: Any = nnx

    def turn(number: Any, carried: Any) -> Any:
        net, total = carried
        return net, total + number * net.encode(x)

    return transforms.fori_loop(0, STEPS, turn, (net, jnp.zeros(OUTPUTS)), **mode)[1]


def _waited(mode: Any, net: Any, x: Any, times: Any) -> Any:
    """As many times y as the example says, by a loop that carries the module."""
    transforms: Any = nnx

    def left(carried: Any) -> Any:
        return carried[1] < times

    def turn(carried: Any) -> Any:
        net, done, total = carried
        return net, done + 1, total + net.encode(x)

    return transforms.while_loop(left, turn, (net, 0, jnp.zeros(OUTPUTS)), **mode)[2]


def _plain(net: Any, x: Any) -> Any:
    return net.encode(x)


def shared_in_branches(s: Setting) -> Any:
    """Examples take other branches and numbers of turns, with one module that none of them changes."""
    transforms: Any = nnx
    x, times = s.whole(5, s.size, FEATURES), jnp.arange(s.size) % STEPS
    scanned, counted = partial(_scanned, s.mode), partial(_counted, s.mode)

    def function(net: Any, x: Any, times: Any) -> Any:
        def cond(first: Any, second: Any) -> Any:
            return transforms.cond(times < 1, first, second, net, x, **s.mode)

        return (
            cond(_plain, scanned),
            cond(counted, _plain),
            transforms.switch(times, (_plain, scanned, counted), net, x, **s.mode),
            _waited(s.mode, net, x, times),
        )

    def mapped() -> Any:
        net = s.member(0)
        return s.map(function, in_axes=(None, 0, 0))(net, x, times), read(net.w)

    def one(i: int) -> Any:
        y, number = s.member(0).encode(x[i]), i % STEPS
        all_steps = sum(range(STEPS)) * y
        return (
            all_steps if number else y,
            y if number else all_steps,
            all_steps if number else y,
            number * y,
        )

    return mapped, (s.loop(one), read(s.member(0).w))


def _once(net: Any, x: Any) -> Any:
    return net(x)


def _twice(net: Any, x: Any) -> Any:
    return net(x) + net(x)


def changed_in_branches(s: Setting) -> Any:
    """Each example takes a branch with its own module: one reads, one writes, and one writes twice."""
    transforms: Any = nnx
    times = jnp.arange(s.size) % STEPS

    def function(net: Any, x: Any, times: Any) -> Any:
        return (
            transforms.cond(times > 0, _once, _plain, net, x, **s.mode),
            transforms.switch(times, (_plain, _once, _twice), net, x, **s.mode),
        )

    def mapped() -> Any:
        net = s.ensemble()
        call = s.map(function, in_axes=(s.axes_of(net, s.filters()), 0, 0))
        return call(net, s.inputs(), times), variables(net)

    def one(i: int) -> Any:
        net, x, number = s.member(i), s.inputs()[i], i % STEPS
        y = (_once if number else _plain)(net, x), (_plain, _once, _twice)[number](net, x)
        return y, variables(net)

    results, left = s.loop(one)
    return mapped, (results, s.placed(left))


USES: dict[str, Use] = {
    "use.shared-in-branches": shared_in_branches,
    "use.changed-in-branches": changed_in_branches,
}

NEEDS: dict[str, str] = dict.fromkeys(USES, "0.10.2")
"""The first release of Flax that has what a use is of, where the oldest has not."""
