"""Progress off a terminal: the first result at once, and no line for each of the others."""

from __future__ import annotations

import io

from conformance.events.details import NotApplicable
from conformance.events.outcomes import Outcome
from conformance.events.records import Result
from conformance.reporting.console import Console
from conformance.reporting.progress import Live


def result(subject: str, outcome: Outcome = "holds") -> Result:
    return Result(
        cell="c",
        law="mapping.axis-size",
        transform="jax.vmap",
        subject=subject,
        outcome=outcome,
        examples=1,
        seconds=0.1,
        compilations=0,
        detail=None if outcome == "holds" else NotApplicable(reason="it is new", source="suite"),
    )


def test_the_first_result_is_said_at_once_and_the_next_is_not() -> None:
    target = io.StringIO()
    live = Live(Console(file=target), None)
    live(result("dot", "not-applicable"))
    live(result("sin\x1b[31m"))
    live(result("cos"))
    (only,) = target.getvalue().splitlines()
    assert only.startswith("first result after 0 s: mapping.axis-size, jax.vmap of sin")
    assert only.endswith(": holds")
    assert "\x1b" not in only
