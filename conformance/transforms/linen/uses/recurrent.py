"""Recurrences of Linen under a map: sequences of several lengths, forwards and back."""

from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from conformance.transforms.linen.uses.base import FEATURES, OUTPUTS, Setting, Use, roll
from conformance.transforms.sequences import both_ways, right_ways, sequences


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
        return s.ensemble(Recurrent)().apply(s.placed({"params": {"cell": {"w": w}}}), *given)

    return mapped, s.loop(lambda i: right_ways(w[i], *(each[i] for each in given)))


USES: dict[str, Use] = {"use.recurrent": through_sequences}
