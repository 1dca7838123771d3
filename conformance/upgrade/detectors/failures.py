"""Observed calls that raise now and did not before, or the other way round."""

from collections.abc import Iterator

from conformance.upgrade.detectors.error_messages import difference_of_errors
from conformance.upgrade.detectors.public_names import ADDED, REMOVED
from conformance.upgrade.difference import (
    Difference,
    ObservationPair,
    below,
    described,
    is_absent,
    is_failing,
    is_refusal,
)
from conformance.upgrade.kinds import DifferenceKind

FAILS = DifferenceKind(
    "calls-fail",
    "Calls that fail now",
    ("call fails now", "calls fail now"),
    "A call that worked raises.",
    "Find such calls of your own, and change them before you upgrade.",
    30,
    "work",
)
WORKS = DifferenceKind(
    "calls-work",
    "Calls that work now",
    ("call works now", "calls work now"),
    "A call that raised works.",
    "A workaround for it can go.",
    220,
    "fine",
)
KINDS = (FAILS, WORKS)


def find(pair: ObservationPair) -> Iterator[Difference]:
    """Calls that raise in one environment only, or lack there what they need.

    A case that gives several observations fails as one, under a key of its own.
    """
    for key, was, now in pair.of(*{key.split("/")[0] for key in pair.changed} - {"names"}):
        parts = below(key, pair.changed)
        if (is_refusal(was) and is_absent(now)) or (is_absent(was) and is_refusal(now)):
            continue  # no code that works makes such a call
        if is_absent(now) and not is_absent(was):
            said = f"it needs what is gone: {now['absent']}"
            yield Difference(REMOVED, key, said, consequences=parts)
        elif is_absent(was) and not is_absent(now):
            said = f"it needs what is new: {was['absent']}"
            yield Difference(ADDED, key, said, consequences=parts)
        elif is_failing(now) and not is_failing(was):
            said = f"worked before; now {described(now)}"
            yield Difference(FAILS, key, said, cause=described(now), consequences=parts)
        elif is_failing(was) and not is_failing(now):
            said = f"works now; before, {described(was)}"
            yield Difference(WORKS, key, said, cause=described(was), consequences=parts)
        elif is_failing(was) and is_failing(now):
            yield from difference_of_errors(key, was["error"], now["error"])
