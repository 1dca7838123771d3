"""Which keywords the functions take that the user's sources use."""

import inspect
from collections.abc import Iterator
from functools import partial
from typing import Any

from conformance.observations.record import Observation, needed, one
from conformance.observations.selection import EVERYTHING, Selection


def observe(selection: Selection = EVERYTHING) -> Iterator[Observation]:
    """`signatures/NAME`: {keywords, any}, of each name of the user's that can be called.

    `keywords` are those it may be given, `any` whether it takes others, too.
    """
    for name in selection.names:
        yield from of_name(name)


def of_name(name: str) -> Iterator[Observation]:
    """What one name takes; nothing where it cannot be called."""
    for key, value in one(f"signatures/{name}", partial(_signature, name)):
        if value is not None:
            yield key, value


def _signature(name: str) -> dict[str, Any] | None:
    found = needed(name)
    if not callable(found):
        return None
    try:
        parameters = inspect.signature(found).parameters.values()
    except (TypeError, ValueError):
        return None
    return {
        "keywords": sorted(p.name for p in parameters if p.kind in _BY_NAME),
        "any": any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters),
    }


_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
