"""Recurrences under a map: sequences of several lengths, forwards and back."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from conformance.transforms.nnx.lift import read
from conformance.transforms.nnx.uses.base import FEATURES, OUTPUTS, Setting, Use
from conformance.transforms.sequences import (
    at_once,
    both_ways,
    merged,
    right_at_once,
    right_ways,
    sequences,
)


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


USES: dict[str, Use] = {"use.recurrent": through_sequences, "use.both-at-once": both_at_once}

NEEDS: dict[str, str] = {"use.recurrent": "0.10.2", "use.both-at-once": "0.10.5"}
"""The first release of Flax that has what a use is of, where the oldest has not."""
