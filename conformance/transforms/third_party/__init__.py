"""Maps of other libraries, and of users: each is a transform where its library is installed."""

import importlib.util

from conformance.transforms.third_party import equinox, haiku
from properties.transform import Transform

INSTALLED: tuple[Transform, ...] = tuple(
    transform
    for library, transform in (("equinox", equinox.TRANSFORM), ("haiku", haiku.TRANSFORM))
    if importlib.util.find_spec(library) is not None
)
"""The shipped maps of the libraries that are there. They import them when they first map."""
