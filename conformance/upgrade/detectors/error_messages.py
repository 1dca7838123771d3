"""What calls without a meaning raise: other types, calls that are accepted now, other words."""

from collections.abc import Iterator

from conformance.upgrade.difference import (
    Difference,
    ObservationPair,
    Value,
    described,
    was_and_is,
)
from conformance.upgrade.kinds import DifferenceKind

TYPES = DifferenceKind(
    "errors-changed",
    "Errors changed",
    ("error changed", "errors changed"),
    "A wrong call raises another type of error, raises where it was accepted, or is accepted.",
    "Tests and handlers that look at the type must follow.",
    110,
    "know",
)
WORDS = DifferenceKind(
    "errors-reworded",
    "Errors only worded differently",
    ("error only worded differently", "errors only worded differently"),
    "The same type of error with another message.",
    "Only code that reads the message must follow.",
    150,
    "know",
)
KINDS = (TYPES, WORDS)


def find(pair: ObservationPair) -> Iterator[Difference]:
    """One difference for each wrong call whose error changed."""
    for key, was, now in pair.of("errors"):
        yield from difference_of_errors(key, was, now)


def difference_of_errors(key: str, was: Value, now: Value) -> Iterator[Difference]:
    """The difference between two errors, none where only a full stop at the end differs."""
    if described(was).rstrip(".") == described(now).rstrip("."):
        return
    before, since = _type(was), _type(now)
    if before == since and before is not None:
        yield Difference(WORDS, key, was_and_is(was, now), cause=WORDS.id)
    else:
        misuse = key.rsplit("/", maxsplit=1)[-1]
        yield Difference(TYPES, key, was_and_is(was, now), cause=f"{misuse}: {before} to {since}")


def _type(value: Value) -> str | None:
    """The type of the error; `accepted` for a call that is; None for what is neither."""
    if not isinstance(value, dict):
        return None
    return "accepted" if "gives" in value else value.get("type")
