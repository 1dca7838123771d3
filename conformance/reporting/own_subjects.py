"""What a run says of each of the user's own subjects."""

import attrs

from conformance.events.outcomes import CONFORMING, NOT_CHECKED
from conformance.reporting.layout import SEPARATOR, count
from conformance.reporting.summary import Summary, outcomes_of

NAMED = 8
"""As many subjects that conform are named; the others, however many, always are."""


@attrs.frozen
class OwnSubject:
    """One subject of the user's."""

    name: str
    module: str
    problem: str | None
    """Why it cannot be made."""
    counts: list[tuple[str, int]]
    conforms: bool | None
    """None where nothing of it was checked."""


def own_subjects(summary: Summary) -> list[OwnSubject]:
    """The user's subjects in the order in which they are listed."""
    rows = []
    listed = {
        name: subject for h in summary.headers for name, subject in (h.subjects or {}).items()
    }
    for name, subject in listed.items():
        mine = [result for result in summary.results if result.subject == name]
        error = subject.error
        checked = [result for result in mine if result.outcome not in NOT_CHECKED]
        conforms = all(r.outcome in CONFORMING for r in checked) if checked else None
        rows.append(
            OwnSubject(
                name=name,
                module=subject.module,
                problem=f"{error.type}: {error.line}" if error else None,
                counts=list(outcomes_of(mine)),
                conforms=conforms and error is None,
            )
        )
    return rows


def in_one_line(summary: Summary) -> str | None:
    """Which of the user's subjects conform, and which do not; None where there are none.

    Such as `your own: mlp, attention conform · sampler does not`.
    """
    rows = own_subjects(summary)
    parts = []
    for conforms, one, many in (
        (True, "conforms", "conform"),
        (False, "does not conform", "do not conform"),
        (None, "was not checked", "were not checked"),
    ):
        names = [row.name for row in rows if row.conforms is conforms]
        many_fine = conforms and len(names) > NAMED
        said = count(len(names), "subject") if many_fine else ", ".join(names)
        parts += [f"{said} {one if len(names) == 1 else many}"] if names else []
    return f"your own: {SEPARATOR.join(parts)}" if parts else None
