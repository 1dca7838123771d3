"""The verdict on one candidate and one exercise: plain data."""

from __future__ import annotations

from typing import Any

import attrs

CONFORMS, VIOLATES, ERROR = "conforms", "violates", "error"
TIMEOUT, CRASHED, MISSING = "timeout", "crashed", "missing"


@attrs.frozen
class Diagnosis:
    """A recognised pitfall: what happened, and what to change."""

    pitfall: str
    symptom: str
    fix: str


@attrs.frozen
class Counterexample:
    """The smallest call found that shows it."""

    arguments: dict[str, Any]
    expected: Any = None
    got: Any = None
    difference: str | None = None
    ulps: float | None = None


@attrs.frozen
class Verdict:
    """What the judge says of one candidate's function."""

    candidate: str
    exercise: str | None
    verdict: str
    message: str = ""
    law: str | None = None
    observed: bool = False
    diagnosis: Diagnosis | None = None
    counterexample: Counterexample | None = None
    error: dict[str, Any] | None = None
    printed: str = ""
    printed_bytes: int = 0
    remarks: tuple[str, ...] = ()
    task: str = ""
    lift: str = ""
    further_reading: tuple[str, ...] = ()
    calls: int = 0
    shapes: int = 0
    isolation: str = ""
    lacks: tuple[str, ...] = ()
    seconds: float = 0.0
