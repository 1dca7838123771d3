"""Compiled programs of a user's subjects, kept from one run of their tests to the next."""

from collections.abc import Iterator
from contextlib import contextmanager

import jax
from jax.experimental.compilation_cache import compilation_cache

from conformance.runner import process_env

_ENABLED = "jax_enable_compilation_cache"
_EVERY_PROGRAM: dict[str, object] = {
    "jax_persistent_cache_min_compile_time_secs": 0.0,
    "jax_persistent_cache_min_entry_size_bytes": -1,
}


@contextmanager
def kept_programs() -> Iterator[None]:
    """Use the persistent compilation cache of `vmap-conformance run` within.

    JAX's configuration is as before afterwards. Where the user has a cache of their own, or
    JAX_ENABLE_COMPILATION_CACHE says that there is none, nothing is changed; nor where no directory can be
    made, or jaxlib misreads what it keeps.
    """
    wanted = _EVERY_PROGRAM | {"jax_compilation_cache_dir": str(process_env.compilation_cache())}
    before = {name: getattr(jax.config, name) for name in wanted}
    unwanted = before["jax_compilation_cache_dir"] or not getattr(jax.config, _ENABLED)
    if unwanted or process_env.cache_misreads():
        yield
        return
    try:
        process_env.compilation_cache().mkdir(parents=True, exist_ok=True)
    except OSError:
        yield
        return
    try:
        _configure(wanted)
        yield
    finally:
        _configure(before)


def _configure(options: dict[str, object]) -> None:
    for name, value in options.items():
        jax.config.update(name, value)
    # JAX decides once whether there is a cache, and where.
    compilation_cache.reset_cache()
