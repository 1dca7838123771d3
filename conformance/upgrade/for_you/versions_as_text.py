"""Versions that the code compares as text, where the new release's is no longer where it belongs."""

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from packaging.version import InvalidVersion, Version

from conformance.events.user_code import Operation
from conformance.upgrade.for_you.lines import Line
from conformance.upgrade.for_you.names import places
from conformance.upgrade.for_you.packages import Side
from conformance.upgrade.sources.versions_as_text import AsText, read

_HOLDS: Mapping[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
}


def misread_now(operations: Sequence[Operation], was: Side, now: Side) -> Iterator[Line]:
    """A line for each comparison that was right as text with the old release, and is wrong with the new one.

    Args:
        operations: What the sources do.
        was: The environment that the user has.
        now: The one they may move to.

    """
    found: dict[str, list[Operation]] = {}
    for each in operations:
        found.setdefault(each.name, []).append(each)
    for name, mine in found.items():
        compared = read(name)
        if compared is None:
            continue
        old, new = (side.versions.get(compared.library) for side in (was, now))
        if not old or not new or not _is_right(old, compared) or _is_right(new, compared):
            continue
        answer = _HOLDS[compared.sign](new, compared.version)
        said = (
            f"compared as text, of which '{new}' {compared.sign} '{compared.version}' is {answer}: compare "
            f"packaging.version.Version({compared.library}.__version__) {compared.sign} "
            f"Version('{compared.version}')"
        )
        yield Line(f"{compared.library}.__version__", said, places(mine))


def _is_right(version: str, compared: AsText) -> bool:
    """Whether the text says what the version does; so it is taken to be of what is no version."""
    holds = _HOLDS[compared.sign]
    try:
        return holds(Version(version), Version(compared.version)) == holds(
            version, compared.version
        )
    except InvalidVersion:
        return True
