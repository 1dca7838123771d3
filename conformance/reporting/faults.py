"""Violations grouped by cause: results of one subject that are wrong in the same way are one fault."""

import math
from collections import Counter
from collections.abc import Iterable

import attrs

from conformance.events.details import Violation
from conformance.events.records import Result
from conformance.reporting.summary import ordered_laws, ordered_transforms
from conformance.reporting.symptom import GENERAL, kind, symptom

PLAINEST = ".equals-per-example"
"""How the ids of the laws end that need no explanation."""


@attrs.frozen
class Fault:
    """One fault: the results that show it, the one with the smallest call first."""

    subject: str
    symptom: str
    """What is wrong, in a few words."""
    results: tuple[Result, ...]

    @property
    def example(self) -> Result:
        """The result to show."""
        return self.results[0]

    @property
    def laws(self) -> list[str]:
        """The laws that do not hold."""
        return ordered_laws(result.law for result in self.results)

    @property
    def transforms(self) -> list[str]:
        """The transforms that show it."""
        return ordered_transforms(result.transform for result in self.results)

    @property
    def variants(self) -> list[str]:
        """The other subjects of the same operation that show it, such as `lax.cumsum.rounded`."""
        names = dict.fromkeys(result.subject for result in self.results)
        return [name for name in names if name != self.subject]


def group_by_cause(failures: Iterable[Result]) -> list[Fault]:
    """The faults behind these results, those that most laws show first."""
    failures = list(failures)
    names = {result.subject for result in failures}
    groups: dict[tuple[str, str], list[Result]] = {}
    for result in failures:
        groups.setdefault((_operation(result.subject, names), kind(result)), []).append(result)
    faults = [
        Fault(subject, _words(results), tuple(sorted(results, key=_size)))
        for (subject, _), results in groups.items()
    ]
    return sorted(faults, key=lambda fault: -len(fault.results))


def _operation(subject: str, names: set[str]) -> str:
    """The subject that this one is a variant of: its name goes on after a full stop."""
    parts = subject.split(".")
    beginnings = (".".join(parts[:count]) for count in range(1, len(parts) + 1))
    return next(name for name in beginnings if name in names)


def _words(results: list[Result]) -> str:
    """The symptom that most of them have; a general one only where none has a better."""
    counts = Counter(map(symptom, results))
    return max(counts, key=lambda words: (not words.startswith(GENERAL), counts[words]))


def _size(result: Result) -> tuple[bool, bool, bool, int]:
    """How much there is to read: results with a call first, of the plainest law, the smallest not empty."""
    detail = result.detail
    if not isinstance(detail, Violation):
        return True, False, False, 0
    size = math.prod(detail.call.sizes.values())
    return False, size == 0, not result.law.endswith(PLAINEST), size
