"""Recurrences of Linen under a map: sequences of several lengths, forwards and back."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from conformance.transforms.linen.uses.base import FEATURES, OUTPUTS, Setting, Use, roll
from conformance.transforms.sequences import (
    at_once,
    both_ways,
    merged,
    right_at_once,
    right_ways,
    sequences,
)


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


USES: dict[str, Use] = {"use.recurrent": through_sequences, "use.both-at-once": both_at_once}
