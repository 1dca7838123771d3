"""What variables are told of the axis that a map takes from them and gives back, beside their names."""

import contextlib
import warnings
from collections.abc import Iterator
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import nnx

from conformance.transforms.nnx.lift import read, write
from conformance.transforms.nnx.uses.base import (
    FEATURES,
    MEMBERS,
    OUTPUTS,
    Setting,
    Use,
    state_axes,
)
from conformance.transforms.nnx.uses.loops import STEPS
from conformance.transforms.nnx.uses.state import Named, names_of_axes

HOW = {"transform_metadata": {nnx.PARTITION_NAME: MEMBERS}}


@contextlib.contextmanager
def _deprecated() -> Iterator[None]:
    """Since flax 0.12 a variable that is made with hooks says that they are deprecated."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


class Told(nnx.Module):
    """A parameter without names, whose hooks write down which axis it gains and loses."""

    def __init__(self, w: Any, log: list[Any]) -> None:
        with _deprecated():
            self.w = nnx.Param(
                w,
                on_add_axis=lambda _, axis, name: log.append(("gained", axis, name)),
                on_remove_axis=lambda _, axis, name: log.append(("lost", axis, name)),
            )


def axis_hooks(s: Setting) -> Any:
    """A variable without names loses an axis on its way in; it gains one on its way out, and when made."""
    axes = [(axis, jnp.moveaxis(s.values()["w"], 0, axis)) for axis in (0, 1)]

    def along(axis: int, w: Any) -> Any:
        log: list[Any] = []
        filters, module = state_axes({...: axis}), Told(w, log)

        def function(module: Any) -> Any:
            write(module.w, read(module.w) + 1)
            return Told(read(module.w), log)

        with _deprecated():
            made = s.mapping(function, in_axes=(filters,), out_axes=filters, **HOW)(module)
        right = [("lost", axis, MEMBERS), *[("gained", axis, MEMBERS)] * 2]
        return read(module.w), read(made.w), np.array(log == right)

    return lambda: [along(*each) for each in axes], [
        (w + 1, w + 1, np.array(True)) for _, w in axes
    ]


def names_alike(s: Setting) -> Any:
    """An axis of a variable has the name that the map gives the new one, which is the one that is taken."""
    inner, axis = (MEMBERS, "out"), 2
    outer = (*inner, MEMBERS)

    def mapped() -> Any:
        filters, within = state_axes({...: axis}), []
        module = Named(jnp.moveaxis(s.values()["w"], 0, axis), *outer)

        def function(module: Any) -> Any:
            within.append(names_of_axes(module.w) == inner)
            write(module.w, read(module.w) + 1)

        s.mapping(function, in_axes=(filters,), **HOW)(module)
        right = [all(within), names_of_axes(module.w) == outer]
        return read(module.w), np.array(right)

    return mapped, (jnp.moveaxis(s.values()["w"] + 1, 0, axis), np.array([True, True]))


def _inserted(names: tuple[str, ...], axis: int, new: str) -> tuple[str, ...]:
    return (*names[:axis], new, *names[axis:])


def scanned_names(s: Setting) -> Any:
    """A scan makes layers and changes them: they say where its axis is, and that of the map around it."""
    transforms: Any = nnx
    inner, layer, member = ("in", "out"), s.axis, 1 - s.axis
    layers = _inserted(inner, layer, "layers")
    outer = _inserted(layers, member, MEMBERS)
    w = s.whole(6, s.size, STEPS, FEATURES, OUTPUTS)
    along, in_map = state_axes({...: layer}), state_axes({...: member})

    def scan(step: Any, of: Any, out: Any) -> Any:
        axes = {"in_axes": (transforms.Carry, of), "out_axes": (transforms.Carry, out)}
        return transforms.scan(step, **axes, transform_metadata={nnx.PARTITION_NAME: "layers"})

    def mapped() -> Any:
        right: list[bool] = []

        def make(w: Any) -> Any:
            _, made = scan(lambda carry, x: (carry, Named(x, *inner)), 0, along)(0.0, w)
            right.append(names_of_axes(made.w) == layers)
            return made

        def step(carry: Any, net: Any) -> Any:
            right.append(names_of_axes(net.w) == inner)
            write(net.w, read(net.w) + 1)
            return carry, jnp.sum(read(net.w))

        def change(net: Any) -> Any:
            _, sums = scan(step, along, 0)(0.0, net)
            right.append(names_of_axes(net.w) == layers)
            return sums

        made = s.mapping(make, in_axes=0, out_axes=in_map, **HOW)(w)
        right.append(names_of_axes(made.w) == outer)
        sums = s.mapping(change, in_axes=(in_map,), **HOW)(made)
        right.append(names_of_axes(made.w) == outer)
        return read(made.w), sums, np.array(all(right))

    placed = s.loop(lambda i: jnp.moveaxis(w[i] + 1, 0, layer))
    return mapped, (jnp.moveaxis(placed, 0, member), (w + 1).sum((2, 3)), np.array(True))


USES: dict[str, Use] = {
    "use.axis-hooks": axis_hooks,
    "use.names-alike": names_alike,
    "use.scanned-names": scanned_names,
}

NEEDS: dict[str, str] = {"use.axis-hooks": "0.10.3", "use.scanned-names": "0.10.3"}
"""The first release of Flax that has what a use is of, where the oldest has not."""

IN_ONE_WAY = tuple(USES)
"""Uses of which the mode of the map changes nothing: they choose it themselves."""
