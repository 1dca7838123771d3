"""Modules that hold others in a list, a tuple or a dict: a newer Flax refuses them, or leaves them out."""

from collections.abc import Iterator, Sequence

import attrs
from packaging.version import Version

from conformance.events.user_code import Operation
from conformance.upgrade.for_you.lines import Line, Place
from conformance.upgrade.for_you.names import places
from conformance.upgrade.for_you.packages import Side
from conformance.upgrade.for_you.what_to_write import ADDED, HELD
from conformance.upgrade.sources.containers import ADDED_LATER, IN_A_CONTAINER

_SINCE = {
    IN_A_CONTAINER: (Version("0.12.0"), HELD),
    ADDED_LATER: (Version("0.12.5"), ADDED),
}
"""What the sources do, the first Flax that takes it otherwise, and what to do.

0.11.2 takes containers of modules; 0.12.4 has in its state what is added later.
"""


def plain_containers(operations: Sequence[Operation], was: Side, now: Side) -> Iterator[Line]:
    """Lines on modules in a list, a tuple or a dict, where these are refused or left out now.

    Args:
        operations: What the sources do.
        was: The environment that the user has.
        now: The one they may move to.

    """
    old, new = was.versions.get("flax"), now.versions.get("flax")
    for name, (since, sentence) in _SINCE.items():
        there = [each for each in operations if each.name == name]
        if there and old and new and Version(old) < since <= Version(new):
            yield Line("nnx.Module", sentence, places(there))


def without_known(line: Line, known: Sequence[Line]) -> Line | None:
    """The line without the places of which a line of what to do says it already; None where none is left."""
    said = {
        (place.file, number)
        for each in known
        if line.sentence.startswith(each.sentence)
        for place in each.places
        for number in place.lines
    }
    if not said:
        return line
    left = [
        Place(place.file, tuple(n for n in place.lines if (place.file, n) not in said))
        for place in line.places
    ]
    kept = tuple(place for place in left if place.lines)
    return attrs.evolve(line, places=kept) if kept else None
