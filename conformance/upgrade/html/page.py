"""The HTML page of environments compared: laws by environments, and how each differs from the first."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from conformance.events.outcomes import Outcome
from conformance.reporting.failure import law_sentence
from conformance.reporting.html import page, runs, tables
from conformance.reporting.html.runs import Run
from conformance.reporting.html.tables import Matrix
from conformance.upgrade.columns import Comparison
from conformance.upgrade.detectors import KINDS
from conformance.upgrade.for_you import for_you
from conformance.upgrade.html.moves import Move, move
from conformance.upgrade.html.timeline import timeline
from conformance.upgrade.render.words import ALSO_TO_KNOW, NEAR


def render(comparison: Comparison) -> str:
    """The page."""
    shown = [Run(each.label, each.problem, each.summary) for each in comparison.columns]
    views = [runs.view(number, run) for number, run in enumerate(shown)]
    first, *others = comparison.columns
    moves: list[Move] = [
        move(
            number,
            views,
            found,
            for_you(first.events, column.events, found) if found is not None else None,
            timeline(first.summary.header, column.summary.header),
        )
        for number, (column, found) in enumerate(
            zip(others, comparison.differences, strict=True), 1
        )
    ]
    found = {entry.kind.id for each in comparison.differences if each for entry in each.entries}
    kinds = [(kind.id, kind.title) for kind in KINDS.values() if kind.id in found]
    return page.render_page(
        "upgrade.html.jinja",
        shown,
        views,
        by_environment(shown),
        package="conformance.upgrade.html",
        kinds={"Differences": kinds},
        moves=moves,
        near=NEAR,
        also_to_know=ALSO_TO_KNOW,
    )


def by_environment(shown: Sequence[Run]) -> Matrix:
    """Laws by environments; how many items (a transform of a subject) had which outcome."""
    laws = list(dict.fromkeys(law for run in shown for law in run.summary.laws))
    rows: list[Any] = []
    for law in laws:
        cells = []
        for run in shown:
            counts: Counter[Outcome] = Counter(
                r.outcome for r in run.summary.results if r.law == law
            )
            cells.append(None if run.problem and not counts else tables.counted(counts))
        rows.append((law, law_sentence(law), cells))
    return Matrix([run.label for run in shown], rows, "environment")
