"""Smaller sizes for a violating call, so that a person can read the arrays."""

from collections.abc import Iterator

import attrs

from properties.call import FunctionCall
from properties.sizes import sizes
from properties.subject import AXIS

FIXED = (AXIS, "width", "vocabulary")
"""Sizes that stay: how examples were moved shows only among several, and modules demand the others."""


def smaller_sizes(call: FunctionCall) -> Iterator[FunctionCall]:
    """The call with every size one at once, then with each by itself.

    Hypothesis cannot shrink sizes: calls take them from a small pool, since JAX compiles for every shape.
    """
    ones = sizes(call.subject, "one-wide", 0)
    ones.pop(AXIS)
    each = [{name: 1} for name in call.sizes if name not in FIXED]
    for changed in (ones, *each):
        smaller = {**call.sizes, **changed}
        if smaller != call.sizes:
            yield attrs.evolve(call, sizes=smaller)
