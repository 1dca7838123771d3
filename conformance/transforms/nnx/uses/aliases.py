"""One variable under several names, and metadata along the one axis of a whole module."""

from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import nnx

from conformance.transforms.nnx.lift import read, write
from conformance.transforms.nnx.uses.base import MEMBERS, Setting, Total, Use, refused
from conformance.transforms.nnx.uses.state import Named, names_of_axes


class Pair(nnx.Module):
    """A module that has one variable twice."""

    def __init__(self, variable: Any) -> None:
        self.first, self.second = variable, variable


def two_axes(s: Setting) -> Any:
    """One variable along two axes raises, wherever its two names are; along one axis it is one result."""
    whole = s.whole(5, s.size, s.size)

    def mapped() -> Any:
        def of_two(a: Any, b: Any) -> Any:
            return read(a) + read(b)

        def made(x: Any) -> Any:
            total = Total(x)
            return total, total

        one = Total(whole)
        ways = {
            "arguments": lambda: s.map(of_two, in_axes=(0, 1))(one, one),
            "held": lambda: s.map(lambda pair, b: of_two(pair.first, b), in_axes=(0, 1))(
                Pair(one), one
            ),
            "results": lambda: s.map(made, in_axes=0, out_axes=(0, 1))(whole),
        }
        if s.mode:
            # What is given by name has axis 0; where the graph is updated, the axis of its place.
            ways["by name"] = lambda: s.map(of_two, in_axes=1)(one, b=one)
        given = {name: refused(way) for name, way in ways.items()}
        if s.mode.get("graph", True):
            first, second = s.map(made, in_axes=0, out_axes=1)(whole)
            given["alike"] = np.array(first is second)
            again = (
                s.map(lambda pair: Pair(pair.first), in_axes=0)(Pair(one))
                if not s.mode
                else Pair(one)
            )
            given["tied"] = np.array(again.first is again.second)
        return given, read(one)

    names = ["arguments", "held", "results"]
    names += ["by name"] if s.mode else []
    names += ["alike", "tied"] if s.mode.get("graph", True) else []
    return mapped, (dict.fromkeys(names, np.array(True)), whole)


def one_axis_of_names(s: Setting) -> Any:
    """With one axis for a whole module, its metadata is that of one member within, and what it was after."""
    within = []

    def mapped() -> Any:
        net = Named(s.values()["w"], MEMBERS, "in", "out")

        def function(net: Any) -> Any:
            within.append(names_of_axes(net.w) == ("in", "out") and net.w.mark == 3)
            write(net.w, read(net.w) + 1)
            return jnp.sum(read(net.w)), Named(read(net.w), "in", "out")

        how = {"transform_metadata": {nnx.PARTITION_NAME: MEMBERS}}
        sums, made = s.mapping(function, in_axes=0, **how)(net)
        after = (
            names_of_axes(net.w) == names_of_axes(made.w) == (MEMBERS, "in", "out")
            and net.w.mark == 3
        )
        return {"sums": sums, "within": np.array(all(within)), "after": np.array(after)}

    sums = s.loop(lambda i: jnp.sum(s.values()["w"][i] + 1))
    return mapped, {"sums": sums, "within": np.array(True), "after": np.array(True)}


def mode_by_setting(s: Setting) -> Any:
    """A map that is given its mode keeps it where another one is set for all maps; one that is not has that.

    The module has each variable twice, which only a map of graphs takes.
    """

    def call(**mode: bool) -> Any:
        total = Total(s.whole(5, s.size, s.size))

        def function(pair: Any, x: Any) -> Any:
            write(pair.first, read(pair.first) + x)
            write(pair.second, 2 * read(pair.second))
            return read(pair.first)

        y = s.mapping(function, in_axes=(1, 0), out_axes=0, **mode)(Pair(total), s.whole(6, s.size))
        return y, read(total)

    def mapped() -> Any:
        flax_nnx: Any = nnx
        with flax_nnx.set_graph_mode(False):
            is_refused = refused(call)
            given = [call(graph=True, graph_updates=updates) for updates in (False, True)]
        with flax_nnx.set_graph_updates(False):
            return is_refused, given, call(), refused(partial(call, graph=False))

    y = 2 * (s.whole(5, s.size, s.size).T + s.whole(6, s.size)[:, None])
    return mapped, (np.array(True), [(y, y.T)] * 2, (y, y.T), np.array(True))


def shared_by_modules(s: Setting) -> Any:
    """A variable that several modules have is one within the map, after it and in its results."""
    within = []

    def function(first: Any, second: Any, x: Any) -> Any:
        within.append(first.first is second.second)
        write(first.first, read(first.first) + x)
        write(second.second, 2 * read(second.second))
        made = Total(x)
        return read(first.second), Pair(made), Pair(made)

    def call() -> Any:
        total = Total(s.whole(5, s.size, s.size))
        given = Pair(total), Pair(total), s.whole(6, s.size)
        y, first, second = s.map(function, in_axes=(1, 1, 0), out_axes=0)(*given)
        is_one = all(within) and first.first is second.second
        return {"y": y, "total": read(total), "one": np.array(is_one), "made": read(second.first)}

    if not s.mode.get("graph", True):
        # A map of trees takes a variable once.
        return lambda: refused(call), np.array(True)
    y = 2 * (s.whole(5, s.size, s.size).T + s.whole(6, s.size)[:, None])
    return call, {"y": y, "total": y.T, "one": np.array(True), "made": s.whole(6, s.size)}


def carry_replaced(s: Setting) -> Any:
    """A loop over trees, within a map, refuses a body that puts another variable for one it is given."""

    def next_of(total: Any) -> Any:
        return Total(read(total) + 1)

    def function(x: Any) -> Any:
        nnx_of_trees: Any = nnx
        loops = (
            lambda total: nnx_of_trees.scan(
                lambda total, x: (next_of(total), x),
                in_axes=(nnx.Carry, 0),
                out_axes=(nnx.Carry, 0),
                graph=False,
            )(total, jnp.stack([x, x])),
            lambda total: nnx_of_trees.fori_loop(
                0, 2, lambda i, total: next_of(total), total, graph=False
            ),
            lambda total: nnx_of_trees.while_loop(
                lambda total: read(total) < 3, next_of, total, graph=False
            ),
        )
        return [x * refused(partial(loop, Total(x))) for loop in loops]

    xs = s.whole(6, s.size)
    return lambda: s.map(function, in_axes=0)(xs), [xs] * 3


USES: dict[str, Use] = {
    "use.shared-by-modules": shared_by_modules,
    "use.carry-replaced": carry_replaced,
    "use.mode-by-setting": mode_by_setting,
    "use.two-axes-of-one": two_axes,
    "use.metadata-one-axis": one_axis_of_names,
}

NEEDS: dict[str, str] = {
    "use.carry-replaced": "0.12.7",
    "use.mode-by-setting": "0.12.6",
    "use.two-axes-of-one": "0.12.7",
    "use.metadata-one-axis": "0.12.7",
}
"""The first release of Flax that has what a use is of, where the oldest has not."""

IN_ONE_WAY: tuple[str, ...] = ("use.mode-by-setting", "use.metadata-one-axis")
"""Uses of which the mode of the map changes nothing: they choose it themselves."""
