"""A verdict in words a learner can use."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from msgspec import UNSET

from conformance.events.arrays import decode
from conformance.events.records import Counterexample, Verdict
from conformance.reporting.printable import printable
from conformance.reporting.verdicts import LEFT_BY_A_TOOL

MAX_VALUES = 40
MAX_SHOWN_ULPS = 1e4
"""Steps from one float32 to the next beyond which nobody takes the difference for rounding."""
MEANINGS = {
    "conforms": "every answer is right",
    "violates": "an answer is wrong, or against the task",
    "error": "it raised an error, or cannot be read",
    "timeout": "it took too long",
    "crashed": "its process ended, or was stopped",
    "missing": "there is no such function",
}
"""What each verdict means, in words for a student."""
WIDTH, LONGEST = 100, 400
MOST_LINES = 5
"""So many lines of a message are shown: JAX names the arguments whose sizes differ on lines of their own."""
MAX_PRINTED_LINES = 8
_WARNING = re.compile(r"^.*:\d+: \w*Warning: .*(\n  .*)?$", re.MULTILINE)
"""As Python shows one: the place and the message on a line, and mostly the line of code below it."""

UNKNOWN = (
    "No usual mistake gives these answers. Compute the call above by hand, step by step, print what the file "
    "computes at each step, and look for the first that differs."
)
"""What to do where nothing explains a wrong answer."""


def meanings(outcomes: Iterable[str]) -> str:
    """What the verdicts among these mean, but for those that conform: "" where no other is."""
    given = set(outcomes) - {"conforms"}
    return "; ".join(f"{name}: {words}" for name, words in MEANINGS.items() if name in given)


def title(verdict: Verdict) -> str:
    """The file and the function, on one line."""
    name = verdict.candidate
    if verdict.exercise is not None:
        name += f": {verdict.exercise}"
    return one_line(name)


def lines(verdict: Verdict, *, verbose: bool = False) -> list[str]:
    """The verdict as lines of plain text: a heading, and what follows indented by two spaces.

    Args:
        verdict: what came of the candidate.
        verbose: say which law is violated, too.

    """
    heading = f"{title(verdict)}  {verdict.verdict}"
    if verdict.verdict == "conforms":
        heading += f"  ({verdict.calls or 0} calls over {verdict.shapes or 0} shapes, "
        heading += f"{verdict.seconds:.1f} s)"
        return [heading, *_remarks(verdict)]
    found = [heading]
    found += _message(verdict)
    if verdict.law is not None and verbose:
        seen = " (observed, not behaviour)" if verdict.observed else ""
        found.append(f"  law: {one_line(verdict.law)}{seen}")
    if verdict.task:
        found.append(f"  task: {one_line(verdict.task)}")
    if verdict.diagnosis is not None:
        found.append(f"  diagnosis: {one_line(verdict.diagnosis)}")
        found += [f"    {one_line(sentence)}" for sentence in verdict.advice or ()]
    found += [*_frames(verdict), *_example(verdict.counterexample)]
    if verdict.lift:
        found.append(f"  observed: {one_line(verdict.lift)[:LONGEST]}")
    found += [*_remarks(verdict), *_printed(verdict)]
    found += [f"  read next: {one_line(address)}" for address in verdict.reading or ()]
    return found


def _remarks(verdict: Verdict) -> list[str]:
    return [f"  remark: {one_line(remark)}" for remark in verdict.remarks or ()]


def _printed(verdict: Verdict) -> list[str]:
    shown = [f"    | {line}" for line in printed(verdict)]
    if not shown:
        return []
    if only_warned(verdict):
        return ["  Python warned:", *shown]
    return [f"  it printed {verdict.printed_bytes or 0} bytes, beginning:", *shown]


def only_warned(verdict: Verdict) -> bool:
    """Whether what was printed is Python's warnings and nothing of the candidate's own."""
    return not without_warnings(verdict.printed or "")


def without_warnings(output: str) -> str:
    """What of a program's output is not Python's warnings."""
    return _WARNING.sub("", output).strip()


def printed(verdict: Verdict) -> list[str]:
    """The first lines that the candidate printed, shortened."""
    if not verdict.printed or not verdict.printed.strip():
        return []
    lines = verdict.printed.splitlines()[:MAX_PRINTED_LINES]
    return [one_line(_OF_PACKAGES.sub("", line))[:WIDTH] for line in lines]


_OF_PACKAGES = re.compile(r"/\S*?/(?:site|dist)-packages/")
"""Where the packages are on the judge's machine: no student can look there."""


def message(words: str) -> list[str]:
    """The first lines of a message, those that hold something, without what a terminal would act on."""
    kept = [line.strip() for line in words.splitlines() if line.strip()]
    shown, left = [], LONGEST
    for line in map(one_line, kept[:MOST_LINES]):
        shown.append(line if len(line) <= left else f"{line[:left]} ...")
        left -= len(line)
        if left <= 0:
            break
    if shown and len(shown) < len(kept) and not shown[-1].endswith(" ..."):
        shown[-1] += " ..."
    return shown


def _message(verdict: Verdict) -> list[str]:
    """The message; a line after its first has a mark, or it could be taken for one of ours."""
    first, *rest = message(verdict.words or "") or [""]
    return [f"  {first}", *(f"    | {line}" for line in rest)] if first else []


def shortened(words: str) -> str:
    """The first lines of a message as one."""
    return " ".join(message(words))


def frames(verdict: Verdict) -> list[str]:
    """The candidate's own lines that an exception passed through, the innermost last."""
    found = verdict.error.get("frames") if verdict.error else None
    shown = []
    for frame in found if isinstance(found, list) else []:
        if isinstance(frame, list) and len(frame) == 3:
            number, function, line = map(str, frame)
            where = f"line {number}" if number.isdecimal() else number
            within = f" in {function}" if function else ""
            shown.append(f"{one_line(where + within)}: {one_line(line)}")
    return shown


def _frames(verdict: Verdict) -> list[str]:
    shown = frames(verdict)
    return ["  in the candidate's own lines:", *[f"    {line}" for line in shown]] if shown else []


def example(found: Counterexample | None) -> list[str]:
    """A small call that shows what is wrong, its expected answer and the one given."""
    if found is None:
        return []
    shown: list[str] = []
    for name, value in found.arguments.items():
        shown += _named(f"{one_line(name)} = ", value)
    if _given(found.expected):
        shown += _named("expected ", found.expected)
    if _given(found.got):
        shown += _named("got      ", found.got)
    if isinstance(found.ulps, int | float) and found.ulps < MAX_SHOWN_ULPS:
        steps = "one step" if found.ulps == 1 else f"{found.ulps:.3g} steps"
        shown.append(f"({steps} of float32 apart where they first differ; rounding explains a few)")
    return shown


def _given(value: Any) -> bool:
    return value is not None and value is not UNSET


def _example(found: Counterexample | None) -> list[str]:
    shown = example(found)
    return ["  counterexample:", *[f"    {line}".rstrip() for line in shown]] if shown else []


def _named(label: str, value: Any) -> list[str]:
    shown = _value(decode(value)).splitlines()
    return [label + shown[0], *((" " * len(label) + line).rstrip() for line in shown[1:])]


def _plain(value: Any) -> bool:
    return isinstance(value, int | float | str) or value is None


def _value(value: Any) -> str:
    if isinstance(value, np.ndarray):
        numbers = np.array2string(
            value,
            max_line_width=WIDTH - 20,
            precision=6,
            separator=", ",
            threshold=MAX_VALUES,
            edgeitems=2,
        )
        return f"{numbers}  {value.dtype}{list(value.shape)}"
    if isinstance(value, (list, tuple)) and all(map(_plain, value)):
        items = ", ".join(_value(item) for item in value)
        if isinstance(value, list):
            return f"[{items}]"
        return f"({items}{',' if len(value) == 1 else ''})"
    if isinstance(value, dict):
        parts = ("\n".join(_named(f"{one_line(k)!r}: ", item)) for k, item in value.items())
        return "{" + ",\n".join(parts) + "}"
    if isinstance(value, (list, tuple)):
        items = ",\n".join(_value(item) for item in value)
        return f"[{items}]" if isinstance(value, list) else f"({items}{',' * (len(value) == 1)})"
    return one_line(value)[:200] or "''"


def one_line(value: object) -> str:
    """Text from a candidate on one line, without characters that a terminal would act on.

    A line break becomes the two characters of its escape: no candidate begins a line of its own.
    """
    return printable(str(value).replace("\n", "\\n").replace("\t", " "))


SHOWN_SKIPPED = 10


def not_judged(skipped: Sequence[str]) -> list[str]:
    """The first of what was found and not judged, as lines.

    Args:
        skipped: what lay in a directory, and why it is no candidate.

    """
    if not skipped:
        return []
    entries = "1 entry" if len(skipped) == 1 else f"{len(skipped)} entries"
    # What somebody handed in comes before what nobody did.
    ordered = sorted(skipped, key=lambda each: each.endswith(LEFT_BY_A_TOOL))
    lines = [f"not judged: {entries}", *(f"  {one_line(each)}" for each in ordered[:SHOWN_SKIPPED])]
    more = len(skipped) - SHOWN_SKIPPED
    return [*lines, f"  ... and {more} more"] if more > 0 else lines
