"""Modules that hold others in a list, a tuple or a dict: the text shows that a newer Flax refuses them."""

from collections.abc import Iterator, Sequence

import attrs
from packaging.version import Version

from conformance.events.user_code import Operation
from conformance.upgrade.for_you.conditions import HELD
from conformance.upgrade.for_you.lines import Line, Place
from conformance.upgrade.for_you.names import places
from conformance.upgrade.for_you.packages import Side
from conformance.upgrade.sources.containers import HELD as IN_A_CONTAINER

_NO_CONTAINERS = Version("0.12.0")
"""The Flax since which a module refuses plain containers of modules; 0.11.2 takes them."""


def refused_containers(operations: Sequence[Operation], was: Side, now: Side) -> Iterator[Line]:
    """A line on the modules that hold others in a list, a tuple or a dict, where these are refused now.

    Args:
        operations: What the sources do.
        was: The environment that the user has.
        now: The one they may move to.

    """
    old, new = was.versions.get("flax"), now.versions.get("flax")
    if not old or not new or not Version(old) < _NO_CONTAINERS <= Version(new):
        return
    there = [each for each in operations if each.name == IN_A_CONTAINER]
    if there:
        yield Line("nnx.Module", HELD, places(there))


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
