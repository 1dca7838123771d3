"""Recurrences under a map: sequences of several lengths, forwards and back."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from conformance.transforms.nnx.lift import read, write
from conformance.transforms.nnx.uses.base import (
    FEATURES,
    OUTPUTS,
    Setting,
    Total,
    Use,
    state_axes,
)
from conformance.transforms.nnx.uses.streams import left, roll
from conformance.transforms.sequences import (
    LINES,
    STEPS,
    at_once,
    both_ways,
    merged,
    reordered,
    right_at_once,
    right_ways,
    sequences,
)

WAYS: tuple[tuple[int, dict[str, Any]], ...] = (
    (2, {"return_carry": True}),
    (1, {"reverse": True, "time_major": True, "broadcast_rngs": "noise"}),
)
"""How often recurrences whose cells draw are called, and their options."""
BACK: dict[str, Any] = {"reverse": True, "keep_order": True, "broadcast_rngs": nnx.RngState}
"""The options of one that goes back beside one that goes on: these take turns in drawing their carries."""


class Cell(nnx.RNNCellBase):
    """The carry is twice what it was, and x w."""

    def __init__(self, w: Any) -> None:
        self.w = nnx.Param(w)

    def initialize_carry(self, *given: Any) -> Any:
        """Give zeros; the releases of Flax differ in which argument is the shape."""
        (shape,) = [each for each in given if isinstance(each, tuple)]
        return jnp.zeros((*shape[:-1], OUTPUTS))

    @property
    def num_feature_axes(self) -> int:
        """How many axes of an input are not of the batch."""
        return 1

    def __call__(self, carry: Any, x: Any) -> Any:
        """Give the carry, and one more than it."""
        carry = 2 * carry + jnp.dot(x, read(self.w))
        return carry, carry + 1


def through_sequences(s: Setting) -> Any:
    """Sequences whose lengths differ are gone through forwards, and back from a carry along another axis."""
    w = s.whole(4, s.size, FEATURES, OUTPUTS)
    given = sequences(s.whole, s.size, FEATURES, OUTPUTS)

    def called(w: Any, *given: Any) -> Any:
        return both_ways(nnx.RNN(Cell(w)), *given)

    right = s.loop(lambda i: right_ways(w[i], *(each[i] for each in given)))
    return lambda: jax.jit(s.map(called, in_axes=0))(w, *given), right


def both_at_once(s: Setting) -> Any:
    """Sequences are gone through both ways at once, with two cells and with one, from the same carry."""
    transforms: Any = nnx
    w, given = (
        s.whole(4, s.size, 3, FEATURES, OUTPUTS),
        sequences(s.whole, s.size, FEATURES, OUTPUTS),
    )

    def called(w: Any, *given: Any) -> Any:
        first, last, one = map(Cell, w)
        return [
            at_once(transforms.Bidirectional(*map(nnx.RNN, pair), merge_fn=merged), *given)
            for pair in ((first, last), (one, one))
        ]

    def one(i: int) -> Any:
        each = [value[i] for value in given]
        return [right_at_once(two, *each) for two in (w[i, :2], w[i, 2:].repeat(2, 0))]

    return lambda: jax.jit(s.map(called, in_axes=0))(w, *given), s.loop(one)


class DrawingCell(Cell):
    """A cell that starts from what it draws, adds what it draws, counts, and sows."""

    def __init__(self, w: Any, key: Any) -> None:
        super().__init__(w)
        self.count, self.drawn = Total(jnp.zeros(())), nnx.BatchStat(jnp.zeros(OUTPUTS))
        self.rngs = nnx.Rngs(noise=key)

    def initialize_carry(self, *given: Any) -> Any:
        """Draw it; the releases of Flax differ in which argument is the shape."""
        shape, stream = sorted(given, key=lambda each: not isinstance(each, tuple))
        return roll(stream(), *shape[:-1], OUTPUTS)

    def __call__(self, carry: Any, x: Any) -> Any:
        """Give the carry, and how many steps there were more than it."""
        drawn = roll(self.rngs.noise(), OUTPUTS)
        write(self.drawn, read(self.drawn) + drawn)
        write(self.count, read(self.count) + 1)
        self.sow(nnx.Intermediate, "seen", drawn)
        carry, _ = super().__call__(carry, x)
        return carry + drawn, carry + drawn + read(self.count)


def _drawing(w: Any, key: Any) -> Any:
    """A recurrence in each way, and one both ways, whose carries are drawn from one stream."""
    by_hand: Any = nnx
    axes = state_axes({nnx.Intermediate: 0, ...: nnx.Carry})

    def made(way: Any) -> Any:
        return by_hand.RNN(DrawingCell(w, key), rngs=nnx.Rngs(carry=key), state_axes=axes, **way)

    both = by_hand.Bidirectional(
        made({}), made(BACK), merge_fn=merged, rngs=nnx.Rngs(carry=key), return_carry=True
    )
    return [*[made(way) for _, way in WAYS], both]


def _drawn(parts: Any, xs: Any, lengths: Any) -> Any:
    """What each of them gives in each call, what it has sown, and what is left of it."""
    *rnns, both = parts
    given: list[Any] = []
    within = (jnp.arange(STEPS) < lengths[:, None])[..., None]
    for (calls, way), rnn in zip(WAYS, rnns, strict=True):
        major = way.get("time_major", False)
        for _ in range(calls):
            y = rnn(jnp.moveaxis(xs, 1, 0) if major else xs, seq_lengths=lengths)
            carry, y = y if way.get("return_carry") else (None, y)
            popped: Any = nnx.pop(rnn, nnx.Intermediate)
            (seen,) = jax.tree_util.tree_leaves(popped)
            given.append((carry, jnp.where(within, jnp.moveaxis(y, 1, 0) if major else y, 0), seen))
        given.append((read(rnn.cell.count), read(rnn.cell.drawn), left(rnn.cell.rngs, "noise")))
    carry, y = both(xs, seq_lengths=lengths)
    nnx.pop(both, nnx.Intermediate)
    return given, carry, jnp.where(within, y, 0)


def _right_drawn(w: Any, key: Any, xs: Any, lengths: Any) -> Any:
    """What `_drawn` must give, by loops over calls and steps."""
    fold, split = jax.random.fold_in, jax.random.split
    start = fold(key, 0)

    def call(way: Any, n: int, begin: int) -> Any:
        alike = "broadcast_rngs" in way
        stream = split(fold(key, n), 1)[0] if alike else key
        carry, back = roll(fold(start, begin), LINES, OUTPUTS), way.get("reverse")
        given, seen, carries, ys = reordered(xs, lengths) if back else np.asarray(xs), [], [], []
        for t in range(STEPS):
            seen.append(roll(fold(stream, 0 if alike else n * STEPS + t), OUTPUTS))
            carry = 2 * carry + given[:, t] @ w + seen[-1]
            carries.append(carry)
            ys.append(carry + n * STEPS + t + 1)
        last = jnp.stack([carries[int(n) - 1][i] for i, n in enumerate(lengths)])
        y = np.where((np.arange(STEPS) < lengths[:, None])[..., None], np.stack(ys, 1), 0)
        y = reordered(y, lengths) if back and way.get("keep_order") else y
        return last, y, jnp.stack(seen)

    given: list[Any] = []
    for count, way in WAYS:
        calls = [call(way, n, n) for n in range(count)]
        for last, y, seen in calls:
            given.append((last if way.get("return_carry") else None, y, seen))
        drawn = sum(seen.sum(0) for *_, seen in calls)
        drew = count if "broadcast_rngs" in way else count * STEPS
        noise = [jax.random.key_data(key), jnp.uint32(drew)]
        given.append((jnp.float32(count * STEPS), drawn, {"noise": noise}))
    forwards, back = call({}, 0, 0), call(BACK, 0, 1)
    return given, (forwards[0], back[0]), merged(forwards[1], back[1])


def drawing_cells(s: Setting) -> Any:
    """Recurrences whose cells draw, count and sow are made under a map, and called under another, twice."""
    w, (xs, lengths, _) = (
        s.whole(4, s.size, FEATURES, OUTPUTS),
        sequences(s.whole, s.size, FEATURES, OUTPUTS),
    )
    keys = jax.random.split(jax.random.key(s.seed % 2**31), s.size)

    def mapped() -> Any:
        @jax.jit
        def whole(w: Any, keys: Any, xs: Any, lengths: Any) -> Any:
            parts = s.map(_drawing, in_axes=0)(w, keys)
            return s.map(_drawn, in_axes=0)(parts, xs, lengths)

        return whole(w, keys, xs, lengths)

    return mapped, s.loop(lambda i: _right_drawn(w[i], keys[i], xs[i], np.asarray(lengths[i])))


USES: dict[str, Use] = {
    "use.recurrent": through_sequences,
    "use.both-at-once": both_at_once,
    "use.drawing-cells": drawing_cells,
}

NEEDS: dict[str, str] = {
    "use.recurrent": "0.10.2",
    "use.both-at-once": "0.10.5",
    "use.drawing-cells": "0.12.8",
}
"""The first release of Flax that has what a use is of, where the oldest has not."""
