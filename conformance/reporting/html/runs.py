"""One environment on the page: what ran, its versions, its cost, and its results in full."""

from typing import Any

import attrs

from conformance.events.outcomes import Outcome
from conformance.events.records import Result
from conformance.reporting.html import results
from conformance.reporting.html.cards import Card, cards
from conformance.reporting.html.charts import Charts, charts
from conformance.reporting.html.known import KnownGroup, known_groups
from conformance.reporting.own_subjects import OwnSubject, own_subjects
from conformance.reporting.summary import ORDER, Summary, item_name, outcomes_of
from conformance.reporting.terminal.conclusion import remarks
from conformance.reporting.terminal.heading import cost

FACTS = ("jax", "jaxlib", "flax", "numpy", "python", "platform", "devices", "prng")
_PLAIN = frozenset({"holds", "not-applicable", "not-sampled"})
"""Outcomes that need no words of their own."""


@attrs.frozen
class Run:
    """One environment: all cells that ran in it."""

    label: str
    """Such as `jax 0.9.0, flax 0.12.3, Python 3.11`."""
    problem: str | None
    """Why it did not run, or not to its end."""
    summary: Summary


@attrs.frozen
class RunView:
    """What the templates say of a run."""

    label: str
    problem: str | None
    facts: dict[str, Any]
    profile: str | None
    seed: int | None
    total: int
    held: int
    unchecked: tuple[str, ...]
    wrong: list[str]
    """The outcomes that do not conform."""
    whole: bool
    counts: list[tuple[Any, int]]
    cost: list[str]
    remarks: list[str]
    detailed: list[results.ResultView]
    cards: list[Card]
    known: list[KnownGroup]
    own: list[OwnSubject]
    own_faults: dict[str, Card]
    """By a subject's name, the first card that is about it."""
    charts: Charts
    places: dict[str, str]
    """Where on the page each result is that is shown in full, by `item_name`."""


def view(number: int, run: Run) -> RunView:
    """The view of the run that is the page's column of this number."""
    summary = run.summary
    header = summary.header
    detailed = sorted(
        (result for result in summary.results if result.outcome not in _PLAIN), key=_urgency
    )
    views = [results.view(f"detailed-{number}-{i}", result) for i, result in enumerate(detailed)]
    by_name = {item_name(each.result): each for each in views}
    faults = cards(number, summary, by_name)
    facts = {fact: getattr(header.environment, fact) for fact in FACTS} if header else {}
    return RunView(
        label=run.label,
        problem=run.problem,
        facts={fact: value for fact, value in facts.items() if value},
        profile=header.profile if header else None,
        seed=header.seed if header else None,
        total=len(summary.results),
        held=summary.counts["holds"],
        unchecked=_unchecked(summary),
        wrong=[result.outcome for result in summary.failures],
        whole=not (run.problem or summary.gaps),
        counts=list(outcomes_of(summary.results)),
        cost=[calls(summary), *cost(summary)],
        remarks=remarks(summary),
        detailed=views,
        cards=faults,
        known=known_groups(views),
        own=own_subjects(summary),
        own_faults={card.example.result.subject: card for card in reversed(faults)},
        charts=charts(summary),
        places={name: each.place for name, each in by_name.items()},
    )


def _unchecked(summary: Summary) -> tuple[str, ...]:
    words: dict[Outcome, str] = {
        "not-sampled": "not sampled",
        "not-applicable": "not applicable",
    }
    counts = summary.counts
    return tuple(f"{counts[name]:,} {said}" for name, said in words.items() if counts[name])


def calls(summary: Summary) -> str:
    """How many calls were checked, the digest by which runs are compared, and the rules reached."""
    digest = f" (digest {summary.digest})" if summary.digest else ""
    rules = summary.rules
    reached = f" · {rules.exercised} of {rules.registered} batching rules" if rules else ""
    return f"{summary.total('examples'):,.0f} calls{digest}{reached}"


def _urgency(result: Result) -> int:
    return ORDER.index(result.outcome)
