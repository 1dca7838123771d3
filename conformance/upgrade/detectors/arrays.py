"""Two observed arrays: how far apart they are, and what share of their bounds that is."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from conformance.events.arrays import decode
from conformance.upgrade.difference import Distance, Value
from reference.error_bounds.agreement import is_real_float, share_of_allowed, ulps

Array = np.ndarray[Any, Any]


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
