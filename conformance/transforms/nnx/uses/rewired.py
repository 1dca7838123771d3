"""Modules whose parts change places under a map, which hold arrays, or whose variables have several names."""

from functools import partial
from typing import Any, NamedTuple

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
    refused,
    state_axes,
)

STEPS = 3
"""How many turns a loop takes."""


class Two(nnx.Module):
    """A module of two others."""

    def __init__(self, first: Any, second: Any) -> None:
        self.first, self.second = first, second


def _rewire(module: Any, x: Any) -> Any:
    """Exchange the parts, refer to one of them and to the module itself, and make of b another kind."""
    module.first, module.second = module.second, module.first
    module.itself, module.third = module, module.first
    for part in (module.first, module.second):
        part.b, part.note = Total(2 * read(part.b)), "seen"
    return module, module.third(x)


def rewired(s: Setting) -> Any:
    """Parts of a compiled map's module change places, kinds and names; it is compiled for each form once."""
    given = {name: jnp.stack([value, value + 1], 1) for name, value in s.values().items()}

    def mapped() -> Any:
        traced: list[None] = []
        parts: list[Any] = [
            Net(**s.placed({name: value[:, i] for name, value in given.items()})) for i in (0, 1)
        ]
        module: Any = Two(*parts)
        axes = state_axes(s.filters())

        def counted(module: Any, x: Any) -> Any:
            traced.append(None)
            return _rewire(module, x)

        lift: Any = nnx.jit
        function = lift(s.mapping(counted, in_axes=(axes, 0), out_axes=(axes, 0)))
        right, y = [], []
        for n in range(STEPS):
            same, given_y = function(module, s.inputs() + n)
            y.append(given_y)
            now = parts[1 - n % 2], parts[n % 2]
            right += [same is module, module.itself is module, module.third is now[0]]
            right += [module.first is now[0], module.second is now[1]]
            right += [part.note == "seen" and type(part.b) is Total for part in parts]
        left = [{name: read(getattr(p, name)) for name in ("w", "b", "total")} for p in parts]
        once = np.array(len(traced) == 2)
        return np.array(right), once, has_tracer(module), y, left

    x, w, b, total = (np.asarray(v) for v in (s.inputs(), *(given[n] for n in ("w", "b", "total"))))
    y = []
    for n in range(STEPS):
        b = 2 * b
        i = 1 - n % 2
        y.append(np.einsum("bf,bfo->bo", x + n, w[:, i]) + b[:, i])
        total = total.copy()
        total[:, i] += y[-1]
    left = [
        {"w": np.moveaxis(w[:, i], 0, s.axis), "b": b[:, i], "total": total[:, i]} for i in (0, 1)
    ]
    return mapped, (np.ones(7 * STEPS, bool), np.array(True), np.array(False), y, left)


class Holding(nnx.Module):
    """Arrays that are no variables, in a list and a dictionary, too, beside what is static."""

    def __init__(self, w: Any, b: Any, total: Any) -> None:
        holds: Any = nnx
        self.w, self.name = w, "own"
        self.listed = holds.List([b, Total(total)])
        self.named = holds.Dict(b=b)


def _held(module: Any) -> Any:
    return [module.w, module.listed[0], module.named.b, read(module.listed[1])]


def arrays_held(s: Setting) -> Any:
    """A module holds arrays that are no variables: a function changes them where the graph is updated."""
    values = s.values()

    def called(module: Any, x: Any) -> Any:
        y = jnp.dot(x, module.w) + module.listed[0] + module.named.b
        module.w, module.listed[0] = module.w + 1, y
        module.named.b = module.named["b"] * 2
        write(module.listed[1], read(module.listed[1]) + y)
        return y, np.array(module.name == "own")

    def mapped() -> Any:
        module = Holding(**values)
        call = s.map(called, in_axes=(s.axes_of(module, {...: 0}), 0), out_axes=(0, None))
        compiled: Any = partial(nnx.jit, **s.mode)
        y = [call(module, s.inputs()), compiled(call)(module, s.inputs())]
        return y, _held(module), has_tracer(module)

    x, w, b, total = (np.asarray(v) for v in (s.inputs(), *(values[n] for n in values)))
    listed, named, y = b, b, []
    for _ in range(2):
        y.append(np.einsum("bf,bfo->bo", x, w) + listed + named)
        total = total + y[-1]
        if not s.mode:
            w, listed, named = w + 1, y[-1], named * 2
    yes = np.array(True)
    return mapped, ([(each, yes) for each in y], [w, listed, named, total], np.array(False))


class Pair(NamedTuple):
    """Two variables."""

    total: Any
    last: Any


class Named(nnx.Module):
    """A variable that has a name of its own, and one in each of two parts."""

    def __init__(self, total: Any) -> None:
        self.total = Total(total)
        self.first, self.second = Two(self.total, None), Two(None, self.total)


def _turn(module: Any, x: Any) -> None:
    write(module.first.first, read(module.total) + x)
    write(module.second.second, 2 * read(module.first.first))


def _plus(pair: Any, x: Any) -> None:
    write(pair.total, read(pair.total) + x)
    write(pair.last, x)


def _times(pair: Any, x: Any) -> None:
    write(pair.last, 3 * read(pair.total))


def names_in_loops(s: Setting) -> Any:
    """Loops and branches are given a variable of several names, and pairs of variables: each is one."""
    transforms: Any = nnx
    mode = s.mode
    xs, totals, last = (s.whole(n, s.size, OUTPUTS) for n in (5, 6, 7))

    def looped(module: Any, x: Any) -> Any:
        def turn(_: Any, module: Any) -> Any:
            _turn(module, x)
            return module

        transforms.fori_loop(0, STEPS, turn, module, **mode)

        def twice(carry: Any) -> Any:
            number, module, same = carry
            _turn(module, x)
            return number + 1, module, same

        transforms.while_loop(lambda carry: carry[0] < 2, twice, (0, module, module), **mode)

    def branched(module: Any, x: Any) -> Any:
        def other(module: Any, x: Any) -> None:
            write(module.second.second, read(module.second.second) - x)

        transforms.cond(x[0] > 0, _turn, other, module, x, **mode)
        transforms.switch(x[0].astype(int), (other, _turn), module, x, **mode)

    def paired(pair: Any, x: Any) -> Any:
        transforms.cond(x[0] > 0, _plus, _times, pair, x, **mode)
        return read(pair.last)

    def mapped() -> Any:
        pair = Pair(Total(totals), Total(last))
        given = [s.map(paired, in_axes=0)(pair, xs), read(pair.total), read(pair.last)]
        module = Named(totals)
        # As a tree, the module has a variable several times, which is refused.
        calls = [partial(s.map(each, in_axes=0), module, xs) for each in (looped, branched)]
        if not mode.get("graph", True):
            return given, [refused(call) for call in calls]
        for call in calls:
            call()
        one = module.first.first is module.second.second is module.total
        return given, [np.array(one), read(module.total)]

    x, total = np.asarray(xs), np.asarray(totals)
    first = x[:, :1] > 0
    pair_total = np.where(first, total + x, total)
    pair_last = np.where(first, x, 3 * total)
    given = [pair_last, pair_total, pair_last]
    if not mode.get("graph", True):
        return mapped, (given, [np.array(True)] * 2)
    for _ in range(STEPS + 2):
        total = 2 * (total + x)
    for _ in range(2):
        total = np.where(first, 2 * (total + x), total - x)
    return mapped, (given, [np.array(True), total])


USES: dict[str, Use] = {
    "use.rewired": rewired,
    "use.arrays-held": arrays_held,
    "use.names-in-loops": names_in_loops,
}

NEEDS: dict[str, str] = {
    "use.rewired": "0.10.5",
    "use.arrays-held": "0.12",
    "use.names-in-loops": "0.12",
}
"""The first release of Flax that has what a use is of, where the oldest has not."""

IN_ONE_WAY: tuple[str, ...] = ("use.rewired",)
"""Uses of which the mode of the map changes nothing: they choose it themselves."""
