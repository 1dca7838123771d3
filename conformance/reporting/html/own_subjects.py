"""The user's own subjects on the page: a row for each."""

import attrs

from conformance.events.outcomes import CONFORMING, NOT_CHECKED
from conformance.events.records import Result
from conformance.reporting.html.cards import Card
from conformance.reporting.summary import Summary, outcomes_of


@attrs.frozen
class OwnSubject:
    """One subject of the user's."""

    name: str
    module: str
    problem: str | None
    """Why it cannot be made."""
    counts: list[tuple[str, int]]
    fault: Card | None
    """The first card that is about it."""
    conforms: bool | None
    """None where nothing of it was checked."""


def own_subjects(summary: Summary, cards: list[Card]) -> list[OwnSubject]:
    """The user's subjects in the order in which they are listed."""
    rows = []
    listed = {
        name: subject for h in summary.headers for name, subject in (h.subjects or {}).items()
    }
    for name, subject in listed.items():
        mine: list[Result] = [r for r in summary.results if r.subject == name]
        fault = next((card for card in cards if card.example.result.subject == name), None)
        error = subject.error
        checked = [r for r in mine if r.outcome not in NOT_CHECKED]
        conforms = all(r.outcome in CONFORMING for r in checked) if checked else None
        rows.append(
            OwnSubject(
                name=name,
                module=subject.module,
                problem=f"{error.type}: {error.line}" if error else None,
                counts=list(outcomes_of(mine)),
                fault=fault,
                conforms=conforms and error is None,
            )
        )
    return rows
