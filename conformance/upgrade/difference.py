"""A difference between two environments, and the pair of observations that detectors look at."""

from collections.abc import Iterable
from typing import Any, TypeAlias

import attrs

from conformance.events.arrays import decode
from conformance.events.records import Header
from conformance.upgrade.kinds import DifferenceKind

Value: TypeAlias = Any
"""The value of an observation, as the log has it: JSON."""


@attrs.frozen
class Distance:
    """How far two arrays of one shape and dtype are apart."""

    ulps: float
    """Units in the last place of the earlier value, at most; of what is no float, elements that differ."""
    share: float | None
    """The largest error as a share of what both bounds allow; None where a bound is missing."""

    @property
    def equal(self) -> bool:
        """Whether nothing differs: ``ulps`` is 0."""
        return self.ulps == 0

    @property
    def within(self) -> bool:
        """Whether rounding explains it: it is equal, or both bounds are known and not exceeded."""
        return self.equal or (self.share is not None and self.share <= 1)


@attrs.frozen
class Ratio:
    """What something costs now, as a multiple of what it cost before."""

    times: float


@attrs.frozen
class Reproducer:
    """A counterexample that runs alone."""

    script: str


Detail: TypeAlias = Distance | Ratio | Reproducer
"""What a detector knows beyond the sentence."""


@attrs.frozen
class Difference:
    """One difference."""

    kind: DifferenceKind
    key: str
    """The observation; or law, transform and subject."""
    sentence: str
    own_remedy: str | None = None
    """What to do, where the kind's own remedy is too general."""
    cause: str | None = None
    """What differences of one cause share; None where the difference is a cause of its own."""
    detail: Detail | None = None
    """Of values their distance, of costs their ratio, of a violated law its script."""
    consequences: tuple[str, ...] = ()
    """Observations that changed because of this difference, and are reported nowhere else."""

    @property
    def remedy(self) -> str:
        """What to do about it."""
        return self.own_remedy or self.kind.remedy

    @property
    def breaks(self) -> bool:
        """Whether it makes the exit status 1."""
        return self.kind.breaks


@attrs.frozen
class ObservationPair:
    """The observations of two environments, and which differences are not explained yet."""

    old: dict[str, Value]
    new: dict[str, Value]
    changed: tuple[str, ...]
    """Keys whose values differ and that no earlier detector has reported."""
    before: Header | None
    """The header of the earlier environment."""
    after: Header | None

    def of(self, *groups: str) -> list[tuple[str, Value, Value]]:
        """Key, value before and value now (None where there is none) of what changed in these groups."""
        return [
            (key, self.old.get(key), self.new.get(key))
            for key in self.changed
            if key.split("/")[0] in groups
        ]


def is_absent(value: Value) -> bool:
    """Whether the release lacks what the observation needs."""
    return isinstance(value, dict) and "absent" in value


def is_failing(value: Value) -> bool:
    """Whether the observed case itself failed."""
    return isinstance(value, dict) and "error" in value


def is_refusal(value: Value) -> bool:
    """Whether it is the error of a call."""
    return isinstance(value, dict) and "type" in value and "line" in value


def below(key: str, keys: Iterable[str]) -> tuple[str, ...]:
    """The other observations of a case: those whose key continues the case's after a slash."""
    return tuple(other for other in keys if other.startswith(f"{key}/"))


def described(value: Value) -> str:
    """The value of an observation in a few words."""
    if value is None:
        return "not there"
    if not isinstance(value, dict):
        return str(value)
    if "error" in value:
        return described(value["error"])
    if "type" in value:
        return f"{value['type']}: {value['line']}"
    if "gives" in value:
        return f"accepted, giving {value['gives']}"
    if "absent" in value:
        return f"not there ({value['absent']})"
    if "value" in value:
        array = decode(value["value"])
        return f"{array.dtype}{list(array.shape)}"
    return str(value)


def was_and_is(was: Value, now: Value) -> str:
    """Both values in words."""
    return f"was {described(was)}; is {described(now)}"
