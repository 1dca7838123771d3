"""Calls that both releases accept, and that give other results."""

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from conformance.events.arrays import Array, decode
from conformance.upgrade.difference import Difference, ObservationPair, Value
from conformance.upgrade.kinds import DifferenceKind

RESULTS = DifferenceKind(
    "results-changed",
    "Other results",
    ("result changed", "results changed"),
    "A call that both releases accept gives other values, shapes, dtypes or another tree.",
    "Look for such calls of your own, and at what they give.",
    62,
    "work",
)
FACTS = DifferenceKind(
    "facts-changed",
    "Other kinds of objects",
    ("kind of object changed", "kinds of objects changed"),
    "What a call gives, or what an object has, is of another kind; its numbers are the same.",
    "Only code that looks at the kind sees it.",
    112,
    "know",
)
KINDS = (RESULTS, FACTS)

_MESSAGE = re.compile(r"\w*(Error|Exception): ")
"""How a value begins that is the error of a part of a call."""
_LONGEST = 100
"""Characters of a result in a sentence."""
_CLOSE = 1e-5
"""Relative: the calls compute sums and products of small whole numbers."""
_ROUNDING = 1e-6
"""What rounding leaves of a difference of numbers about one, where the result is zero."""


def find(pair: ObservationPair) -> Iterator[Difference]:
    """One difference for each form of a call that gives something else."""
    for key, was, now in pair.of("calls"):
        if not all(isinstance(value, dict) and "gives" in value for value in (was, now)):
            continue
        # Of what was only traced there is None for a value.
        arrays = any(v is None or _is_array(v) for v in (*was["values"], *now["values"]))
        kind = RESULTS if arrays else FACTS
        if _is_named_now(was["gives"], now["gives"]):
            yield Difference(FACTS, key, f"gave {was['gives']}; gives {now['gives']}")
        elif was["gives"] != now["gives"]:
            gave, gives = (_in_words(value) for value in (was, now))
            yield Difference(kind, key, f"gave {gave}; gives {gives}")
        elif not all(map(_alike, was["values"], now["values"])):
            said = f"gave {_numbers(was)}; gives {_numbers(now)}"
            yield Difference(kind, key, said)


def _is_named_now(was: str, now: str) -> bool:
    """Whether a tuple has names for its items now: it is unpacked and indexed as before."""
    container, _, arrays = was.partition(" of ")
    return container.startswith("(") and now == f"namedtuple of {arrays}"


def _is_array(value: Any) -> bool:
    return isinstance(value, Array)


def _alike(was: Any, now: Any) -> bool:
    if not (_is_array(was) and _is_array(now)):
        # What is refused in both, such as a derivative, concerns no code that works.
        return bool(was == now) or (_is_message(was) and _is_message(now))
    a, b = (np.asarray(decode(value)) for value in (was, now))
    if a.dtype.kind in "biu":
        return bool(np.array_equal(a, b))
    a, b = a.astype(np.complex128), b.astype(np.complex128)
    with np.errstate(invalid="ignore"):
        sizes = np.maximum(abs(a), abs(b))
        # Smaller results than an epsilon are no rounding, but an underflow or its end.
        cancelled = (abs(a - b) <= _ROUNDING) & (sizes >= _ROUNDING / 10)
    return bool(np.all(np.isclose(a, b, _CLOSE, equal_nan=True) | cancelled))


def _is_message(value: Any) -> bool:
    return isinstance(value, str) and _MESSAGE.match(value) is not None


def _in_words(value: Value) -> str:
    """The tree; of words, the words."""
    words = [each for each in value["values"] if isinstance(each, str)]
    return _shortened(", ".join(words)) if words else str(value["gives"])


def _numbers(value: Value) -> str:
    said = [str(decode(v).tolist()) if _is_array(v) else str(v) for v in value["values"]]
    return _shortened(", ".join(said))


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
