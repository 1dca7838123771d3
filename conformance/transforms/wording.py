"""Whether the words of Flax's errors are known."""

import re

import flax


def may_reword() -> bool:
    """Whether this release of Flax is newer than the newest that was tried: its errors may read otherwise."""
    return tuple(map(int, re.findall(r"\d+", flax.__version__)[:3])) > (0, 12, 12)
