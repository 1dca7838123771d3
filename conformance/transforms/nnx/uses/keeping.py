"""Modules that keep their streams, that are bridged from Linen, or whose variables have metadata."""

import contextlib
from functools import partial
from typing import Any

import flax.linen as nn
import jax
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
from conformance.transforms.nnx.uses.state import names_of_axes
from conformance.transforms.nnx.uses.streams import as_it_was, keys, left, roll


class Keeping(nnx.Module):
    """A parameter of whole numbers, and a stream of its own."""

    def __init__(self, rngs: Any) -> None:
        self.w = nnx.Param(roll(rngs.params(), FEATURES, OUTPUTS))
        self.rngs = nnx.Rngs(noise=rngs.noise())

    def __call__(self, x: Any) -> Any:
        """Give x w, and what the module draws itself."""
        return jnp.dot(x, read(self.w)) + roll(self.rngs.noise(), OUTPUTS)


def kept_streams(s: Setting) -> Any:
    """Modules made under the map keep streams of their own, and draw from them in later calls."""
    roots = {"params": jax.random.key(s.seed), "noise": jax.random.key(s.seed + 1)}

    def mapped() -> Any:
        axes = state_axes({nnx.Param: 1, ...: 0})
        make: Any = nnx.split_rngs(splits=s.size)(
            s.mapping(Keeping, in_axes=(state_axes({...: 0}),), out_axes=axes)
        )
        made = make(nnx.Rngs(**roots))
        call = s.mapping(lambda module, x: module(x), in_axes=(axes, 0))
        y = [call(made, s.inputs()), call(made, s.inputs())]
        return y, jnp.moveaxis(read(made.w), 1, 0), left(made.rngs, "noise")

    def one(i: int) -> Any:
        module = Keeping(nnx.Rngs(**{name: keys(s, key)[i] for name, key in roots.items()}))
        y = [module(s.inputs()[i]), module(s.inputs()[i])]
        return y, read(module.w), left(module.rngs, "noise")

    return mapped, s.loop(one)


def squeezed(s: Setting) -> Any:
    """A stream is split into one, without an axis: all examples draw from it, and it is then as it was."""
    root = jax.random.key(s.seed)

    def mapped() -> Any:
        rngs = nnx.Rngs(noise=root, other=root)
        function = s.mapping(
            lambda rngs, x: x + roll(rngs.noise()) - roll(rngs.other()),
            in_axes=(state_axes({...: None}), 0),
        )
        with nnx.split_rngs(rngs, splits=1, squeeze=True, only="noise"):
            y = function(rngs, s.inputs())
        return y, left(rngs, "noise", "other")

    def one(i: int) -> Any:
        own = nnx.Rngs(noise=jax.random.split(jax.random.fold_in(root, 0), 1)[0], other=root)
        return s.inputs()[i] + roll(own.noise()) - roll(own.other())

    after = {"noise": as_it_was(root, 1), "other": as_it_was(root, 1)}
    return mapped, (s.loop(one), after)


def split_by_argument(s: Setting) -> Any:
    """A decorator splits the streams of all arguments, of one stream alone."""
    roots = [jax.random.key(s.seed + i) for i in range(2)]

    def mapped() -> Any:
        first, second = nnx.Rngs(noise=roots[0], other=roots[0]), nnx.Rngs(noise=roots[1])
        axes = state_axes({"noise": 0, ...: None})
        split: Any = nnx.split_rngs(splits=s.size, only=nnx.Not("other"))
        function: Any = split(
            s.mapping(
                lambda first, second: [roll(r()) for r in (first.noise, second.noise, first.other)],
                in_axes=(axes, axes),
            )
        )
        return function(first, second), left(first, "noise", "other"), left(second, "noise")

    def one(i: int) -> Any:
        drawn = [jax.random.fold_in(keys(s, root)[i], 0) for root in roots]
        return [*map(roll, drawn), roll(jax.random.fold_in(roots[0], 0))]

    once = [as_it_was(root, 1) for root in roots]
    return mapped, (s.loop(one), {"noise": once[0], "other": once[0]}, {"noise": once[1]})


def forked(s: Setting) -> Any:
    """Streams are forked: a copy is split for the members, another one is not, and each counts as a draw."""
    root = jax.random.key(s.seed)

    def mapped() -> Any:
        rngs = nnx.Rngs(noise=root)
        split: Any = getattr(rngs, "split", None)
        copy = split(s.size) if split is not None else rngs.fork(split=s.size)
        both = s.map(lambda rngs: [roll(rngs.noise()), roll(rngs.noise())], in_axes=0)(copy)
        whole = rngs.fork()
        shared = s.map(lambda x: x + roll(read(whole.noise.key)), in_axes=0)(s.inputs())
        return both, shared, left(rngs, "noise"), left(copy, "noise")

    def one(i: int) -> Any:
        own = nnx.Rngs(noise=keys(s, root)[i])
        return [roll(own.noise()), roll(own.noise())], left(own, "noise")

    both, after = s.loop(one)
    shared = s.inputs() + roll(jax.random.fold_in(root, 1))
    return mapped, (both, shared, {"noise": as_it_was(root, 2)}, after)


class Linear(nn.Module):
    """x w of Linen, whose parameter may name its axes, and which adds up its inputs."""

    names: Any = None

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Give y for `x` of shape (FEATURES,)."""
        draw: Any = roll if self.names is None else nn.with_partitioning(roll, self.names)
        w = self.param("w", draw, FEATURES, OUTPUTS)
        count = self.variable("batch_stats", "count", jnp.zeros, ())
        count.value = count.value + jnp.sum(x)
        return jnp.dot(x, w)


class Nested(nn.Module):
    """A `Linear` within another module of Linen, or within two."""

    depth: int = 1

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Give y for `x` of shape (FEATURES,)."""
        inner: Any = Nested(self.depth - 1, name="inner") if self.depth else Linear(name="linear")
        return inner(x)


def _bridged(linen: Any, x: Any, rngs: Any) -> Any:
    """The bridge to a module of Linen, initialised."""
    lazy: Any = nnx.bridge.lazy_init
    # Since flax 0.12 a variable that names its axes would be placed on a mesh at once; there is none.
    eager: Any = getattr(nnx, "use_eager_sharding", lambda _: contextlib.nullcontext())
    with eager(False):
        # Streams of its own: Flax's releases differ in whether the bridge makes a copy.
        own = nnx.Rngs(params=rngs.params())
        return lazy(nnx.bridge.ToNNX(linen, rngs=own), x)


def _of_bridged(module: Any) -> dict[str, Any]:
    nested = getattr(module, "inner", None)
    inner = vars(module) if nested is None else nested["linear"]
    return {name: read(inner[name]) for name in ("w", "count")}


def _made_bridged(s: Setting, linen: Any) -> Any:
    """The members, made under the map."""
    axes = state_axes({...: 0})
    make: Any = nnx.split_rngs(splits=s.size, only=nnx.RngState)(
        s.mapping(lambda rngs, x: _bridged(linen, x, rngs), in_axes=(axes, 0), out_axes=axes)
    )
    return make(nnx.Rngs(params=jax.random.key(s.seed)), s.inputs())


def _call_bridged(module: Any, x: Any) -> Any:
    return module(x, mutable=["batch_stats"])


def bridged(s: Setting) -> Any:
    """A module of Linen is bridged, made under the map from split streams, and called under it."""
    root = jax.random.key(s.seed)

    def mapped() -> Any:
        module = _made_bridged(s, Linear())
        made = _of_bridged(module)
        y = s.mapping(_call_bridged, in_axes=(state_axes({...: 0}), 0))(module, s.inputs() + 1)
        return made, y, _of_bridged(module)

    def one(i: int) -> Any:
        module = _bridged(Linear(), s.inputs()[i], nnx.Rngs(params=keys(s, root)[i]))
        made = _of_bridged(module)
        return made, _call_bridged(module, s.inputs()[i] + 1), _of_bridged(module)

    return mapped, s.loop(one)


def bridged_deep(s: Setting) -> Any:
    """A module that a bridged one holds keeps the variables that a call does not write to."""

    def mapped() -> Any:
        module = _made_bridged(s, Nested())
        made = _of_bridged(module)
        y = s.mapping(_call_bridged, in_axes=(state_axes({...: 0}), 0))(module, s.inputs() + 1)
        after = _of_bridged(module)
        right = jnp.einsum("bf,bfo->bo", s.inputs() + 1, made["w"])
        return y - right, after["w"] - made["w"], after["count"]

    # Not computed by the bridge, which could lose them in every call.
    zeros = jnp.zeros((s.size, OUTPUTS)), jnp.zeros((s.size, FEATURES, OUTPUTS))
    return mapped, (*zeros, (2 * s.inputs() + 1).sum(1))


def bridged_names(s: Setting) -> Any:
    """The parameters of a module bridged from Linen say where the new axis is, after making and calling."""
    how = {"transform_metadata": {nnx.PARTITION_NAME: MEMBERS}}

    def mapped() -> Any:
        rngs = nnx.Rngs(params=jax.random.key(s.seed))
        axes, within = state_axes({nnx.Param: 1, ...: 0}), []
        make: Any = nnx.split_rngs(splits=s.size)(
            s.mapping(
                lambda rngs, x: _bridged(Linear(("in", "out")), x, rngs),
                in_axes=(state_axes({...: 0}), None),
                out_axes=axes,
                **how,
            )
        )
        module = make(rngs, s.inputs()[0])
        names = [names_of_axes(module.w)]

        def call(module: Any, x: Any) -> Any:
            within.append(names_of_axes(module.w))
            return module(x, mutable=["batch_stats"])

        s.mapping(call, in_axes=(axes, 0), **how)(module, s.inputs())
        names += [names_of_axes(module.w), *within]
        return [np.array(each == ("in", MEMBERS, "out")) for each in names[:2]] + [
            np.array(names[2] == ("in", "out"))
        ]

    return mapped, [np.array(True)] * 3


class Marked(nnx.Module):
    """A parameter that names its axes in two ways, and one that names none."""

    def __init__(self, w: Any, names: Any, units: Any) -> None:
        # Since flax 0.12 a variable would be placed on a mesh at once; there is none here.
        later: dict[str, Any] = (
            {"eager_sharding": False} if hasattr(nnx, "use_eager_sharding") else {}
        )
        draw = nnx.with_partitioning(lambda: w, names, units=units, **later)
        self.w, self.plain = nnx.Param(draw()), nnx.Param(w)


def other_metadata(s: Setting) -> Any:
    """Metadata of another name gains and loses an axis too, behind others as in front."""
    each = [_other_metadata(s, axis) for axis in (0, 1)]
    return lambda: [mapped() for mapped, _ in each], [right for _, right in each]


def _other_metadata(s: Setting, axis: int) -> Any:
    """The same along one axis."""
    how = {"transform_metadata": {nnx.PARTITION_NAME: MEMBERS, "units": "each"}}
    inner = [("in", "out"), ("m", "s")]
    outer = [
        tuple(_with(names, axis, new)) for names, new in zip(inner, (MEMBERS, "each"), strict=True)
    ]

    def said(module: Any) -> Any:
        return [names_of_axes(module.w), tuple(module.w.units)]

    def mapped() -> Any:
        axes, within = state_axes({...: axis}), []
        w = jnp.moveaxis(s.values()["w"], 0, axis)
        module = Marked(w, *outer)

        def function(module: Any) -> Any:
            within.append(said(module))
            write(module.w, read(module.w) + read(module.plain))
            return Marked(read(module.w), *inner)

        made = s.mapping(function, in_axes=(axes,), out_axes=axes, **how)(module)
        right = [within[0] == inner, said(module) == outer, said(made) == outer]
        return read(module.w), read(made.w), [np.array(each) for each in right]

    twice = 2 * jnp.moveaxis(s.values()["w"], 0, axis)
    return mapped, (twice, twice, [np.array(True)] * 3)


def _with(names: Any, axis: int, new: str) -> Any:
    return [*names[:axis], new, *names[axis:]]


def by_decorator(s: Setting) -> Any:
    """Where no graph is updated, a decorator gives the parameters' names the new axis, and takes it."""
    each = [_by_decorator(s, axis) for axis in (0, 1)]
    return lambda: [mapped() for mapped, _ in each], [right for _, right in each]


def _by_decorator(s: Setting, axis: int) -> Any:
    """The same along one axis, with None and what is not mapped beside the module."""
    inner, outer = ("in", "out"), tuple(_with(("in", "out"), axis, MEMBERS))
    of_all = s.whole(7, FEATURES, OUTPUTS)

    def mapped(graph: bool) -> Any:
        mode = {"graph": graph}
        within: list[Any] = []
        decorate: Any = partial(nnx.transform_metadata, partition=MEMBERS, **mode)
        w = jnp.moveaxis(s.values()["w"], 0, axis)
        module, shared = Marked(w, outer, None), Marked(of_all, inner, None)
        module.plain = nnx.Param(w)

        def function(given: Any, none: Any, shared: Any) -> Any:
            module = given["module"]
            within.extend(names_of_axes(each.w) for each in (module, shared))
            write(module.w, read(module.w) + read(module.plain))
            made = Marked(read(module.w), inner, None)
            return {"none": none, "made": made}, Marked(read(shared.w) + 1, inner, None)

        axes = {"in_axes": (axis, axis, None), "out_axes": (axis, None)}
        lift = s.mapping(**axes, graph_updates=False, **mode)
        call = lift(decorate(function, **axes))
        given, of_shared = call({"a": None, "module": module}, None, shared)
        made = given["made"]
        right = [
            within == [inner, inner],
            names_of_axes(module.w) == outer,
            names_of_axes(made.w) == outer,
            [names_of_axes(each.w) for each in (shared, of_shared)] == [inner, inner],
        ]
        values = [read(each.w) for each in (module, made, of_shared)]
        return values, [np.array(each) for each in right]

    twice = 2 * jnp.moveaxis(s.values()["w"], 0, axis)
    expected = [twice, twice, of_all + 1], [np.array(True)] * 4
    return lambda: [mapped(graph) for graph in (True, False)], [expected] * 2


USES: dict[str, Use] = {
    "use.kept-streams": kept_streams,
    "use.squeezed-split": squeezed,
    "use.split-by-argument": split_by_argument,
    "use.forked-streams": forked,
    "use.bridged": bridged,
    "use.bridged-deep": bridged_deep,
    "use.bridged-names": bridged_names,
    "use.other-metadata": other_metadata,
    "use.metadata-by-decorator": by_decorator,
}

NEEDS: dict[str, str] = {
    "use.squeezed-split": "0.10.3",
    "use.forked-streams": "0.11",
    # Before, the bridge lost them.
    "use.bridged-deep": "0.12",
    "use.other-metadata": "0.10.5",
    "use.metadata-by-decorator": "0.12.7",
}
"""The first release of Flax that has what a use is of, where the oldest has not."""

IN_ONE_WAY: tuple[str, ...] = (
    "use.kept-streams",
    "use.squeezed-split",
    "use.split-by-argument",
    "use.bridged",
    "use.bridged-deep",
    "use.bridged-names",
    "use.other-metadata",
    "use.metadata-by-decorator",
)
"""Uses of which the mode of the map changes nothing: they choose it themselves."""
