"""Recurrences under a map: sequences of several lengths, forwards and back."""

from typing import Any

import jax.numpy as jnp
from flax import nnx

from conformance.transforms.nnx.lift import read
from conformance.transforms.nnx.uses.base import FEATURES, OUTPUTS, Setting, Use
from conformance.transforms.sequences import both_ways, right_ways, sequences


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
    return lambda: s.map(called, in_axes=0)(w, *given), right


USES: dict[str, Use] = {"use.recurrent": through_sequences}

NEEDS: dict[str, str] = {"use.recurrent": "0.10.2"}
"""The first release of Flax that has what a use is of, where the oldest has not."""
