"""Keeps the memory of a long run bounded: JAX keeps every program that it compiled."""

import contextlib
import ctypes
import functools
import gc
import os
from pathlib import Path

import jax

from properties import compile_stats

FEWEST, MOST = 500, 3000
"""Programs after which all are evicted: at least, where there is little memory, and at most."""
BYTES_OF_PROGRAM = 300_000
"""What a program takes, with what JAX keeps of its trace: measured of 808 programs of a quick run."""
SHARE = 0.5
"""The part of the memory that the programs of all workers may have."""
_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
"""Where Linux says how much memory a container has, in its two versions of control groups."""

_evicted = 0
"""Programs that were compiled or fetched before the last eviction."""


def evict_programs() -> None:
    """Evict all programs, and give their memory back to the system, once there are `most_programs()`.

    To evict one costs a millisecond, and to fetch it again ten.
    """
    global _evicted
    total = compile_stats.so_far()
    programs = total.compilations + total.cache_hits
    if programs - _evicted < most_programs():
        return
    _evicted = programs
    jax.clear_caches()
    gc.collect()
    # Only glibc has it, and only glibc needs it.
    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


@functools.cache
def most_programs() -> int:
    """How many programs this process may have: as many as fit in its part of the memory."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    fitting = int(SHARE * _memory() / workers / BYTES_OF_PROGRAM)
    return min(max(fitting, FEWEST), MOST)


def _memory() -> int:
    """The bytes of memory of the machine, or of the container; none where the system does not say."""
    try:
        found = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return 0
    for limit in map(Path, _LIMITS):
        # A container without a limit says `max`.
        with contextlib.suppress(OSError, ValueError):
            found = min(found, int(limit.read_text()))
    return found
