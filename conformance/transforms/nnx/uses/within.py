"""Lifts that are called by themselves from within, and streams of every kind of key."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from conformance.transforms.nnx.lift import read
from conformance.transforms.nnx.uses.base import (
    Net,
    Setting,
    Use,
    has_tracer,
    variables,
)

DEPTH = 2
"""How often what is called calls itself again."""


class Again(Net):
    """A `Net` whose compiled method calls itself, and counts its calls by what it adds to its total."""

    @nnx.jit(static_argnums=2)
    def again(self, x: Any, depth: int) -> Any:
        """Give the sum of what it gives at each depth."""
        y = self(x)
        return y + self.again(x + 1, depth - 1) if depth else y

    @nnx.remat(static_argnums=2)
    def kept(self, x: Any, depth: int) -> Any:
        """The same, of which nothing is kept for a gradient."""
        y = self(x)
        return y + self.kept(x + 1, depth - 1) if depth else y


def called_again(s: Setting) -> Any:
    """A function under a lift calls the lift of itself, and other lifts of the module that it was given."""
    transforms: Any = nnx

    def through(net: Any, x: Any, depth: int) -> Any:
        """A branch, a loop and a compiled call within each other, each of which calls the next one."""
        if not depth:
            return net(x)

        def step(net: Any, x: Any) -> Any:
            return through(net, x, depth - 1)

        ways = [
            transforms.jit(step, **s.mode),
            partial(transforms.cond, True, step, lambda net, x: 0 * net(x), **s.mode),
            transforms.remat(step, **s.mode),
        ]
        return net(x) + ways[depth % 3](net, x + 1)

    def within(net: Any, x: Any) -> Any:
        # A map within a map, of the same function: of one example alone.
        axes = s.axes_of(net, {...: None})
        again = lambda net, x: through(net, x, DEPTH + 1)  # noqa: E731
        return s.map(again, in_axes=(axes, None), axis_size=1, out_axes=None)(net, x)

    def of_methods(net: Any, x: Any) -> Any:
        return [net.again(x, DEPTH), net.kept(x, DEPTH)]

    def loss(net: Any, x: Any) -> Any:
        y = through(net, x, 1)
        slopes = transforms.grad(lambda net: jnp.sum(net.encode(x)), **s.mode)(net)
        return jnp.sum(y) + jnp.sum(read(slopes.b))

    def mapped() -> Any:
        net = Again(**s.placed(s.values()))
        axes = (s.axes_of(net, s.filters()), 0)
        call = partial(s.map, in_axes=axes)
        y = call(within)(net, s.inputs())
        # A method is lifted as Flax does by itself.
        methods = [*(call(of_methods)(net, s.inputs()) if not s.mode else [])]
        slopes = call(transforms.grad(loss, **s.mode))(net, s.inputs())
        return y, methods, read(slopes.w), variables(net), has_tracer(net)

    def one(i: int) -> Any:
        net, x = s.member(i), s.inputs()[i]
        y = sum(net(x + n) for n in range(DEPTH + 2))
        methods = []
        for _ in range(0 if s.mode else 2):
            methods.append(sum(net(x + n) for n in range(DEPTH + 1)))
        for n in (0, 1):
            net(x + n)
        slope = jnp.broadcast_to((x + x + 1)[:, None], net.w.shape)
        return y, methods, slope, variables(net)

    y, methods, slope, after = s.loop(one)
    return mapped, (y, methods, slope, s.placed(after), np.array(False))


IMPLEMENTATIONS = ("rbg", "unsafe_rbg")
"""What JAX calls its other kinds of keys, which take turns: each of them compiles all draws anew."""


def _data(key: Any) -> Any:
    return jax.random.key_data(key)


def _drawn(rngs: Any) -> Any:
    """Two keys of one stream, and one of another."""
    return _data(rngs.noise()), _data(rngs.noise()), _data(rngs.params())


def _fold(key: Any, count: int) -> Any:
    return jax.random.fold_in(key, jnp.uint32(count))


def keys_of_kinds(s: Setting) -> Any:
    """Streams of every kind of key, new or old, are drawn from, split, forked, repeated and seeded anew."""
    by_hand: Any = nnx

    def split_by_map(rngs: Any) -> Any:
        axes = s.axes_of(rngs, {"noise": 0, ...: None})
        return s.map(lambda rngs, _: _drawn(rngs), in_axes=(axes, 0))(rngs, jnp.zeros(s.size))

    def of(root: Any) -> Any:
        rngs: Any = nnx.Rngs(root, noise=root)
        drawn = [_drawn(rngs)]
        with by_hand.split_rngs(rngs, splits=s.size, only="noise"):
            drawn.append(split_by_map(rngs))
        drawn.append(split_by_map(rngs.split({"noise": s.size, ...: None})))
        forked, repeated = rngs.fork(), rngs.noise.broadcast((s.size, 2))
        keys = [forked.noise.key, forked.default.key, repeated.key]
        by_hand.reseed(rngs, noise=root)
        counts = [read(stream.count) for stream in (rngs.noise, rngs.default)]
        return drawn, [_data(read(key)) for key in (*keys, rngs.noise.key)], counts

    def mapped() -> Any:
        return [of(root) for root in (other, _data(old))]

    old = jax.random.key(s.seed, impl="threefry2x32")
    other = jax.random.key(s.seed, impl=IMPLEMENTATIONS[s.seed // 2 % 2])
    return mapped, [_as_jax(s, root) for root in (other, old)]


def _as_jax(s: Setting, root: Any) -> Any:
    """What `keys_of_kinds` must give, by `jax.random` alone: both streams begin with one key."""

    def draw(noise: Any, default: Any, zero: Any, count: int) -> Any:
        keys = [_data(jax.random.fold_in(noise, zero + n)) for n in (0, 1)]
        return *keys, _data(_fold(default, count))

    # Some keys give others where they are folded with as many counts at once.
    zeros = jnp.zeros(s.size, jnp.uint32)
    split = jax.random.split(_fold(root, 2), s.size)
    parts = jax.random.split(_fold(root, 3), s.size)
    drawn = [
        draw(root, root, jnp.uint32(0), 0),
        jax.vmap(lambda key, zero: draw(key, root, zero, 1))(split, zeros),
        # A stream that is not split begins anew.
        jax.vmap(lambda key, zero: draw(key, root, zero, 0))(parts, zeros),
    ]
    keys = [_fold(root, 4), _fold(root, 2), jnp.broadcast_to(_fold(root, 5), (s.size, 2))]
    counts = [jnp.uint32(0), jnp.uint32(3)]
    return drawn, [_data(key) for key in (*keys, _fold(root, 0))], counts


USES: dict[str, Use] = {
    "use.called-again": called_again,
    "use.keys-of-kinds": keys_of_kinds,
}

NEEDS: dict[str, str] = dict.fromkeys(USES, "0.12.8")
"""The first release of Flax that has what a use is of, where the oldest has not."""
