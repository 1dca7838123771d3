"""Make the sizes of a violating call smaller, so that a person can read the arrays."""

from collections.abc import Callable, Iterator

import attrs

from properties.call import Call, FunctionCall
from properties.law import Law, Violation, violation
from properties.sizes import sizes
from properties.subject import AXIS
from properties.transform import Transform

FIXED = (AXIS, "width", "vocabulary")
"""Sizes that stay: how examples were moved shows only among several, and modules demand the others."""


def with_smaller_sizes(
    law: Law, transform: Transform, found: Violation, allowed: Callable[[Call], bool]
) -> Violation:
    """A violation of the same kind by a smaller call, or the violation that was given.

    Hypothesis cannot do this: calls take their sizes from a small pool, since JAX compiles for every
    shape. Each attempt compiles, and there are as many as the call has sizes.

    Args:
        law: The law.
        transform: What maps.
        found: The violation, by one combination of axes.
        allowed: False for a call that shows a known defect.
    """
    smallest = found
    for smaller in _smaller(found.call):
        call = attrs.evolve(smallest.call, sizes={**smallest.call.sizes, **smaller})
        if call == smallest.call or not allowed(call):
            continue
        again = _violation(law, transform, call)
        if again is not None and again.mismatch.kind == found.mismatch.kind:
            smallest = again
            if len(smaller) > 1:
                break
    return smallest


def _smaller(call: Call) -> Iterator[dict[str, int]]:
    """Sizes to try: every one at once, then each by itself."""
    if not isinstance(call, FunctionCall):
        return
    ones = sizes(call.subject, "one-wide", 0)
    ones.pop(AXIS)
    yield ones
    for name in call.sizes:
        if name not in FIXED:
            yield {name: 1}


def _violation(law: Law, transform: Transform, call: Call) -> Violation | None:
    """What the law says of the call; nothing where the subject does not take such sizes."""
    try:
        return violation(law, transform, call)
    except Exception:
        return None
