"""What the user's own project requires of JAX and Flax, where that keeps the new releases out."""

from collections.abc import Iterator, Sequence

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from conformance.events.user_code import Pin
from conformance.upgrade.for_you.lines import Line
from conformance.upgrade.for_you.names import places
from conformance.upgrade.for_you.packages import Side


def keeping_out(pins: Sequence[Pin], was: Side, now: Side) -> Iterator[Line]:
    """One line on the requirements that the first environment meets and the second does not.

    What neither meets is not kept to now, and keeps nothing out.

    Args:
        pins: What the project's files require.
        was: The environment that the user has.
        now: The one they may move to.

    """
    forbidding = [pin for pin in pins if _allows(pin, was) and _allows(pin, now) is False]
    if not forbidding:
        return
    asked = [Requirement(pin.requirement) for pin in forbidding]
    said = dict.fromkeys(f"{each.name}{each.specifier}" for each in asked)
    libraries = dict.fromkeys(canonicalize_name(each.name) for each in asked)
    there = ", ".join(f"{name} {now.versions[name]}" for name in libraries)
    verb = "forbids" if len(said) == 1 else "forbid"
    yield Line(", ".join(said), f"{verb} {there}: allow it there", places(forbidding))


def _allows(pin: Pin, side: Side) -> bool | None:
    """Whether an environment's release is what is required; None where that is not asked of it."""
    asked = Requirement(pin.requirement)
    version, python = side.versions.get(canonicalize_name(asked.name)), side.versions.get("python")
    if version is None:
        return None
    if asked.marker is not None:
        known = {"python_full_version": python, "python_version": _minor(python)} if python else {}
        if not asked.marker.evaluate({"extra": "", **known}):
            return None
    return asked.specifier.contains(version, prereleases=True)


def _minor(python: str) -> str:
    return ".".join(python.split(".")[:2])
