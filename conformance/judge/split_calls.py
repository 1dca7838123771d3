"""How the calls of one exercise are divided between two processes.

Compiling is what costs, so each process gets half of the shapes. It repeats a random part of the
other one's calls in an order of its own: answers from call counts or stored state then differ.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from conformance.judge.expected_answers import Call

REPEATED_SHAPES, REPEATED_CALLS = 1, 5
"""How much of the other process' part is repeated: so many shapes, so many calls of each."""


def split_calls(calls: Sequence[Call], seed: int) -> tuple[list[Call], list[Call]]:
    """The calls of two processes: half of the shapes each, and a random part of the other's.

    Args:
        calls: the calls to divide.
        seed: which part is repeated, and the order of each process' calls.

    """
    source = random.Random(seed)
    shapes = sorted({call.shape for call in calls})
    first = [call for call in calls if shapes.index(call.shape) % 2 == 0]
    second = [call for call in calls if shapes.index(call.shape) % 2 == 1]
    parts = []
    for own, other in ((first, second), (second, first)):
        theirs = sorted({call.shape for call in other})
        chosen = source.sample(theirs, min(REPEATED_SHAPES, len(theirs)))
        again = [call for shape in chosen for call in _some(other, shape, source)]
        part = [*own, *again]
        source.shuffle(part)
        parts.append(part)
    return parts[0], parts[1]


def _some(calls: Sequence[Call], shape: int, source: random.Random) -> list[Call]:
    here = [call for call in calls if call.shape == shape]
    return source.sample(here, min(REPEATED_CALLS, len(here)))
