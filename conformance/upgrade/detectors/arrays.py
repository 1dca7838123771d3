"""Two observed arrays: how far apart they are, and what share of their bounds that is."""

from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np

from conformance.events.arrays import decode
from conformance.upgrade.difference import Value
from reference.error_bounds.agreement import is_real_float, share_of_allowed, ulps

Array = np.ndarray[Any, Any]


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


def distance(was: Value, now: Value) -> Distance | None:
    """The distance of two observed arrays; None where they are not arrays of one shape and dtype."""
    if not all(isinstance(value, Mapping) and "value" in value for value in (was, now)):
        return None
    a, b = decode(was["value"]), decode(now["value"])
    if a.shape != b.shape or a.dtype != b.dtype:
        return None
    return Distance(_ulps(a, b), _share(a, b, was.get("bound"), now.get("bound")))


def _share(a: Array, b: Array, first: Value, second: Value) -> float | None:
    if first is None or second is None:
        return None
    share = share_of_allowed(b, a, decode(first) + decode(second))
    return float(np.max(share, initial=0.0))


def _ulps(a: Array, b: Array) -> float:
    if not is_real_float(a.dtype):
        return float(np.count_nonzero(a != b))
    return float(np.max(ulps(b, a), initial=0.0))
