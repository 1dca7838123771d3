"""Chex's assertions in laws: one that fails becomes a `Mismatch` that says it in plain words."""

import contextlib
import re
from collections.abc import Iterator

from properties.compare import Mismatch
from properties.trees import Raised, describe, described
from reference.types import PyTree

_PREFIX = re.compile(r"^\[Chex\] (Assertion \w+ failed: +)?")


@contextlib.contextmanager
def comparing(got: PyTree, expected: PyTree) -> Iterator[None]:
    """Compare two trees with chex within.

    Args:
        got: What a transform gave, or `Raised`. Abstract arrays will do.
        expected: What it should give. Abstract arrays will do.

    Raises:
        Mismatch: `got` is `Raised`, or an assertion of chex failed.
    """
    if isinstance(got, Raised):
        raise Mismatch("raised", f"it raised {got!r}", described(expected), repr(got))
    try:
        yield
    except Mismatch:
        raise
    except AssertionError as error:
        if not is_chex(error):
            raise
        message = f"{plain(error)} Expected {describe(expected)}, got {describe(got)}"
        raise Mismatch("structure", message, described(expected), described(got)) from None


def is_chex(error: Exception) -> bool:
    """Whether an assertion of chex raised this."""
    return isinstance(error, AssertionError) and str(error).startswith("[Chex]")


def plain(error: AssertionError) -> str:
    """The message of a failed assertion of chex as one line, without chex's prefix."""
    return " ".join(_PREFIX.sub("", str(error)).split())
