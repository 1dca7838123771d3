"""The memory of a long run: JAX keeps every program it compiled, and the allocator what is freed."""

import contextlib
import ctypes
import gc

import jax

from properties import compile_stats

KEPT = 500
"""Programs that are kept before all are forgotten; each is a third of a megabyte."""

_forgotten = 0


def forget_programs() -> None:
    """Where many programs have been compiled, or fetched, forget them and give their memory back."""
    global _forgotten
    total = compile_stats.so_far()
    programs = total.compilations + total.cache_hits
    if programs - _forgotten < KEPT:
        return
    _forgotten = programs
    jax.clear_caches()
    gc.collect()
    # Only glibc has it, and only glibc needs it.
    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
