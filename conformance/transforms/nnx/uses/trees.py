"""Trees that make new arrays whenever they are flattened, and carries of numbers, under a map."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from conformance.transforms.new_leaves import Fresh
from conformance.transforms.nnx.lift import read, write
from conformance.transforms.nnx.uses.base import FEATURES, Setting, Total, Use

STEPS = 3
"""How many turns a loop takes."""


def _step(total: Any, carry: Any, x: Any) -> Any:
    """Add x to the carry and to a total, and give both."""
    write(total, Fresh(read(total).value + x.value))
    carry = Fresh(carry.value + x.value)
    return carry, Fresh(2 * carry.value)


def _through_lifts(total: Any, xs: Any, mode: Any) -> Any:
    """What each lift gives of such trees."""
    by_hand: Any = nnx
    # Where the graph is updated, a scan refuses such a carry: `carried_numbers`.
    scan = partial(by_hand.scan, **(mode or {"graph_updates": False}))
    x, axes = Fresh(xs.value[0]), {"in_axes": (nnx.Carry, 0), "out_axes": (nnx.Carry, 0)}
    loop = (0, total, x)
    found = {
        "scan": scan(lambda carry, x: _step(Total(x), carry, x), **axes)(x, xs),
        "jit": by_hand.jit(_step, **mode)(total, x, x),
        "remat": by_hand.remat(_step, **mode)(total, x, x),
        "cond": by_hand.cond(x.value[0] > 0, _step, _step, total, x, x, **mode),
        "switch": by_hand.switch(1, (_step, _step), total, x, x, **mode),
        "while": by_hand.while_loop(
            lambda given: given[0] < STEPS,
            lambda given: (given[0] + 1, given[1], _step(given[1], given[2], x)[0]),
            loop,
            **mode,
        )[2],
        "fori": by_hand.fori_loop(
            0, STEPS, lambda _, given: (given[0], _step(given[0], given[1], x)[0]), loop[1:], **mode
        )[1],
        "grad": by_hand.grad(
            lambda total, x: jnp.sum(_step(total, x, x)[1].value), argnums=1, **mode
        )(total, x),
    }
    inner = partial(by_hand.vmap, in_axes=(None, 0), **mode)
    found["vmap"] = inner(lambda x, xs: Fresh(x.value + xs.value))(x, xs)
    return found


def new_leaves(s: Setting) -> Any:
    """Arguments, carries, results and values of variables are trees that make new arrays when flattened."""
    xs, total = s.whole(5, s.size, STEPS, FEATURES), s.whole(6, s.size, FEATURES)

    def mapped() -> Any:
        held = Total(Fresh(total))
        call = s.map(lambda total, xs: _through_lifts(total, xs, s.mode), in_axes=0)
        found = call(held, Fresh(xs))
        return jax.tree_util.tree_map(
            lambda each: each.value, found, is_leaf=lambda each: isinstance(each, Fresh)
        ), read(held).value

    x, sums = xs[:, 0], jnp.cumsum(xs, 1) + xs[:, :1]
    once, turned = (2 * x, 4 * x), (1 + STEPS) * x
    right = {
        "scan": (sums[:, -1], 2 * sums),
        **dict.fromkeys(("jit", "remat", "cond", "switch"), once),
        **dict.fromkeys(("while", "fori"), turned),
        "grad": jnp.full_like(x, 4),
        "vmap": x[:, None] + xs,
    }
    return mapped, (right, total + (5 + 2 * STEPS) * x)


def carried_numbers(s: Setting) -> Any:
    """A scan carries a number of Python's, an array of NumPy's and a tree that makes one when flattened."""
    xs = s.whole(5, s.size, STEPS, FEATURES)

    def turn(carry: Any, x: Any) -> Any:
        number, array, fresh = carry
        y = number * x + array + fresh.value
        return (2.0, np.ones(FEATURES, np.float32), Fresh(y)), y

    def called(xs: Any) -> Any:
        scan: Any = partial(nnx.scan, in_axes=(nnx.Carry, 0), out_axes=(nnx.Carry, 0))
        start = 1.0, np.zeros(FEATURES, np.float32), Fresh(xs[0])
        (number, array, fresh), ys = scan(turn)(start, xs)
        return number, array, fresh.value, ys

    def one(i: int) -> Any:
        carry, ys = (1.0, np.zeros(FEATURES, np.float32), Fresh(xs[i, 0])), []
        for x in xs[i]:
            carry, y = turn(carry, x)
            ys.append(y)
        return jnp.float32(2), np.ones(FEATURES, np.float32), ys[-1], jnp.stack(ys)

    return lambda: s.map(called, in_axes=0)(xs), s.loop(one)


USES: dict[str, Use] = {"use.new-leaves": new_leaves, "use.carried-numbers": carried_numbers}

NEEDS: dict[str, str] = {"use.new-leaves": "0.12.8", "use.carried-numbers": "0.10.2"}
"""The first release of Flax that has what a use is of, where the oldest has not."""

IN_ONE_WAY: tuple[str, ...] = ("use.carried-numbers",)
"""Uses of which the mode of the map changes nothing: they choose it themselves."""
