"""Checking a violation again without the persistent compilation cache, which may hold a wrong program."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax
from jax.experimental.compilation_cache import compilation_cache

from properties.law import Law, Violation, violation
from properties.transform import Transform

ONLY_FROM_CACHE = (
    "only from the compilation cache: compiled again without it, the call conforms. Run with "
    "--no-cache, and delete the cache's directory"
)


def is_only_from_cache(law: Law, transform: Transform, found: Violation) -> bool:
    """Whether the law holds for the call as soon as nothing comes from the compilation cache."""
    config: Any = jax.config
    if not (config.jax_enable_compilation_cache and config.jax_compilation_cache_dir):
        return False
    with _without_cache():
        try:
            return violation(law, transform, found.call) is None
        except Exception:
            # Whatever it is, it is no sign that the call conforms.
            return False


@contextmanager
def _without_cache() -> Iterator[None]:
    """Compile everything within it anew."""
    _switch_cache(False)
    try:
        yield
    finally:
        _switch_cache(True)


def _switch_cache(on: bool) -> None:
    jax.config.update("jax_enable_compilation_cache", on)
    # JAX asks once whether there is a cache, and keeps the programs that it has.
    compilation_cache.reset_cache()
    jax.clear_caches()
