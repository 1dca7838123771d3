"""What in the cache has not been used for long is let go."""

import os
import shutil
import time
from pathlib import Path

DAYS = 60
"""After so many days without use a directory is removed; what needs it again builds it again."""


def used(place: Path, directory: Path) -> None:
    """Note that ``place`` is in use now, and remove its neighbours that have not been for long."""
    os.utime(place)
    oldest = time.time() - DAYS * 24 * 3600
    for neighbour in directory.iterdir():
        if neighbour.is_dir() and neighbour.stat().st_mtime < oldest:
            shutil.rmtree(neighbour, ignore_errors=True)
            neighbour.with_name(f"{neighbour.name}.lock").unlink(missing_ok=True)
