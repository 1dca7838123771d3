"""Calls that one release accepts and the other refuses; refused ones with another error."""

from collections.abc import Iterator

from conformance.upgrade.detectors.error_messages import difference_of_errors
from conformance.upgrade.detectors.failures import FAILS, WORKS
from conformance.upgrade.difference import (
    Difference,
    ObservationPair,
    Value,
    below,
    described,
    is_absent,
    is_refusal,
)

KINDS = ()
"""They are those of `failures`: here, a refusal is what was observed, not a failure to observe."""

_GROUPS = ("draws", "lifts", "layers", "calls")


def find(pair: ObservationPair) -> Iterator[Difference]:
    """One difference for each call, with what is observed of it only where it is accepted."""
    for key, was, now in pair.of(*_GROUPS):
        parts = below(key, pair.changed)
        if is_absent(was) or is_absent(now):
            continue  # that one release cannot make the call says nothing of it
        if is_refusal(now) and is_refusal(was):
            yield from difference_of_errors(key, was, now)
        elif is_refusal(now) and (was is not None or _had_parts(key, pair.old)):
            said = f"accepted before; now {described(now)}"
            yield Difference(FAILS, key, said, cause=described(now), consequences=parts)
        elif is_refusal(was) and (now is not None or _had_parts(key, pair.new)):
            said = f"accepted now; before, {described(was)}"
            yield Difference(WORKS, key, said, cause=described(was), consequences=parts)


def _had_parts(key: str, observed: dict[str, Value]) -> bool:
    return any(other.startswith(f"{key}/") for other in observed)
