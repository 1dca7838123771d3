"""Violations grouped by cause: results of one subject that are wrong in the same way are one fault."""

import math
from collections import Counter
from collections.abc import Iterable

import attrs

from conformance.events.details import Violation
from conformance.events.records import Result
from conformance.reporting.symptom import GENERAL, kind, symptom


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
        return list(dict.fromkeys(result.law for result in self.results))

    @property
    def transforms(self) -> list[str]:
        """The transforms that show it."""
        return list(dict.fromkeys(result.transform for result in self.results))


def group_by_cause(failures: Iterable[Result]) -> list[Fault]:
    """The faults behind these results, those that most laws show first."""
    groups: dict[tuple[str, str], list[Result]] = {}
    for result in failures:
        groups.setdefault((result.subject, kind(result)), []).append(result)
    faults = [
        Fault(subject, _words(results), tuple(sorted(results, key=_size)))
        for (subject, _), results in groups.items()
    ]
    return sorted(faults, key=lambda fault: -len(fault.results))


def _words(results: list[Result]) -> str:
    """The symptom that most of them have; a general one only where none has a better."""
    counts = Counter(map(symptom, results))
    return max(counts, key=lambda words: (not words.startswith(GENERAL), counts[words]))


def _size(result: Result) -> tuple[bool, float]:
    """How much there is to read: results with a call first, the smallest of them."""
    detail = result.detail
    if not isinstance(detail, Violation):
        return True, 0.0
    return False, float(math.prod(detail.call.sizes.values()))
