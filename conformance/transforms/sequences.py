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
    w, start = np.asarray(w), np.asarray(start)
    given = _within(xs, lengths)
    ways = (
        [_run(w, x, np.zeros(w.shape[1], np.float32)) for x in given],
        [_back(w, x, carry) for x, carry in zip(given, start, strict=True)],
    )
    return tuple(tuple(jnp.stack(each) for each in zip(*way, strict=True)) for way in ways)


def merged(forwards: Any, back: Any) -> Any:
    """One sequence of results of two."""
    return forwards + 2 * back


def at_once(both: Any, xs: Any, lengths: Any, start: Any) -> Any:
    """What a recurrence gives of sequences that goes both ways at once, from the same carry."""
    within = jnp.arange(STEPS) < lengths[:, None]
    carry, ys = both(xs, initial_carry=(start, start), seq_lengths=lengths, return_carry=True)
    return carry, jnp.where(within[..., None], ys, 0)


def right_at_once(two: Any, xs: Any, lengths: Any, start: Any) -> Any:
    """What `at_once` must give with these weights, by a loop over the steps of each sequence."""
    first, last = np.asarray(two)
    pairs = zip(_within(xs, lengths), np.asarray(start), strict=True)
    each = [(_run(first, x, carry), _back(last, x, carry)) for x, carry in pairs]
    carries = tuple(jnp.stack([pair[i][0] for pair in each]) for i in (0, 1))
    return carries, jnp.stack([merged(one[1], other[1]) for one, other in each])


def reordered(xs: Any, lengths: Any) -> Any:
    """Sequences back from where each ends; what is behind its end stays there."""
    each = zip(np.asarray(xs), lengths, strict=True)
    return np.stack([np.concatenate([x[: int(n)][::-1], x[int(n) :]]) for x, n in each])


def _within(xs: Any, lengths: Any) -> list[Any]:
    """The steps of each sequence."""
    return [x[: int(n)] for x, n in zip(np.asarray(xs), lengths, strict=True)]


def _run(w: Any, x: Any, carry: Any) -> Any:
    ys = np.zeros((STEPS, w.shape[1]), np.float32)
    for n, each in enumerate(x):
        carry = 2 * carry + each @ w
        ys[n] = carry + 1
    return carry, ys


def _back(w: Any, x: Any, carry: Any) -> Any:
    carry, ys = _run(w, x[::-1], carry)
    return carry, np.concatenate([ys[: len(x)][::-1], ys[len(x) :]])
