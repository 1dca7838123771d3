"""One part of a computation as some students write it: a network, a loss or a step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple


class Way(NamedTuple):
    """A wrong way to compute one part of an exercise.

    Attributes:
        id: of the pitfall that it is.
        symptom: one sentence: what it does.
        fix: one sentence: what to change.
        compute: what computes the part so.

    """

    id: str
    symptom: str
    fix: str
    compute: Callable[..., Any]
