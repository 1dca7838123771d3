"""Configuration flags: other values where nobody sets them, flags that are gone, new flags."""

from collections.abc import Iterator

from conformance.upgrade.difference import Difference, ObservationPair
from conformance.upgrade.kinds import DifferenceKind

CHANGED = DifferenceKind(
    "flags-changed",
    "Flags with another default",
    ("flag with another default", "flags with another default"),
    "Code that does not set the flag runs otherwise than before, without a word.",
    "Set the flag to its old value, or look up what the new one means for you.",
    80,
    "know",
)
GONE = DifferenceKind(
    "flags-gone",
    "Flags that are gone",
    ("flag gone", "flags gone"),
    "Code that sets the flag raises AttributeError; what it chose is fixed now.",
    "Remove the line that sets the flag.",
    82,
    "know",
)
ADDED = DifferenceKind(
    "flags-added",
    "New flags",
    ("new flag", "new flags"),
    "Nothing breaks.",
    "Code that sets the flag needs at least this release.",
    212,
    "fine",
)
KINDS = (CHANGED, GONE, ADDED)


def find(pair: ObservationPair) -> Iterator[Difference]:
    """One difference for each flag."""
    for key, was, now in pair.of("flags"):
        name = key.rpartition("/")[2]
        if was is None:
            yield Difference(ADDED, key, f"{name} is new: {now}")
        elif now is None:
            yield Difference(GONE, key, f"{name} is gone; it was {was}")
        else:
            yield Difference(CHANGED, key, f"{name} was {was}, is {now}")
