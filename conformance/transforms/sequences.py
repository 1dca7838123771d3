"""Sequences of several lengths, and what a recurrence must give whose carry is twice what it was, and x w."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

STEPS, LINES = 4, 2
"""How many steps a sequence has, and how many sequences an example has."""


def sequences(whole: Callable[..., Any], size: int, features: int, outputs: int) -> Any:
    """Whole numbers: the sequences of each example, their lengths, and the carries to start from."""
    lengths = 1 + jnp.abs(whole(6, size, LINES)).astype(jnp.int32) % STEPS
    return whole(5, size, LINES, STEPS, features), lengths, whole(7, size, LINES, outputs)


def both_ways(rnn: Any, xs: Any, lengths: Any, start: Any) -> Any:
    """What a recurrence gives of sequences, forwards and back; behind the end of one, zeros."""
    within = jnp.arange(STEPS) < lengths[:, None]

    def seen(ys: Any) -> Any:
        return jnp.where(within[..., None], ys, 0)

    how = {"seq_lengths": lengths, "return_carry": True}
    last, ys = rnn(xs, **how)
    back = {"initial_carry": start, "time_major": True, "reverse": True, "keep_order": True}
    first, zs = rnn(jnp.moveaxis(xs, 1, 0), **how, **back)
    return (last, seen(ys)), (first, seen(jnp.moveaxis(zs, 1, 0)))


def right_ways(w: Any, xs: Any, lengths: Any, start: Any) -> Any:
    """What `both_ways` must give, by a loop over the steps of each sequence."""
    w, xs, start = (np.asarray(each) for each in (w, xs, start))

    def run(x: Any, carry: Any) -> Any:
        ys = np.zeros((STEPS, w.shape[1]), np.float32)
        for n, each in enumerate(x):
            carry = 2 * carry + each @ w
            ys[n] = carry + 1
        return carry, ys

    def back(x: Any, carry: Any) -> Any:
        carry, ys = run(x[::-1], carry)
        return carry, np.concatenate([ys[: len(x)][::-1], ys[len(x) :]])

    given = [x[: int(n)] for x, n in zip(xs, lengths, strict=True)]
    ways = (
        [run(x, np.zeros(w.shape[1], np.float32)) for x in given],
        [back(x, carry) for x, carry in zip(given, start, strict=True)],
    )
    return tuple(tuple(jnp.stack(each) for each in zip(*way, strict=True)) for way in ways)
