"""Law ids of earlier releases. They are accepted for one release wherever an id is given."""

import fnmatch
from collections.abc import Iterable, Mapping

RENAMED: Mapping[str, str] = {"collectives.of-what-is-shared": "collectives.unmapped-operand"}
"""The present id of each law that had another one in the last release."""


def current(law_id: str) -> str:
    """The present id of a law, given by its present or its former id."""
    return RENAMED.get(law_id, law_id)


def former(law_id: str) -> str:
    """The id that a law had in the last release."""
    return next((old for old, new in RENAMED.items() if new == law_id), law_id)


def current_globs(globs: Iterable[str]) -> tuple[str, ...]:
    """Globs over law ids, with the present id of each renamed law whose former id one matches."""
    given = tuple(globs)
    renamed = (
        new for old, new in RENAMED.items() if any(fnmatch.fnmatchcase(old, glob) for glob in given)
    )
    kept = (glob for glob in given if glob not in RENAMED)
    return tuple(dict.fromkeys((*kept, *renamed)))
