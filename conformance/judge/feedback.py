"""A verdict as a record of the event log, and in the words that views of the log have for it."""

from __future__ import annotations

from typing import Any

import attrs
import msgspec

from conformance.events import records
from conformance.events.arrays import encode
from conformance.judge.verdict import Verdict
from conformance.reporting.verdicts import text as words
from conformance.reporting.verdicts.text import one_line

__all__ = ["data", "one_line", "record", "shown", "text"]

LOG_NAMES = {"message": "words", "further_reading": "reading"}
"""Fields of a verdict whose name in the event log is another one."""
_ALWAYS = ("candidate", "exercise", "verdict", "law", "diagnosis", "counterexample", "seconds")


def text(verdict: Verdict, *, verbose: bool = False) -> str:
    """The verdict as lines of plain text.

    Args:
        verdict: what came of the candidate.
        verbose: say which law is violated, too.

    """
    return "\n".join(words.lines(shown(verdict), verbose=verbose))


def shown(verdict: Verdict) -> records.Verdict:
    """The verdict as views read it."""
    fields = {"type": "verdict", "cell": "-", **_fields(verdict)}
    view: records.Verdict = msgspec.convert(fields, records.Verdict)
    return view


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
    fields = _fields(verdict)
    found = fields["counterexample"]
    encoded: dict[str, Any] = encode({**fields, "counterexample": None})
    return {**encoded, "counterexample": encode(found, tuples=True)}


def _fields(verdict: Verdict) -> dict[str, Any]:
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
    return {
        key: value for key, value in fields.items() if key in _ALWAYS or value not in (None, "", ())
    }
