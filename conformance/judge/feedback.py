"""A verdict in words a learner can use, and as a record of the event log."""

from __future__ import annotations

from typing import Any

import attrs
import msgspec
import numpy as np

from conformance.events import records
from conformance.events.arrays import encode
from conformance.judge.verdict import CONFORMS, Verdict
from conformance.reporting.printable import printable

MAX_VALUES = 40
MAX_SHOWN_ULPS = 1e6
"""Units in the last place beyond which their number says nothing."""
WIDTH, LONGEST = 100, 400
MAX_PRINTED_LINES = 8
LOG_NAMES = {"message": "words", "further_reading": "reading"}
"""Fields of a verdict whose name in the event log is another one."""


def text(verdict: Verdict, *, verbose: bool = False) -> str:
    """The verdict as lines of plain text.

    Args:
        verdict: what came of the candidate.
        verbose: say which law is violated, too.

    """
    name = verdict.candidate
    if verdict.exercise is not None:
        name += f": {verdict.exercise}"
    lines = [f"{one_line(name)}  {verdict.verdict}"]
    if verdict.verdict == CONFORMS:
        lines[0] += (
            f"  ({verdict.calls} calls over {verdict.shapes} shapes, {verdict.seconds:.1f} s)"
        )
        return "\n".join([*lines, *_remarks(verdict)])
    if verdict.message:
        lines.append(f"  {shortened(verdict.message)}")
    if verdict.law is not None and verbose:
        seen = " (observed, not behaviour)" if verdict.observed else ""
        lines.append(f"  law: {verdict.law}{seen}")
    if verdict.task:
        lines.append(f"  task: {one_line(verdict.task)}")
    if verdict.diagnosis is not None:
        lines.append(f"  diagnosis: {one_line(verdict.diagnosis.pitfall)}")
        lines.append(f"    {one_line(verdict.diagnosis.symptom)}")
        lines.append(f"    {one_line(verdict.diagnosis.fix)}")
    lines += _frames(verdict)
    lines += _example(verdict)
    if verdict.lift:
        lines.append(f"  observed: {one_line(verdict.lift)[:LONGEST]}")
    lines += _remarks(verdict)
    if verdict.printed.strip():
        lines.append(f"  it printed {verdict.printed_bytes} bytes, beginning:")
        printed = verdict.printed.splitlines()[:MAX_PRINTED_LINES]
        lines += [f"    | {one_line(line)[:WIDTH]}" for line in printed]
    lines += [f"  read next: {one_line(address)}" for address in verdict.further_reading]
    return "\n".join(lines)


def _remarks(verdict: Verdict) -> list[str]:
    return [f"  remark: {one_line(remark)}" for remark in verdict.remarks]


def shortened(message: str) -> str:
    """The first lines of a message as one."""
    lines = [line for line in message.splitlines() if line.strip()]
    joined = one_line(" ".join(lines[:3]))
    return joined if len(joined) <= LONGEST else f"{joined[:LONGEST]} ..."


def _frames(verdict: Verdict) -> list[str]:
    if verdict.error is None or not verdict.error["frames"]:
        return []
    lines = ["  in the candidate's own lines:"]
    for number, function, line in verdict.error["frames"]:
        where = f"line {number}" if str(number).isdecimal() else str(number)
        within = f" in {function}" if function else ""
        lines.append(f"    {one_line(where + within)}: {one_line(line)}")
    return lines


def _example(verdict: Verdict) -> list[str]:
    example = verdict.counterexample
    if example is None:
        return []
    lines = ["  smallest counterexample:"]
    for name, value in example.arguments.items():
        lines += _named(f"    {one_line(name)} = ", value)
    if example.expected is not None:
        lines += _named("    expected ", example.expected)
    if example.got is not None:
        lines += _named("    got      ", example.got)
    if example.ulps is not None and example.ulps < MAX_SHOWN_ULPS:
        lines.append(
            f"    ({example.ulps:.3g} units in the last place apart where they first differ)"
        )
    return lines


def _named(label: str, value: Any) -> list[str]:
    shown = _value(value).splitlines()
    return [label + shown[0], *((" " * len(label) + line).rstrip() for line in shown[1:])]


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
    if isinstance(value, (list, tuple)):
        items = ",\n".join(_value(item) for item in value)
        return f"[{items}]" if isinstance(value, list) else f"({items})"
    return one_line(value)[:200] or "''"


def one_line(value: object) -> str:
    """Text from a candidate on one line, without characters that a terminal would act on.

    A line break becomes the two characters of its escape: no candidate begins a line of its own.
    """
    return printable(str(value).replace("\n", "\\n").replace("\t", " "))


def record(verdict: Verdict, cell: str) -> records.Verdict:
    """The verdict as an event of the log.

    Args:
        verdict: what came of the candidate.
        cell: the run that it belongs to.

    """
    fields = {"type": "verdict", "cell": cell, **data(verdict)}
    event: records.Verdict = msgspec.convert(fields, records.Verdict)
    return event


def data(verdict: Verdict) -> dict[str, Any]:
    """The verdict's fields for the event log, without the empty ones."""
    fields = attrs.asdict(verdict, recurse=False)
    if verdict.diagnosis is not None:
        fields["diagnosis"] = verdict.diagnosis.pitfall
        fields["advice"] = [verdict.diagnosis.symptom, verdict.diagnosis.fix]
    if verdict.counterexample is not None:
        fields["counterexample"] = {
            key: value
            for key, value in attrs.asdict(verdict.counterexample, recurse=False).items()
            if value is not None
        }
    for ours, logged in LOG_NAMES.items():
        fields[logged] = fields.pop(ours)
    always = ("candidate", "exercise", "verdict", "law", "diagnosis", "counterexample", "seconds")
    kept = {
        key: value for key, value in fields.items() if key in always or value not in (None, "", ())
    }
    encoded: dict[str, Any] = encode(kept)
    return encoded
