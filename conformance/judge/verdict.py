"""The verdict on one candidate and one exercise: plain data."""

from __future__ import annotations

from typing import Any

import attrs

CONFORMS, VIOLATES, ERROR = "conforms", "violates", "error"
TIMEOUT, CRASHED, MISSING = "timeout", "crashed", "missing"


@attrs.frozen
class Diagnosis:
    """A recognised pitfall: what the function did, and what to change, a sentence each."""

    pitfall: str
    symptom: str
    fix: str


@attrs.frozen
class Counterexample:
    """The smallest call found that shows what is wrong.

    Attributes:
        arguments: by name, as the candidate was given them.
        expected, got: the part of the answer that differs first; None where there is none.
        difference: what differs, in words.
        ulps: how far apart they are there, in units in the last place of float32.

    """

    arguments: dict[str, Any]
    expected: Any = None
    got: Any = None
    difference: str | None = None
    ulps: float | None = None


@attrs.frozen
class Verdict:
    """What the judge says of one candidate's function.

    Attributes:
        candidate: the file's path as it was given or found.
        student: the directory of the student whose file it is; "" where the file is all there is.
        exercise: the function's name; None where the file was not loaded, or has none of them.
        verdict: `conforms`, `violates`, `error`, `timeout`, `crashed` or `missing`.
        message: one line on what is wrong; empty where nothing is.
        law: the id of the law that is violated.
        observed: whether it was something observed that is wrong, not an answer.
        diagnosis: the pitfall that was recognised.
        error: type, message and the file's own lines of an exception.
        printed, printed_bytes: the beginning of what the candidate printed, and its whole length.
        remarks: what is worth knowing, right or wrong.
        task: the exercise's signature and contract.
        lift: the first call to `flax.linen.vmap` that was observed.
        further_reading: addresses for a learner.
        calls, shapes: how many calls were answered, over how many shapes.
        right_calls, drawn_calls: calls of which nothing was wrong, of those that were to be made.
        right_shapes, drawn_shapes: shapes of which every call was right, of those to be tried.
        isolation, lacks: the level that held, and what it does not protect.
        seconds: how long judging took.

    """

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
    right_calls: int = 0
    drawn_calls: int = 0
    right_shapes: int = 0
    drawn_shapes: int = 0
    isolation: str = ""
    lacks: tuple[str, ...] = ()
    seconds: float = 0.0
    student: str = ""

    @property
    def conforms(self) -> bool:
        """Whether nothing is wrong."""
        return self.verdict == CONFORMS
