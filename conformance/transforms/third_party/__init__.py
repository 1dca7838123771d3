"""Maps of other libraries: not applicable where their library is not installed."""

import importlib.util
from collections.abc import Callable

import attrs

from conformance.transforms.third_party import equinox, haiku
from properties.transform import Transform


def _missing(library: str) -> Callable[[], str | None]:
    def reason() -> str | None:
        if importlib.util.find_spec(library) is not None:
            return None
        return f"{library} is not installed"

    return reason


SHIPPED: tuple[Transform, ...] = tuple(
    attrs.evolve(transform, unavailable=_missing(library))
    for library, transform in (("equinox", equinox.TRANSFORM), ("haiku", haiku.TRANSFORM))
)
"""The shipped maps. They import their library when they first map."""


def left_out(transform: Transform) -> bool:
    """Whether a run leaves the transform out that does not name it: nobody needs all libraries."""
    names = {each.name for each in SHIPPED}
    return transform.name in names and transform.unavailable() is not None
