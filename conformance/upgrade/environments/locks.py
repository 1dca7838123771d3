"""Locks between processes, which end with the process that has them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock

from conformance.upgrade import lifeline
from conformance.upgrade.environments.run_uv import TIMEOUT


@contextmanager
def locked(place: Path) -> Iterator[None]:
    """Have the lock of `place` to oneself.

    Raises:
        filelock.Timeout: Another process has had it for `TIMEOUT` seconds.
        StoppedError: This process is ending.

    """
    lock = filelock.FileLock(place.with_name(f"{place.name}.lock"))
    for waited in range(TIMEOUT):
        try:
            lock.acquire(timeout=1)
            break
        except filelock.Timeout:
            if lifeline.STOPPING.is_set():
                raise lifeline.StoppedError from None
            if waited == TIMEOUT - 1:
                raise
    try:
        yield
    finally:
        lock.release()
