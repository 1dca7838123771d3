"""Whether a call may be of such arrays as an observed one, where the user's text says what it is of."""

import re

from conformance.events.user_code import Use
from conformance.upgrade.for_you.index import Operations

_OF_MORE = re.compile(r"calls/.*(/of-(matrix|cube|number)-|-(matrix|matrices|numbers?)$)")
_OF_PAIRS = re.compile(r"calls/.*-pairs$")


def may_be_of(key: str, use: Use, operations: Operations) -> bool:
    """False where the change is of arrays of another rank or length than those in the user's line.

    Args:
        key: The key of the difference, such as `calls/jax.vmap/of-cube-numpy.cross`.
        use: A use of the function.
        operations: What the sources do; `cross of vectors` says what a call is of.

    """
    last = use.name.rpartition(".")[2]
    told, numbers = f"{last} of vectors", f"{last} of plain numbers"
    done = operations.by_line.get((use.file, use.line), set())
    if "/at-edges-" in key and numbers in done:
        return False
    said = {each for each in done if each.startswith(told)}
    if not said:
        return True
    if "/at-edges-" in key:
        return f"{told} of plain numbers" not in said
    if _OF_PAIRS.match(key):
        return f"{told} of 2" in said
    return not _OF_MORE.match(key)
