"""Streams of random numbers: which key each example draws from, and what is left after the call."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from conformance.transforms.nnx.lift import read
from conformance.transforms.nnx.uses.base import FEATURES, OUTPUTS, Setting, Use, raises, state_axes

ROLL = 100
"""Whole numbers below this are drawn."""


class Noisy(nnx.Module):
    """Dropout of x w, from streams that the module has itself."""

    def __init__(self, w: Any, rngs: Any) -> None:
        self.w, self.rngs = nnx.Param(w), rngs
        self.dropout = nnx.Dropout(0.5, deterministic=False)

    def __call__(self, x: Any) -> Any:
        """Give the output, of shape (OUTPUTS,), for `x` of shape (FEATURES,)."""
        return self.dropout(jnp.dot(x, read(self.w)), rngs=self.rngs)


class Drawn(nnx.Module):
    """Two parameters of whole numbers, drawn one after the other, and the streams that drew them."""

    def __init__(self, rngs: Any) -> None:
        self.w = nnx.Param(roll(rngs.params(), FEATURES, OUTPUTS))
        self.b = nnx.Param(roll(rngs.params(), OUTPUTS))
        self.noise = roll(rngs.noise())


def roll(key: Any, *shape: int) -> Any:
    """Whole numbers of this shape, drawn from a key."""
    return jax.random.randint(key, shape, 0, ROLL).astype(jnp.float32)


def keys(s: Setting, root: Any, draw: int = 0) -> Any:
    """The keys that a stream is split into: those of what it draws, for the time `draw`."""
    return jax.random.split(jax.random.fold_in(root, draw), s.size)


def left(rngs: Any, *names: str) -> Any:
    """The key and the count of streams, as numbers."""
    streams = {name: getattr(rngs, name) for name in names}
    return {
        name: [jax.random.key_data(read(each.key)), read(each.count)]
        for name, each in streams.items()
    }


def as_it_was(root: Any, count: int) -> Any:
    """What `left` gives of a stream with that key, after so many draws."""
    return [jax.random.key_data(root), jnp.uint32(count)]


def dropout_of_members(s: Setting) -> Any:
    """Each member of an ensemble with Dropout drops by a key of its own, in a second call by another."""
    root, weights = jax.random.key(s.seed), s.values()["w"]

    def mapped() -> Any:
        net = Noisy(weights, nnx.Rngs(dropout=root))
        axes = state_axes({nnx.RngState: 0, ...: 0})
        mapped: Any = s.mapping(lambda net, x: net(x), in_axes=(axes, 0))
        function: Any = nnx.split_rngs(splits=s.size)(mapped)
        y = [function(net, s.inputs()), function(net, s.inputs())]
        return y, left(net.rngs, "dropout")

    def one(i: int, draw: int) -> Any:
        return Noisy(weights[i], nnx.Rngs(dropout=keys(s, root, draw)[i]))(s.inputs()[i])

    y = [s.loop(partial(one, draw=draw)) for draw in (0, 1)]
    return mapped, (y, {"dropout": as_it_was(root, 2)})


def one_of_two_streams(s: Setting) -> Any:
    """One stream is split for a block, the other is not: both are drawn from, and then as they were."""
    roots = jax.random.key(s.seed), jax.random.key(s.seed + 1)

    def mapped() -> Any:
        rngs = nnx.Rngs(noise=roots[0], dropout=roots[1])
        axes = state_axes({"dropout": 0, ...: None})
        with nnx.split_rngs(rngs, splits=s.size, only="dropout"):
            function = s.mapping(
                lambda rngs, _: [roll(rngs.noise()), roll(rngs.dropout()), roll(rngs.dropout())],
                in_axes=(axes, 0),
            )
            drawn = function(rngs, jnp.zeros(s.size))
        return drawn, left(rngs, "noise", "dropout")

    def one(i: int) -> Any:
        own = nnx.Rngs(noise=roots[0], dropout=keys(s, roots[1])[i])
        return [roll(own.noise()), roll(own.dropout()), roll(own.dropout())]

    after = {"noise": as_it_was(roots[0], 1), "dropout": as_it_was(roots[1], 1)}
    return mapped, (s.loop(one), after)


def unsplit(s: Setting) -> Any:
    """A stream that is not split gives every example the same, and counts what they drew."""
    root = jax.random.key(s.seed)

    def mapped() -> Any:
        rngs = nnx.Rngs(noise=root)
        function = s.map(
            lambda rngs, x: x + roll(rngs.noise()) - roll(rngs.noise()),
            in_axes=(s.axes_of(rngs, {...: None}), 0),
        )
        y = [function(rngs, s.inputs()), function(rngs, s.inputs())]
        return y, left(rngs, "noise")

    own = nnx.Rngs(noise=root)
    rolls = [[roll(own.noise()) for _ in range(2)] for _ in range(2)]
    y = [s.inputs() + a - b for a, b in rolls]
    return mapped, (y, {"noise": as_it_was(root, 4)})


def constructor(s: Setting) -> Any:
    """A module is made under the map from split streams: every member draws its own parameters."""
    roots = {"params": jax.random.key(s.seed), "noise": jax.random.key(s.seed + 1)}

    def mapped() -> Any:
        rngs = nnx.Rngs(**roots)
        make: Any = nnx.split_rngs(splits=s.size)(
            s.mapping(lambda rngs: values(Drawn(rngs)), in_axes=0, out_axes=0)
        )
        return make(rngs), left(rngs, "params", "noise")

    def values(made: Any) -> Any:
        return {"w": read(made.w), "b": read(made.b), "noise": made.noise}

    def one(i: int) -> Any:
        return values(Drawn(nnx.Rngs(**{name: keys(s, key)[i] for name, key in roots.items()})))

    return mapped, (s.loop(one), {name: as_it_was(key, 1) for name, key in roots.items()})


def copies(s: Setting) -> Any:
    """A module is made under the map from streams that are not split: the members are copies."""
    root = jax.random.key(s.seed)

    def mapped() -> Any:
        rngs = nnx.Rngs(params=root, noise=root)
        axes = s.axes_of(rngs, {...: None})
        return s.map(lambda rngs, _: read(Drawn(rngs).w), in_axes=(axes, 0), out_axes=0)(
            rngs, jnp.zeros(s.size)
        )

    return mapped, s.loop(lambda i: read(Drawn(nnx.Rngs(params=root, noise=root)).w))


def split_twice(s: Setting) -> Any:
    """A stream is split along two axes, for two maps."""
    root = jax.random.key(s.seed)

    def mapped() -> Any:
        rngs = nnx.Rngs(noise=root)
        inner: Any = s.mapping(lambda rngs: roll(rngs.noise()), in_axes=0)
        both: Any = nnx.split_rngs(splits=(2, s.size))(s.mapping(inner, in_axes=0))
        return both(rngs), left(rngs, "noise")

    every = jax.random.split(jax.random.fold_in(root, 0), (2, s.size))

    def one(i: int, row: int) -> Any:
        return roll(nnx.Rngs(noise=every[row, i]).noise())

    each = [s.loop(partial(one, row=row)) for row in (0, 1)]
    return mapped, (jnp.stack(each), {"noise": as_it_was(root, 1)})


def missing_stream(s: Setting) -> Any:
    """A stream that the module lacks raises under the map as it does without."""
    weights = s.values()["w"]

    def alone() -> Any:
        return Noisy(weights[0], nnx.Rngs(other=0))(s.inputs()[0])

    def mapped() -> Any:
        net = Noisy(weights[0], nnx.Rngs(other=0))
        axes = s.axes_of(net, {...: None})
        return raises(lambda: s.map(lambda net, x: net(x), in_axes=(axes, 0))(net, s.inputs()))

    return mapped, raises(alone)


def error_while_split(s: Setting) -> Any:
    """Where a function raises while its streams are split, they are then as they were before."""
    root = jax.random.key(s.seed)

    def mapped() -> Any:
        rngs = nnx.Rngs(noise=root)

        def fails(rngs: Any) -> Any:
            rngs.noise()
            raise ZeroDivisionError

        failing: Any = nnx.split_rngs(splits=s.size)(s.mapping(fails, in_axes=0))
        return raises(lambda: failing(rngs)), jnp.shape(read(rngs.noise.count))

    return mapped, (np.array(True), ())


def split_in_mode(s: Setting) -> Any:
    """One of two streams is split in the mode of the map: into one without an axis, and for each example."""
    root, names = jax.random.key(s.seed), ("noise", "other")

    def drawn(rngs: Any) -> Any:
        return [roll(rngs.noise()), roll(rngs.other())]

    def mapped() -> Any:
        rngs = nnx.Rngs(noise=root, other=root)
        split: Any = partial(nnx.split_rngs, only="noise", **s.mode)

        def inspected(rngs: Any, levels: int) -> Any:
            axes = s.axes_of(rngs, {"noise": 0, ...: None})
            function: Any = drawn
            for _ in range(levels):
                function = s.map(function, in_axes=(axes,))
            tags = [[getattr(rngs, n).key.tag == n, getattr(rngs, n).count.tag == n] for n in names]
            return read(rngs.noise.count), np.array(tags), function(rngs)

        results = []
        for levels, how in enumerate(({"splits": 1, "squeeze": True}, {"splits": s.size})):
            if s.mode:
                results.append(inspected(split(rngs, **how), levels))
                continue
            with split(rngs, **how):
                results.append(inspected(rngs, levels))
        return results

    first, second = (jax.random.fold_in(root, count) for count in range(2))

    def one(key: Any, other: Any) -> Any:
        return [roll(jax.random.fold_in(key, 0)), roll(other)]

    squeezed = one(jax.random.split(first, 1)[0], first)
    each = jax.random.split(second, s.size)
    tags = np.ones((2, 2), bool)
    return mapped, [
        (jnp.uint32(0), tags, squeezed),
        (jnp.zeros(s.size, jnp.uint32), tags, s.loop(lambda i: one(each[i], second))),
    ]


USES: dict[str, Use] = {
    "use.split-in-mode": split_in_mode,
    "use.dropout-of-members": dropout_of_members,
    "use.one-of-two-streams": one_of_two_streams,
    "use.unsplit-stream": unsplit,
    "use.constructor": constructor,
    "use.copies": copies,
    "use.split-twice": split_twice,
    "use.missing-stream": missing_stream,
    "use.error-while-split": error_while_split,
}

NEEDS: dict[str, str] = {"use.split-in-mode": "0.10.3"}
"""The first release of Flax that has what a use is of, where the oldest has not."""

IN_ONE_WAY: tuple[str, ...] = (
    "use.dropout-of-members",
    "use.one-of-two-streams",
    "use.constructor",
    "use.split-twice",
    "use.error-while-split",
)
"""Uses of which the mode of the map changes nothing: they choose it themselves."""
