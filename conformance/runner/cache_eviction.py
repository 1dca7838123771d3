"""Keeps the memory of a long run bounded: JAX keeps every program that it compiled."""

import contextlib
import ctypes
import gc

import jax

from properties import compile_stats

MOST_PROGRAMS = 500
"""Programs after which all are evicted; each is a third of a megabyte."""

_evicted = 0
"""Programs that were compiled or fetched before the last eviction."""


def evict_programs() -> None:
    """Evict all programs, and give their memory back to the system, once there are `MOST_PROGRAMS`."""
    global _evicted
    total = compile_stats.so_far()
    programs = total.compilations + total.cache_hits
    if programs - _evicted < MOST_PROGRAMS:
        return
    _evicted = programs
    jax.clear_caches()
    gc.collect()
    # Only glibc has it, and only glibc needs it.
    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
