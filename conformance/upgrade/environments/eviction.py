"""Removing from a cache what has not been used for long."""

import os
import shutil
import time
from pathlib import Path

DAYS = 60
"""A directory is removed after so many days without use; it is built again when it is needed."""


def touch_and_evict(place: Path, directory: Path) -> None:
    """Record that `place` is in use now, and remove its neighbours that were not used for `DAYS`."""
    os.utime(place)
    oldest = time.time() - DAYS * 24 * 3600
    for neighbour in directory.iterdir():
        if neighbour.is_dir() and neighbour.stat().st_mtime < oldest:
            shutil.rmtree(neighbour, ignore_errors=True)
            neighbour.with_name(f"{neighbour.name}.lock").unlink(missing_ok=True)
