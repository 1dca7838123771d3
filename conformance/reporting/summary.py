"""What a log says of one environment, gathered once for every view."""

import functools
import shlex
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import get_args

import attrs

from conformance.events.completeness import incomplete
from conformance.events.outcomes import CONFORMING, NOT_CHECKED, Outcome
from conformance.events.records import (
    BatchingRules,
    Coverage,
    Footer,
    Header,
    Named,
    Record,
    Result,
    Started,
)

ORDER: tuple[Outcome, ...] = (
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
assert set(ORDER) == set(get_args(Outcome))

SHORT: dict[str, str] = {"not-applicable": "n/a"}
"""Outcomes that have a shorter name in tables."""

GROUPS = ("mapping", "axes", "nesting", "gradients", "sharing", "collectives", "parallel")
"""The order of the groups of laws; other groups follow."""

_MANY_PROGRAMS = 50
"""From so many on, a compilation cache that gave none of them is of no use here."""


@attrs.frozen
class RuleCoverage:
    """Which of JAX's batching rules some cell exercised."""

    exercised: int
    registered: int
    exempt: int
    missing: tuple[str, ...]
    """The names of those that no cell reached."""


@attrs.frozen(slots=False)
class Summary:
    """Results by law and transform, and what they cost."""

    headers: tuple[Header, ...]
    results: tuple[Result, ...]
    incomplete: tuple[str, ...]
    """The cells without a footer."""
    unfinished: tuple[Started, ...]
    """Items that began and have no result."""
    seconds: float | None
    """The duration of all cells together; None where none ended."""
    coverage: tuple[BatchingRules, ...]
    lacking: tuple[str, ...] = ()
    """The shards that a reader of the whole run misses: a shard's own log lacks none."""

    @property
    def header(self) -> Header | None:
        """The first header."""
        return self.headers[0] if self.headers else None

    @property
    def laws(self) -> list[str]:
        """The laws in the order of `GROUPS`."""
        return ordered_laws(result.law for result in self.results)

    @property
    def groups(self) -> list[str]:
        """The groups of the laws, in the order of `GROUPS`."""
        return list(dict.fromkeys(group(law) for law in self.laws))

    @property
    def transforms(self) -> list[str]:
        """The transforms: JAX's own first, and `jax.vmap` before all."""
        return ordered_transforms(result.transform for result in self.results)

    def cell(self, law: str, transform: str) -> Counter[Outcome]:
        """How many subjects had which outcome, for a law or a group of laws and a transform."""
        return self._cells.get((law, transform), Counter())

    @functools.cached_property
    def _cells(self) -> dict[tuple[str, str], Counter[Outcome]]:
        cells: dict[tuple[str, str], Counter[Outcome]] = defaultdict(Counter)
        for result in self.results:
            for law in (result.law, group(result.law)):
                cells[law, result.transform][result.outcome] += 1
        return cells

    @property
    def counts(self) -> Counter[Outcome]:
        """How many items had which outcome."""
        return Counter(result.outcome for result in self.results)

    @property
    def failures(self) -> list[Result]:
        """What does not conform, in the order of the log."""
        return [result for result in self.results if result.outcome not in CONFORMING]

    @property
    def checked(self) -> int:
        """How many items were checked: neither inapplicable, left out by sampling, nor known defects."""
        beyond = {*NOT_CHECKED, "known-defect", "fixed-defect"}
        return sum(result.outcome not in beyond for result in self.results)

    def total(self, field: str) -> float:
        """The sum of a numeric field over all results."""
        return sum(getattr(result, field) or 0 for result in self.results)

    @property
    def digest(self) -> str | None:
        """A checksum of every call drawn, in whatever order; None where no result has its own."""
        drawn = sorted(result.digest for result in self.results if result.digest)
        return f"{zlib.crc32(' '.join(drawn).encode()):08x}" if drawn else None

    @property
    def rules(self) -> RuleCoverage | None:
        """Batching rules covered; None where no cell says, or where cells have different tables."""
        if len({rules.registered for rules in self.coverage}) != 1:
            return None
        first = self.coverage[0]
        exercised = {name for rules in self.coverage for name in rules.exercised}
        missing = tuple(sorted(set(first.missing) - exercised))
        exempt = len(set(first.exempt) - exercised)
        return RuleCoverage(len(exercised), first.registered, exempt, missing)

    @property
    def missing_shards(self) -> list[str]:
        """The shards that the log lacks, such as `2/4`.

        Parts of runs of several profiles, of several seeds that sample items, or of which something else was
        to be checked, are not one whole: there a shard's run is named, too, as in `2/4 (quick, seed 7)`.
        """
        runs: dict[tuple[int, str], set[int]] = defaultdict(set)
        for header in self.headers:
            seed = f", seed {header.seed}" * (self.counts["not-sampled"] > 0)
            part, parts = header.shard
            chosen = f", {shlex.join(header.chosen)}" if header.chosen else ""
            runs[parts, f"{header.profile}{seed}{chosen}"].add(part)
        several = len({run for _, run in runs}) > 1
        return [
            f"{part}/{parts}{f' ({run})' * several}"
            for (parts, run), there in sorted(runs.items())
            for part in range(1, parts + 1)
            if part not in there
        ]

    @property
    def gaps(self) -> list[str]:
        """What of the run is not there, a sentence each."""
        stopped = [tuple(each.shard) for each in self.headers if each.cell in self.incomplete]
        said = [
            f"Shard {part}/{parts} was stopped before its end: run it again."
            if parts > 1
            else "This log is incomplete: the run was stopped before its end."
            for part, parts in stopped
        ]
        said += [f"Shard {shard} is missing: give its log, too." for shard in self.lacking]
        return list(dict.fromkeys(said))

    @property
    def cache_was_useless(self) -> bool:
        """The cache held entries for these programs before, and not one was accepted."""
        filled = self.header is not None and (self.header.cache_entries or 0) >= _MANY_PROGRAMS
        compiled = self.total("compilations") >= _MANY_PROGRAMS
        return filled and compiled and not self.total("cache_hits")


def group(law: str) -> str:
    """The first part of a law's id."""
    return law.split(".", maxsplit=1)[0]


def item_name(item: Named) -> str:
    """The name of an item, unique in its cell: law, transform, subject and, if any, defect."""
    parts = (item.law, item.transform, item.subject, item.defect or None)
    return " | ".join(part for part in parts if part is not None)


def summarise(records: Sequence[Record]) -> Summary:
    """Gather a log's records, of one cell or several."""
    results = tuple(record for record in records if isinstance(record, Result))
    ended = {(result.cell, item_name(result)) for result in results}
    started = [record for record in records if isinstance(record, Started)]
    seconds = {record.cell: record.seconds for record in records if isinstance(record, Footer)}
    return Summary(
        headers=tuple(record for record in records if isinstance(record, Header)),
        results=results,
        incomplete=tuple(incomplete(records)),
        unfinished=tuple(
            record for record in started if (record.cell, item_name(record)) not in ended
        ),
        seconds=sum(seconds.values()) if seconds else None,
        coverage=tuple(r.batching_rules for r in records if isinstance(r, Coverage)),
    )


def outcomes_of(results: Iterable[Result]) -> list[tuple[Outcome, int]]:
    """How many results had which outcome, the most urgent first."""
    counts = Counter(result.outcome for result in results)
    return [(name, counts[name]) for name in ORDER if counts[name]]


def ordered_laws(laws: Iterable[str]) -> list[str]:
    """Each law once, in the order of `GROUPS`."""
    return sorted(dict.fromkeys(laws), key=_by_group)


def ordered_transforms(transforms: Iterable[str]) -> list[str]:
    """Each transform once: JAX's own first, and `jax.vmap` before all."""
    return sorted(set(transforms), key=_by_family)


def _by_group(law: str) -> int:
    name = group(law)
    return GROUPS.index(name) if name in GROUPS else len(GROUPS)


def _by_family(transform: str) -> tuple[bool, int, str]:
    return (not transform.startswith("jax."), -transform.count("vmap"), transform)
