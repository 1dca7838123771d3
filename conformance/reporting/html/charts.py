"""Cost and coverage as small bar charts, each with its numbers as text."""

from collections import Counter

import attrs

from conformance.reporting.summary import Summary, group

WIDTH = 240
"""The length of the longest bar, in pixels."""


@attrs.frozen
class Bar:
    """One bar."""

    name: str
    width: float
    words: str


@attrs.frozen
class Charts:
    """What a run cost, by groups of laws, and which batching rules it reached."""

    cost: list[Bar]
    rules: list[Bar]
    """Reached, exempt and not reached; empty where the log does not say."""
    missing: tuple[str, ...]
    """The rules that were not reached."""


def charts(summary: Summary) -> Charts:
    """The charts of a run."""
    seconds: Counter[str] = Counter()
    calls: Counter[str] = Counter()
    for result in summary.results:
        seconds[group(result.law)] += result.seconds  # type: ignore[assignment]  # counts of seconds
        calls[group(result.law)] += result.examples
    longest = max(seconds.values(), default=0) or 1
    cost = [
        Bar(name, round(WIDTH * spent / longest, 1), f"{spent:,.1f} s, {calls[name]:,} calls")
        for name, spent in sorted(seconds.items(), key=lambda pair: -pair[1])
        if calls[name]
    ]
    rules = summary.rules
    if rules is None:
        return Charts(cost, [], ())
    parts = {
        "reached": rules.exercised,
        "exempt": rules.exempt,
        "not reached": len(rules.missing),
    }
    whole = rules.registered or 1
    bars = [Bar(n, round(WIDTH * c / whole, 1), f"{c} of {whole}") for n, c in parts.items()]
    return Charts(cost, bars, rules.missing)
