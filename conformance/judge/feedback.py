"""A verdict in words a learner can use, and as plain data for the event log."""

from __future__ import annotations

import re
from typing import Any

import attrs
import numpy as np

from conformance.judge.verdict import CONFORMS, Verdict

MAX_VALUES = 40
MAX_SHOWN_ULPS = 1e6
"""Units in the last place beyond which their number says nothing."""
WIDTH, LONGEST = 100, 400
LOG_NAMES = {"message": "words", "further_reading": "reading"}
"""Fields of a verdict whose name in the event log is another one."""
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def text(verdict: Verdict) -> str:
    """The verdict as lines of plain text."""
    name = (
        verdict.candidate
        if verdict.exercise is None
        else f"{verdict.candidate}: {verdict.exercise}"
    )
    lines = [f"{safe(name)}  {verdict.verdict}"]
    if verdict.verdict == CONFORMS:
        lines[0] += (
            f"  ({verdict.calls} calls over {verdict.shapes} shapes, {verdict.seconds:.1f} s)"
        )
    if verdict.message:
        lines.append(f"  {_first(safe(verdict.message))}")
    if verdict.law is not None and verdict.verdict != CONFORMS:
        lines.append(
            f"  law: {verdict.law}{' (observed, not behaviour)' if verdict.observed else ''}"
        )
    if verdict.task and verdict.verdict != CONFORMS:
        lines.append(f"  task: {verdict.task}")
    if verdict.diagnosis is not None:
        lines.append(f"  diagnosis: {verdict.diagnosis.pitfall}")
        lines.append(f"    {verdict.diagnosis.symptom}")
        lines.append(f"    {verdict.diagnosis.fix}")
    lines += _frames(verdict)
    lines += _example(verdict)
    if verdict.lift and verdict.verdict != CONFORMS:
        lines.append(f"  observed: {safe(verdict.lift)[:400]}")
    lines += [f"  remark: {safe(remark)}" for remark in verdict.remarks]
    if verdict.printed.strip() and verdict.verdict != CONFORMS:
        lines.append(f"  it printed {verdict.printed_bytes} bytes, beginning:")
        lines += [f"    | {safe(line)[:WIDTH]}" for line in verdict.printed.splitlines()[:8]]
    if verdict.verdict != CONFORMS:
        lines += [f"  read next: {address}" for address in verdict.further_reading]
    return "\n".join(lines)


def _first(message: str) -> str:
    lines = [line for line in message.splitlines() if line.strip()]
    joined = " ".join(lines[:3])
    return joined if len(joined) <= LONGEST else f"{joined[:LONGEST]} ..."


def _frames(verdict: Verdict) -> list[str]:
    if verdict.error is None or not verdict.error["frames"]:
        return []
    lines = ["  in the candidate's own lines:"]
    for number, function, line in verdict.error["frames"]:
        where = f" in {function}" if function else ""
        lines.append(f"    line {safe(number)}{safe(where)}: {safe(line)}")
    return lines


def _example(verdict: Verdict) -> list[str]:
    example = verdict.counterexample
    if example is None:
        return []
    lines = ["  smallest counterexample:"]
    for name, value in example.arguments.items():
        lines += _named(f"    {name} = ", value)
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
    return safe(str(value))[:200]


def safe(message: str) -> str:
    """Without characters that a terminal would act on, or that cannot be written."""
    return _CONTROL.sub("?", message.encode("utf-8", "backslashreplace").decode())


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
    return {
        key: value for key, value in fields.items() if key in always or value not in (None, "", ())
    }
