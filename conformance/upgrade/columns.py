"""A log of several environments, gathered for every view: each on its own, and compared with the first."""

from collections.abc import Sequence

import attrs

from conformance.events.records import Header, Observation, Record, Result
from conformance.reporting.summary import Summary, summarise
from conformance.upgrade.compare import Differences, compare


@attrs.frozen
class Column:
    """One environment: all cells that ran in it."""

    label: str
    """Such as `jax 0.9.0, flax 0.12.3, Python 3.11`; what was asked for where nothing ran."""
    problem: str | None
    """Why it did not run, or not to its end."""
    events: tuple[Record, ...]
    summary: Summary


@attrs.frozen
class Comparison:
    """Environments side by side, and how each later one differs from the first."""

    columns: tuple[Column, ...]
    differences: tuple[Differences | None, ...]
    """One for each column after the first; None where one of the two did not run."""


def gather(events: Sequence[Record]) -> Comparison:
    """Gather a log's events, one column for each environment.

    Cells of one environment are one column, as shards are, unless both ran the same: two runs to compare.
    """
    of_cell: dict[str, list[Record]] = {}
    for event in events:
        of_cell.setdefault(event.cell, []).append(event)
    groups: list[tuple[tuple[str, str], set[tuple[str, ...]], list[Record]]] = []
    for cell in of_cell.values():
        header = next((event for event in cell if isinstance(event, Header)), None)
        where = (_label(header), (header.asked or "") if header else "")
        ran = {_what(event) for event in cell if isinstance(event, Result | Observation)}
        for place, there, gathered in groups:
            if place == where and not there & ran:
                there |= ran
                gathered += cell
                break
        else:
            groups.append((where, ran, list(cell)))
    labels = [label for (label, _), _, _ in groups]
    columns = tuple(
        # Two ENVs may resolve to the same versions: what was asked for distinguishes them.
        _column(f"{label} ({asked})" if asked and labels.count(label) > 1 else label, gathered)
        for (label, asked), _, gathered in groups
    )
    first = columns[0]
    return Comparison(
        columns,
        tuple(
            compare(list(first.events), list(column.events))
            if _ran(first) and _ran(column)
            else None
            for column in columns[1:]
        ),
    )


def _ran(column: Column) -> bool:
    """Whether there is something to compare: a cell whose subjects all fail to import has no result."""
    return bool(column.summary.results) or (
        column.problem is None and not column.summary.incomplete
    )


def _what(event: Result | Observation) -> tuple[str, ...]:
    if isinstance(event, Observation):
        return (event.key,)
    return (event.law, event.transform, event.subject, event.defect or "")


def _label(header: Header | None) -> str:
    if header is None:
        return "unknown"
    there = header.environment
    versions = (("jax", there.jax), ("flax", there.flax), ("Python", there.python))
    parts = [f"{name} {version}" for name, version in versions if version]
    return ", ".join(parts) or header.asked or "unknown"


def _column(label: str, events: list[Record]) -> Column:
    problems = [e.problem for e in events if isinstance(e, Header) and e.problem]
    return Column(label, problems[0] if problems else None, tuple(events), summarise(events))
