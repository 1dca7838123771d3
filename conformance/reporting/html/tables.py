"""The page's tables: laws by transforms, and every item with its result in each environment."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import attrs

from conformance.events.details import NotApplicable, NotSampled
from conformance.events.outcomes import NOT_CHECKED, Outcome
from conformance.events.records import Result
from conformance.reporting.failure import law_sentence
from conformance.reporting.html.runs import Run, RunView
from conformance.reporting.summary import ORDER, Summary, item_name

Counts = list[tuple[str, int]]


@attrs.frozen
class Matrix:
    """Laws by transforms, or by environments; None in a cell where the environment did not run."""

    heads: list[str]
    rows: list[tuple[str, str, list[Counts | None]]]
    """The law, its sentence, and how many items had which outcome in each column."""
    of: str
    """What a column is: `transform` or `environment`."""


@attrs.frozen
class ItemCell:
    """An item's result in one environment."""

    result: Result | None
    place: str | None
    """Where on the page the result is shown in full."""
    lost: bool
    """The environment did not run to its end."""

    @property
    def reason(self) -> str | None:
        """Why the item was not checked."""
        detail = self.result.detail if self.result else None
        return detail.reason if isinstance(detail, NotApplicable | NotSampled) else None


@attrs.frozen
class ItemRow:
    """An item with its result in each environment."""

    item: Result
    cells: list[ItemCell]

    @property
    def outcomes(self) -> str:
        """Its outcomes, for the page's filter."""
        return " ".join(sorted({cell.result.outcome for cell in self.cells if cell.result}))

    @property
    def is_sampled(self) -> bool:
        """Whether any environment checked it, or says why it cannot."""
        return any(cell.result and cell.result.outcome != "not-sampled" for cell in self.cells)

    @property
    def same(self) -> bool:
        """Whether all environments have the same outcome."""
        return len({cell.result.outcome if cell.result else None for cell in self.cells}) == 1


def by_transform(summary: Summary) -> Matrix:
    """The matrix of one run."""
    rows: list[Any] = [
        (law, law_sentence(law), [counted(summary.cell(law, t)) for t in summary.transforms])
        for law in summary.laws
    ]
    return Matrix(summary.transforms, rows, "transform")


def groups_by_transform(summary: Summary) -> Matrix:
    """The compact matrix of one run: groups of laws by transforms."""
    rows: list[Any] = [
        (group, "", [_checked(summary.cell(group, each)) for each in summary.transforms])
        for group in summary.groups
    ]
    return Matrix(summary.transforms, rows, "transform")


def _checked(counts: Counter[Outcome]) -> Counts:
    """What was checked; what was not only where nothing was."""
    every = counted(counts)
    return [pair for pair in every if pair[0] not in NOT_CHECKED] or every


def counted(counts: Counter[Outcome]) -> Counts:
    """Outcomes with how often each was, the most urgent first."""
    return [(name, counts[name]) for name in ORDER if counts[name]]


def items(runs: Sequence[Run], views: Sequence[RunView]) -> list[ItemRow]:
    """Every item with its result in each environment, in the order of the laws."""
    results = [{item_name(result): result for result in run.summary.results} for run in runs]
    laws = _ranks(law for run in runs for law in run.summary.laws)
    transforms = _ranks(name for run in runs for name in run.summary.transforms)
    every = {name: result for of_run in reversed(results) for name, result in of_run.items()}
    names = sorted(
        every, key=lambda name: (laws[every[name].law], transforms[every[name].transform], name)
    )
    return [
        ItemRow(
            every[name],
            [
                ItemCell(of_run.get(name), view.places.get(name), bool(view.problem))
                for of_run, view in zip(results, views, strict=True)
            ],
        )
        for name in names
    ]


def _ranks(names: Any) -> dict[str, int]:
    return {name: rank for rank, name in enumerate(dict.fromkeys(names))}
