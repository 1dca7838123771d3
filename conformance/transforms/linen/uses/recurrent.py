"""Recurrences of Linen under a map: sequences of several lengths, forwards and back."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from conformance.transforms.linen.uses.base import (
    FEATURES,
    OUTPUTS,
    Setting,
    Use,
    bits,
    of_all,
    roll,
)
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
    (1, {"reverse": True, "time_major": True}),
)
"""How often recurrences whose cells draw are called, and their options."""
BACK: dict[str, Any] = {"reverse": True, "keep_order": True}
"""The options of one that goes back beside one that goes on."""


class Cell(nn.RNNCellBase):
    """The carry is twice what it was, and x w."""

    @nn.compact
    def __call__(self, carry: Any, x: Any) -> Any:
        """Give the carry, and one more than it."""
        carry = 2 * carry + jnp.dot(x, self.param("w", roll, (FEATURES, OUTPUTS)))
        return carry, carry + 1

    @nn.nowrap
    def initialize_carry(self, _: Any, shape: Any) -> Any:
        """Give zeros."""
        return jnp.zeros((*shape[:-1], OUTPUTS))

    @property
    def num_feature_axes(self) -> int:
        """How many axes of an input are not of the batch."""
        return 1


class Recurrent(nn.Module):
    """A recurrence, both ways."""

    @nn.compact
    def __call__(self, *given: Any) -> Any:
        """Give what it gives of the sequences."""
        return both_ways(nn.RNN(Cell(name="cell")), *given)


def through_sequences(s: Setting) -> Any:
    """Sequences whose lengths differ are gone through forwards, and back from a carry along another axis."""
    w = s.whole(4, s.size, FEATURES, OUTPUTS)
    given = sequences(s.whole, s.size, FEATURES, OUTPUTS)

    def mapped() -> Any:
        apply = jax.jit(s.ensemble(Recurrent)().apply)
        return apply(s.placed({"params": {"cell": {"w": w}}}), *given)

    return mapped, s.loop(lambda i: right_ways(w[i], *(each[i] for each in given)))


class AtOnce(nn.Module):
    """Two recurrences, one of them back, and one both ways of a single cell."""

    @nn.compact
    def __call__(self, *given: Any) -> Any:
        """Give what both give of the sequences."""
        one: Any = Cell(name="one")
        both: Any = nn.Bidirectional
        cells = [(Cell(name="first"), Cell(name="last")), (one, one)]
        return [at_once(both(*map(nn.RNN, pair), merge_fn=merged), *given) for pair in cells]


def both_at_once(s: Setting) -> Any:
    """Sequences are gone through both ways at once, with two cells and with one, from the same carry."""
    names, w = ("first", "last", "one"), s.whole(4, 3, s.size, FEATURES, OUTPUTS)
    params = {name: {"w": each} for name, each in zip(names, w, strict=True)}
    given = sequences(s.whole, s.size, FEATURES, OUTPUTS)

    def mapped() -> Any:
        apply = jax.jit(s.ensemble(AtOnce)().apply)
        return apply(s.placed({"params": params}), *given)

    def one(i: int) -> Any:
        each = [value[i] for value in given]
        return [right_at_once(two, *each) for two in (w[:2, i], w[2:, i].repeat(2, 0))]

    return mapped, s.loop(one)


class DrawingCell(Cell):
    """A cell that starts from what it draws, adds how many steps there were, and sows what it draws."""

    @nn.compact
    def __call__(self, carry: Any, x: Any) -> Any:
        """Give the carry, twice."""
        for name in ("noise", "other"):
            self.sow("seen", name, bits(self.make_rng(name)))
        count = self.variable("stats", "count", jnp.zeros, ())
        count.value = count.value + 1
        carry = 2 * carry + jnp.dot(x, self.param("w", roll, (FEATURES, OUTPUTS))) + count.value
        return carry, carry

    @nn.nowrap
    def initialize_carry(self, key: Any, shape: Any) -> Any:
        """Draw it."""
        return roll(key, (*shape[:-1], OUTPUTS))


def _drawing(name: str, way: Any) -> Any:
    """A recurrence whose count is carried, and of whose two streams one is split."""
    return nn.RNN(
        DrawingCell(name=name),
        variable_axes={"seen": 0},
        variable_carry="stats",
        split_rngs={"params": False, "noise": True, "other": False},
        **way,
    )


class InAllWays(nn.Module):
    """A recurrence in each way, and one both ways."""

    @nn.compact
    def __call__(self, xs: Any, lengths: Any, key: Any) -> Any:
        """Give what each gives in each call."""
        given: list[Any] = []
        within = (jnp.arange(STEPS) < lengths[:, None])[..., None]
        how = {"seq_lengths": lengths, "init_key": key}
        for n, (calls, way) in enumerate(WAYS):
            rnn, major = _drawing(f"cell{n}", way), way.get("time_major", False)
            for _ in range(calls):
                y: Any = rnn(jnp.moveaxis(xs, 1, 0) if major else xs, **how)
                carry, y = y if way.get("return_carry") else (None, y)
                given.append((carry, jnp.where(within, jnp.moveaxis(y, 1, 0) if major else y, 0)))
        pair = _drawing("forwards", {}), _drawing("back", BACK)
        both: Any = nn.Bidirectional(*pair, merge_fn=merged, return_carry=True)
        carry, y = both(xs, **how)
        return given, carry, jnp.where(within, y, 0)


_CELLS = ("cell0", "cell1", "forwards", "back")


def _right_drawn(w: Any, count: Any, key: Any, xs: Any, lengths: Any) -> Any:
    """What `InAllWays` must give, by loops over calls and steps, and the counts that it leaves."""
    counts = dict(zip(_CELLS, np.asarray(count), strict=True))
    weights = dict(zip(_CELLS, np.asarray(w), strict=True))
    within = (np.arange(STEPS) < lengths[:, None])[..., None]

    def call(name: str, way: Any, key: Any) -> Any:
        carry, back = roll(key, (LINES, OUTPUTS)), way.get("reverse")
        given, carries = reordered(xs, lengths) if back else np.asarray(xs), []
        for t in range(STEPS):
            counts[name] = counts[name] + 1
            carry = 2 * carry + given[:, t] @ weights[name] + counts[name]
            carries.append(carry)
        last = jnp.stack([carries[int(n) - 1][i] for i, n in enumerate(lengths)])
        y = np.where(within, np.stack(carries, 1), 0)
        return last, reordered(y, lengths) if back and way.get("keep_order") else y

    given: list[Any] = []
    for n, (calls, way) in enumerate(WAYS):
        for _ in range(calls):
            last, y = call(f"cell{n}", way, key)
            given.append((last if way.get("return_carry") else None, y))
    keys = jax.random.split(key)
    forwards, back = call("forwards", {}, keys[0]), call("back", BACK, keys[1])
    y = given, (forwards[0], back[0]), merged(forwards[1], back[1])
    return y, {name: {"count": value} for name, value in counts.items()}


def drawing_cells(s: Setting) -> Any:
    """Recurrences whose cells draw, count and sow are called under a map, one of them twice."""
    w = s.whole(4, s.size, len(_CELLS), FEATURES, OUTPUTS)
    count, key = s.whole(8, s.size, len(_CELLS)), jax.random.key(s.seed)
    xs, lengths, _ = sequences(s.whole, s.size, FEATURES, OUTPUTS)
    roots = {"noise": key, "other": jax.random.key(s.seed + 1)}

    def mapped() -> Any:
        lifted = s.ensemble(
            InAllWays,
            in_axes=(0, 0, None),
            variable_axes={"params": s.axis, "stats": 0, "seen": 0},
            split_rngs={"params": True, "noise": True, "other": False},
        )()
        variables = {
            **s.placed({"params": {name: {"w": w[:, n]} for n, name in enumerate(_CELLS)}}),
            "stats": {name: {"count": count[:, n]} for n, name in enumerate(_CELLS)},
        }
        apply = jax.jit(lambda *given: lifted.apply(*given, rngs=roots, mutable=["stats", "seen"]))
        y, state = apply(variables, xs, lengths, key)
        seen = [state["seen"][name] for name in _CELLS]
        drawn = {
            name: jnp.concatenate([jnp.stack(each[name], 1) for each in seen], 1)
            for name in ("noise", "other")
        }
        other = drawn["other"]
        # What is drawn in all, by one member, and in the first steps alone.
        numbers = [of_all(each) for each in (drawn["noise"], other, other[0], other[:, :, 0])]
        return y, state["stats"], numbers

    right, left = s.loop(lambda i: _right_drawn(w[i], count[i], key, xs[i], np.asarray(lengths[i])))
    calls = sum(calls for calls, _ in WAYS) + 2
    return mapped, (right, left, [np.array(n) for n in (s.size * calls * STEPS, *[calls] * 3)])


USES: dict[str, Use] = {
    "use.recurrent": through_sequences,
    "use.both-at-once": both_at_once,
    "use.drawing-cells": drawing_cells,
}
