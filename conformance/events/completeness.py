"""Whether runs ended, and the exit status of a log."""

from collections.abc import Iterable

from conformance.events.counted import counted
from conformance.events.outcomes import CONFORMING
from conformance.events.records import Footer, Record, Result, Verdict


def incomplete(records: Iterable[Record]) -> list[str]:
    """The cells that have no footer: their run was stopped, or lost."""
    finished: dict[str, bool] = {}
    for record in records:
        finished[record.cell] = finished.get(record.cell, False) or isinstance(record, Footer)
    return [cell for cell, done in finished.items() if not done]


def status(records: Iterable[Record]) -> int:
    """The exit status: 0 everything conforms, 1 something does not, 3 the log is incomplete."""
    records = list(records)
    for record in records:
        if isinstance(record, Result) and record.outcome not in CONFORMING:
            return 1
    verdicts = counted(record for record in records if isinstance(record, Verdict))
    if any(verdict.verdict not in CONFORMING for verdict in verdicts):
        return 1
    return 3 if incomplete(records) else 0
