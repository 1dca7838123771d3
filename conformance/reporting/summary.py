"""What a log says, gathered once for every view."""

import zlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import attrs

from conformance.events.log import CONFORMING, Event, incomplete

ORDER = (
    "violated",
    "crashed",
    "timed-out",
    "known-defect",
    "fixed-defect",
    "holds",
    "not-applicable",
    "not-sampled",
)
"""Outcomes, the most urgent first."""


@attrs.frozen
class Summary:
    """Results by law and transform, and what they cost."""

    header: Event | None
    results: list[Event]
    incomplete: list[str]
    unfinished: list[Event]
    """``started`` events without a result."""
    seconds: float | None
    coverage: list[Event]
    """What of the table of batching rules each cell exercised."""

    @property
    def laws(self) -> list[str]:
        return list(dict.fromkeys(result["law"] for result in sorted(self.results, key=_by_law)))

    @property
    def transforms(self) -> list[str]:
        return sorted({result["transform"] for result in self.results}, key=_by_family)

    def cell(self, law: str, transform: str) -> Counter[str]:
        """How many subjects had which outcome."""
        return Counter(
            result["outcome"]
            for result in self.results
            if result["law"] == law and result["transform"] == transform
        )

    @property
    def counts(self) -> Counter[str]:
        return Counter(result["outcome"] for result in self.results)

    @property
    def failures(self) -> list[Event]:
        """What does not conform, in the order of the log."""
        return [result for result in self.results if result["outcome"] not in CONFORMING]

    def total(self, field: str) -> float:
        """The sum of a number over all results."""
        return sum(result.get(field) or 0 for result in self.results)

    @property
    def digest(self) -> str | None:
        """A checksum of every call drawn, in whatever order; None where no result has its own."""
        drawn = sorted(result["digest"] for result in self.results if "digest" in result)
        return f"{zlib.crc32(' '.join(drawn).encode()):08x}" if drawn else None

    @property
    def rules(self) -> tuple[int, int, int, list[str]] | None:
        """Batching rules: exercised, registered, exempt, and the names of those missed by every cell.

        None where no cell says, or where cells speak of different tables.
        """
        every = [event["batching_rules"] for event in self.coverage]
        if len({rules["registered"] for rules in every}) != 1:
            return None
        exercised = {name for rules in every for name in rules["exercised"]}
        exempt = set(every[0]["exempt"]) - exercised
        missing = set(every[0]["missing"]) - exercised
        return len(exercised), every[0]["registered"], len(exempt), sorted(missing)

    @property
    def cache_was_useless(self) -> bool:
        """The cache held entries for these programs before, and not one was accepted."""
        return (
            bool(
                self.header
                and self.header.get("cache_entries", 0) >= 50
                and not self.total("cache_hits")
            )
            and self.total("compilations") >= 50
        )


GROUPS = ("mapping", "axes", "nesting", "gradients", "sharing", "collectives", "parallel")
"""The order of DESIGN's promise; other groups follow."""


def _by_law(result: Event) -> int:
    group = result["law"].split(".")[0]
    return GROUPS.index(group) if group in GROUPS else len(GROUPS)


def _by_family(transform: str) -> tuple[bool, int, str]:
    # JAX's own first, the plain vmap before all.
    return (not transform.startswith("jax."), -transform.count("vmap"), transform)


def summarise(events: Sequence[Event]) -> Summary:
    """Gather a log's events, of one cell or several."""
    results = [event for event in events if event["type"] == "result"]
    begun: dict[Any, Event] = {}
    for event in events:
        name = tuple(event.get(k) for k in ("cell", "law", "transform", "subject", "defect"))
        if event["type"] == "started":
            begun[name] = event
        elif event["type"] == "result":
            begun.pop(name, None)
    by_cell: dict[str, float] = defaultdict(float)
    for event in events:
        if event["type"] == "footer":
            by_cell[event["cell"]] = event["seconds"]
    return Summary(
        header=next((event for event in events if event["type"] == "header"), None),
        results=results,
        incomplete=incomplete(events),
        unfinished=list(begun.values()),
        seconds=sum(by_cell.values()) if by_cell else None,
        coverage=[event for event in events if event["type"] == "coverage"],
    )
