"""Lifted methods of a class under a map, compiled functions that hold modules, and what is captured."""

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
    Use,
    state_axes,
    variables,
)
from conformance.transforms.nnx.uses.loops import STEPS


def _stack() -> Any:
    """A class whose methods are lifted: it makes layers, and goes through them."""
    transforms: Any = nnx
    of_layers = state_axes({(nnx.Param, nnx.RngState): 0, ...: None})

    class Stack(nnx.Module):
        @transforms.vmap(in_axes=(of_layers, 0))  # type: ignore[untyped-decorator]
        def __init__(self, w: Any) -> None:
            self.w = nnx.Param(w)
            self.depth, self.unit = STEPS, nnx.BatchStat(jnp.ones(FEATURES))
            self.negative = False

        @transforms.scan(  # type: ignore[untyped-decorator]
            in_axes=(of_layers, transforms.Carry, 0, None), out_axes=(transforms.Carry, 0, 1)
        )
        @transforms.remat  # type: ignore[untyped-decorator]
        def __call__(self, x: Any, own: Any, shared: Any) -> Any:
            y = x * read(self.w) + own + shared * read(self.unit)
            y = -y if self.negative else y
            return y, y, 2 * y

    return Stack


def lifted_methods(s: Setting) -> Any:
    """A class whose constructor maps and whose method scans is made and called under another map."""
    x, own = s.inputs(), s.whole(5, s.size, STEPS, FEATURES)
    shared, w = s.whole(6, FEATURES), s.whole(7, s.size, STEPS, FEATURES)

    def mapped() -> Any:
        whole = state_axes({...: 0})
        stack = s.mapping(_stack(), in_axes=0, out_axes=whole)(w)
        call = s.mapping(lambda stack, *given: stack(*given), in_axes=(whole, 0, 0, None))
        y = [call(stack, x, own, shared)]
        stack.set_attributes(negative=True)
        y.append(call(stack, x, own, shared))
        kept = np.array(stack.depth == STEPS and stack.negative is True)
        return read(stack.w), read(stack.unit), y, kept

    def through(sign: int) -> Any:
        y, each = np.asarray(x), []
        for n in range(STEPS):
            y = sign * (y * np.asarray(w)[:, n] + np.asarray(own)[:, n] + np.asarray(shared))
            each.append(y)
        return y, np.stack(each, 1), 2 * np.stack(each, 2)

    unit = np.ones((s.size, FEATURES), np.float32)
    return mapped, (w, unit, [through(1), through(-1)], np.array(True))


def compiled_ahead(s: Setting) -> Any:
    """A map is compiled before it is called, or with the module that it holds; what it writes is kept."""
    transforms: Any = nnx

    def mapped() -> Any:
        traced: list[None] = []
        net = s.ensemble()

        def step(net: Any, x: Any) -> Any:
            traced.append(None)
            axes = (s.axes_of(net, s.filters()), 0)
            return s.map(lambda net, x: net(x), in_axes=axes)(net, x)

        compiled = transforms.jit(step, **s.mode).lower(net, s.inputs()).compile()
        y = [compiled(net, s.inputs() + n) for n in (0, 1)]
        if s.mode:
            held = transforms.jit_partial(
                step, net, graph_updates=False, graph=s.mode.get("graph", True)
            )
        else:
            held = transforms.cached_partial(transforms.jit(step), net)
        y.append(held(s.inputs()))
        write(net.b, read(net.b) + 1)
        y.append(held(s.inputs()))
        return y, variables(net), np.array(len(traced) == 2)

    def one(i: int) -> Any:
        net, x = s.member(i), s.inputs()[i]
        y = [net(x), net(x + 1), net(x)]
        write(net.b, read(net.b) + 1)
        return [*y, net(x)], variables(net)

    y, after = s.loop(one)
    return mapped, (y, s.placed(after), np.array(True))


class Seeing(Net):
    """A `Net` that is perturbed and sows, also in a part."""

    def __init__(self, w: Any, b: Any, total: Any, part: Any = None) -> None:
        super().__init__(w, b, total)
        self.part: Any = part

    def __call__(self, x: Any) -> Any:
        """Give y, perturbed, and sow it twice."""
        y: Any = self.perturb("changed", super().__call__(x))
        for times in (1, 2):
            self.sow(nnx.Intermediate, "seen", times * y)
        return y if self.part is None else y + self.part(2 * x)


def captured(s: Setting) -> Any:
    """What a module and its part sow is captured within a map, with slopes by what perturbs them."""
    transforms: Any = nnx
    values, weights = s.values(), np.arange(1.0, OUTPUTS + 1, dtype=np.float32)
    parts = {name: value + 1 for name, value in values.items()}

    def called(net: Any, x: Any) -> Any:
        made = transforms.capture(_call, nnx.Perturbation)(net, x)[1]

        def loss(net: Any, made: Any, x: Any) -> Any:
            y, seen = transforms.capture(_call, nnx.Intermediate, init=made)(net, x)
            return jnp.sum(weights * y), seen

        slopes, seen = transforms.grad(loss, argnums=1, has_aux=True, **s.mode)(net, made, x)
        of_method = transforms.capture(_call, nnx.Intermediate, method_outputs=nnx.Intermediate)
        outputs = of_method(net, x)[1]
        return [
            [read(slopes[name]) for name in ("changed",)] + [read(slopes["part"]["changed"])],
            [read(each["seen"]) for each in (seen, seen["part"])],
            read(outputs["part"]["__call__"]),
        ]

    def mapped() -> Any:
        net = Seeing(**values, part=Seeing(**parts))
        with transforms.set_graph_mode(s.mode.get("graph", True)):
            given = s.map(called, in_axes=0)(net, s.inputs())
        left = [hasattr(each, name) for each in (net, net.part) for name in ("seen", "changed")]
        return given, np.array(left), variables(net), read(net.part.total)

    def y_of(of: Any, x: Any) -> Any:
        return np.einsum("bf,bfo->bo", x, of["w"]) + np.asarray(of["b"])

    x = np.asarray(s.inputs())
    each = [y_of(values, x), y_of(parts, 2 * x)]
    slopes = [np.tile(weights, (s.size, 1))] * 2
    seen = [(y, 2 * y) for y in each]
    after = {**values, "total": values["total"] + 3 * each[0]}
    return mapped, (
        [slopes, seen, (each[1],)],
        np.zeros(4, bool),
        after,
        parts["total"] + 3 * each[1],
    )


def _call(net: Any, x: Any) -> Any:
    return net(x)


class Signed(Net):
    """A `Net` whose result is negative where it is told so, and doubled where its part is."""

    def __init__(self, part: Any, **values: Any) -> None:
        super().__init__(**values)
        self.part, self.negative = part, False

    def set_view(self, negative: bool | None = None, **others: Any) -> dict[str, Any]:
        """Have the result be negative or not."""
        if negative is not None:
            self.negative = negative
        return others

    def encode(self, x: Any) -> Any:
        """Give y, or its negative."""
        y = super().encode(x) + self.part.encode(x)
        return -y if self.negative else y


def unpacked(s: Setting) -> Any:
    """Within a map, modules are unpacked into states for a gradient and merged, and seen in another way."""
    transforms: Any = nnx
    values = s.values()
    parts = {name: value + 1 for name, value in values.items()}
    graph = {"graph": s.mode.get("graph", True)}

    def called(net: Any, x: Any) -> Any:
        params, rest = transforms.unpack(net, nnx.Param, ..., **graph)

        def loss(params: Any, rest: Any) -> Any:
            return jnp.sum(transforms.merge(params, rest).encode(x) ** 2)

        slopes = transforms.grad(loss, **s.mode)(params, rest)
        other = transforms.view(net, negative=True, **graph)
        write(other.total, read(other.total) + other.encode(x))
        whole = transforms.merge(transforms.unpack(net, **graph))
        y = net.encode(x), whole.encode(x)
        return (read(slopes.b), read(slopes.part.w)), y, np.array(other is not net)

    def mapped() -> Any:
        net = Signed(Net(**parts), **values)
        call = s.map(called, in_axes=0, out_axes=(0, 0, None))
        given = call(net, s.inputs())
        return given, np.array(net.negative is False), variables(net)

    x = np.asarray(s.inputs())
    y = sum(np.einsum("bf,bfo->bo", x, of["w"]) + np.asarray(of["b"]) for of in (values, parts))
    slopes = 2 * y, 2 * x[:, :, None] * y[:, None]
    after = {**values, "total": values["total"] - y}
    return mapped, ((slopes, (y, y), np.array(True)), np.array(True), after)


USES: dict[str, Use] = {
    "use.lifted-methods": lifted_methods,
    "use.compiled-ahead": compiled_ahead,
    "use.captured": captured,
    "use.unpacked": unpacked,
}

NEEDS: dict[str, str] = {
    "use.lifted-methods": "0.12",
    "use.compiled-ahead": "0.12",
    "use.captured": "0.12.6",
    "use.unpacked": "0.12.8",
}
"""The first release of Flax that has what a use is of, where the oldest has not."""

IN_ONE_WAY: tuple[str, ...] = ("use.lifted-methods",)
"""Uses of which the mode of the map changes nothing: they choose it themselves."""
