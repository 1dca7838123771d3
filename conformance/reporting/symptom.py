"""What is wrong with a result, in a few words: "examples moved by one", "raises TypeError"."""

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from conformance.events.arrays import decode
from conformance.events.details import Call, Casualty, Violation
from conformance.events.records import Result
from conformance.user_subjects import AGAIN, KEPT
from conformance.violations import WHOLE_BATCH

_RAISED = re.compile(r"(?:expected (?P<due>\w+)[^;]*; )?it raised (?P<error>\w+)")
_ABSTRACT = re.compile(r"^(?P<dtype>\w+)\[(?P<shape>[\d,]*)\]$")
_CAUSE_ID = re.compile(r" \([a-z-]+\)$")
_LONGEST = 60
GENERAL = "wrong values"
"""How a symptom begins that says little."""


def symptom(result: Result) -> str:
    """What is wrong with a result that does not conform, without the numbers of its call."""
    detail = result.detail
    if isinstance(detail, Violation):
        if words := _of_what_changes(detail):
            return words
        if result.law in WHOLE_BATCH:
            return f"of a whole batch: {_of_violation(detail, with_cause=False)}"
        return _of_violation(detail)
    if isinstance(detail, Casualty):
        return "the process dies" if "died" in detail.reason else _short(detail.reason)
    return result.outcome


def kind(result: Result) -> str:
    """A coarser name: violations of one fault have the same, whatever call shows each."""
    detail = result.detail
    if not isinstance(detail, Violation):
        return symptom(result)
    if words := _of_what_changes(detail):
        return words
    raised = _RAISED.search(detail.message)
    words = raised["error"] if raised else re.split(r" in | at |:", detail.message)[0]
    return f"of a whole batch: {words}" if result.law in WHOLE_BATCH else words


def _of_what_changes(detail: Violation) -> str | None:
    """What a user's function does that no law can hold of; None where it does not."""
    return next((words for words in (AGAIN, KEPT) if words in (detail.cause or "")), None)


def _of_violation(detail: Violation, *, with_cause: bool = True) -> str:
    raised = _RAISED.search(detail.message)
    if raised:
        instead = f" instead of {raised['due']}" if raised["due"] else ""
        return f"raises {raised['error']}{instead}"
    expected, got = decode(detail.expected), decode(detail.got)
    if isinstance(expected, str) and isinstance(got, str):
        return _of_shapes(expected, got, detail.call) or _short(detail.message)
    if isinstance(expected, np.ndarray) and isinstance(got, np.ndarray):
        words = _of_values(expected, got, detail.call)
        cause = _CAUSE_ID.sub("", detail.cause or "") if with_cause else ""
        return cause if cause and words.startswith(GENERAL) else words
    return _short(detail.message)


def _short(message: str) -> str:
    line = " ".join(message.split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1].rstrip() + "…"


def _of_shapes(expected: str, got: str, call: Call) -> str | None:
    due, there = abstract(expected), abstract(got)
    if due is None or there is None:
        return None
    (dtype, wanted), (given, shape) = due, there
    if wanted == shape:
        return f"gives {given} instead of {dtype}"
    place = batch_axis(wanted, call)
    if place is not None:
        example = wanted[:place] + wanted[place + 1 :]
        if shape == example:
            return "no batch axis in the result"
        for other in range(len(shape)):
            if shape[:other] + shape[other + 1 :] == example and shape[other] == wanted[place]:
                far = f"{_number(abs(other - place))} place{'s' * (abs(other - place) > 1)}"
                return f"batch axis {far} too {'far' if other > place else 'early'}"
    return f"gives shape {list(shape)} instead of {list(wanted)}"


def abstract(text: str) -> tuple[str, tuple[int, ...]] | None:
    """The dtype and the shape of words such as `float32[3,2]`; None for other words."""
    found = _ABSTRACT.match(text)
    if found is None:
        return None
    return found["dtype"], tuple(int(size) for size in found["shape"].split(",") if size)


def _number(count: int) -> str:
    words = ("no", "one", "two", "three", "four")
    return words[count] if count < len(words) else str(count)


def batch_axis(shape: tuple[int, ...], call: Call) -> int | None:
    """Where the result has its batch axis; None where that is not known."""
    axis = call.axes[0].out_axes if call.axes else None
    if axis is None or not -len(shape) <= axis < len(shape):
        return None
    axis %= len(shape)
    return axis if shape[axis] == call.sizes["batch"] else None


def _of_values(expected: Any, got: Any, call: Call) -> str:
    if expected.shape != got.shape or got.dtype.kind not in "biufc":
        return GENERAL
    wide = np.complex128 if "c" in (got.dtype.kind, expected.dtype.kind) else np.float64
    with np.errstate(all="ignore"):
        right, wrong = expected.astype(wide), got.astype(wide)
        place = batch_axis(right.shape, call)
        if place is not None:
            right, wrong = np.moveaxis(right, place, 0), np.moveaxis(wrong, place, 0)
            for answer, words in _known(right):
                if _alike(wrong, answer):
                    return words
        return _scaled(right, wrong) or _which(right, wrong, place is not None)


def _alike(one: Any, other: Any) -> bool:
    """Whether a wrong answer is a known one: this chooses words, never a verdict."""
    return bool(np.allclose(one, other, rtol=1e-3, atol=1e-5, equal_nan=True))


def _known(right: Any) -> Iterator[tuple[Any, str]]:
    """Wrong answers by what was done to the examples, each with its words."""
    count = len(right)
    if count > 1:
        yield right[::-1], "examples in reverse order" if count > 2 else "the two examples swapped"
        for step in range(1, count):
            back = count - step
            moved = f"{_number(step)}" if step <= back else f"{_number(back)} back"
            yield np.roll(right, step, 0), f"examples moved by {moved}"
        yield np.broadcast_to(right[:1], right.shape), "every example gets the first one's result"
        yield np.broadcast_to(right[-1:], right.shape), "every example gets the last one's result"
        yield np.broadcast_to(right.sum(0), right.shape), "summed over the examples"
        yield np.broadcast_to(right.mean(0), right.shape), "averaged over the examples"


def _scaled(right: Any, wrong: Any) -> str | None:
    """The right answer times a number."""
    if not np.any(wrong):
        return "all zeros"
    if np.all(np.isnan(wrong)):
        return "all NaN"
    known = (np.abs(right) > 0) & np.isfinite(right) & np.isfinite(wrong)
    if not np.any(known):
        return None
    factor = np.median((wrong[known] / right[known]).real)
    if (
        np.isclose(factor, 0)
        or np.isclose(factor, 1, rtol=1e-3)
        or not _alike(wrong, factor * right)
    ):
        return None
    return "the opposite sign" if np.isclose(factor, -1) else f"{factor:.3g} times the right answer"


def _which(right: Any, wrong: Any, has_batch: bool) -> str:
    """Which examples are wrong, where the result has a batch axis."""
    if not has_batch:
        return GENERAL
    bad = [i for i in range(len(right)) if not _alike(right[i], wrong[i])]
    if not bad:
        return "values beyond rounding"
    if len(bad) == len(right):
        return "wrong values in every example"
    listed = ", ".join(map(str, bad[:3])) + (", ..." if len(bad) > 3 else "")
    return f"wrong values in example{'s' * (len(bad) > 1)} {listed} of {len(right)}"
