"""A result that does not conform, in words: the call, what is wrong with it, and both answers."""

import re
from collections.abc import Iterable
from typing import Any

import numpy as np
from rich.text import Text

from conformance.events.arrays import Quantity, decode
from conformance.events.details import Call, Casualty, Violation
from conformance.events.records import Result
from conformance.reporting import layout
from conformance.reporting.printable import printable

WIDTH_OF_ARRAYS = 36
ROWS_OF_ARRAYS = 12
MANY_ELEMENTS = 30
"""An array of more elements is shown without its middle."""
MANY_ULPS = 1e6
"""From so many on, the distance is no number that a person can use."""
_ULPS = re.compile(r" \([^()]* ULP\)")
_OUTPUT_LINES = 16


def lines(result: Result, width: int, indent: str = "   ") -> Iterable[Text]:
    """What is wrong with a result, without its names."""
    sentence = law_sentence(result.law)
    if sentence:
        yield from _wrapped(sentence, width, indent, "italic")
    detail = result.detail
    if isinstance(detail, Violation):
        yield from _violation(detail, width, indent)
    elif isinstance(detail, Casualty):
        yield from _wrapped(detail.reason, width, indent, "red")
        for line in detail.output.splitlines()[-_OUTPUT_LINES:]:
            yield Text(f"{indent}{line}", style="dim")


def plain(result: Result, width: int = 100) -> str:
    """The failure as plain text, with its names in front, for an exception's message."""
    title = f"{result.outcome}: {result.law}, {result.transform} of {result.subject}"
    return printable("\n".join([title, *(line.plain for line in lines(result, width))]))


def law_sentence(law: str) -> str:
    """The law in one sentence; empty for a law that this version does not have."""
    from properties.laws import LAWS

    return LAWS[law].sentence if law in LAWS else ""


def message(detail: Violation) -> str:
    """What differs, without a distance that is too large to mean something."""
    return _ULPS.sub("", detail.message)


def _wrapped(text: str, width: int, indent: str, style: str) -> Iterable[Text]:
    return [Text(line, style=style) for line in layout.wrap(text, width, indent)]


def _violation(detail: Violation, width: int, indent: str) -> Iterable[Text]:
    yield from _wrapped(f"call: {call_in_words(detail.call)}", width, indent, "")
    yield from _wrapped(message(detail), width, indent, "red")
    expected, got = decode(detail.expected), decode(detail.got)
    if isinstance(expected, np.ndarray) and isinstance(got, np.ndarray):
        sides = [("expected", array_in_words(expected)), ("got", array_in_words(got))]
        for line in layout.beside(sides):
            yield Text(f"{indent}{line}")
        yield from _wrapped(distance(detail), width, indent, "")
    if detail.cause:
        yield from _wrapped(f"likely cause: {detail.cause}", width, indent, "yellow")


def distance(detail: Violation) -> str:
    """How far the answer is from the expected one, and how far it may be."""
    ulps = _number(detail.max_ulps)
    allowed = _number(detail.bound)
    # Where nothing may be rounded, as of integers, units in the last place say nothing.
    words = f"{ulps:,.3g} ULP" if ulps < MANY_ULPS and allowed != 0 else ""
    error = f"error {_number(detail.error):.6g}, allowed {allowed:.3g}"
    return f"{error} ({words} at most)" if words else error


def array_in_words(array: Any) -> str:
    """An array as NumPy prints it, its middle left out where it is large."""
    options: dict[str, Any] = {"precision": 4, "suppress": True, "linewidth": WIDTH_OF_ARRAYS}
    with np.printoptions(threshold=MANY_ELEMENTS, edgeitems=2, **options):
        rows = str(array).splitlines()
    return "\n".join(rows if len(rows) <= ROWS_OF_ARRAYS else [*rows[:ROWS_OF_ARRAYS], "..."])


def _number(value: Quantity) -> float:
    return float("nan") if value is None else float(decode(value))


def call_in_words(call: Call) -> str:
    """The call as a person would say it."""
    sizes = ", ".join(f"{name}={size}" for name, size in call.sizes.items())
    axes = " or ".join(f"in_axes={_axes(a.in_axes)}, out_axes={a.out_axes}" for a in call.axes[:3])
    words = [f"{call.subject_name} with {sizes}", axes, call.dtype]
    if call.kind == "module":
        words.append(f"variable_axes={call.variable_axes}, split_rngs={call.split_rngs}")
        words.append(f"{'key' if call.typed else 'PRNGKey'}({call.key})")
    if call.eager or call.flipped:
        words.append("init under jit, apply without" if call.kind == "module" else "without jit")
    return "; ".join(words)


def _axes(axes: list[int | None]) -> str:
    inner = ", ".join(map(str, axes))
    return f"({inner},)" if len(axes) == 1 else f"({inner})"
