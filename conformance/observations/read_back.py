"""Programs that come from a persistent compilation cache, as a user's second run has them."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
from jax.experimental.compilation_cache import compilation_cache


def mapped_loop(map: Callable[..., Any]) -> Any:
    """What a mapped while loop gives when its program is read back from a persistent cache.

    The sizes are those of `docs/defects/compilation-cache-loops.py`: smaller ones are right in jaxlib 0.6.0.

    Args:
        map: `jax.vmap`, or what is called like it.

    Returns:
        Rows of small whole numbers, each times its matrix squared. Shape (8, 5).

    """
    rows = jnp.arange(40, dtype=jnp.float32).reshape(8, 5) % 7
    matrices = jnp.arange(200, dtype=jnp.float32).reshape(8, 5, 5) % 3

    def times_squared(matrix: Any, row: Any) -> Any:
        return jax.lax.while_loop(
            lambda carry: carry[0] < 2, lambda carry: (carry[0] + 1, carry[1] @ matrix), (0, row)
        )[1]

    with _persistent_cache():
        map(times_squared)(matrices, rows)
        jax.clear_caches()
        return map(times_squared)(matrices, rows)


@contextmanager
def _persistent_cache() -> Iterator[None]:
    """Keep every program in a cache of its own; JAX's configuration is as before afterwards."""
    with tempfile.TemporaryDirectory() as directory:
        wanted: dict[str, Any] = {
            "jax_enable_compilation_cache": True,
            "jax_compilation_cache_dir": directory,
            "jax_persistent_cache_min_compile_time_secs": 0.0,
            "jax_persistent_cache_min_entry_size_bytes": -1,
        }
        before = {name: getattr(jax.config, name) for name in wanted}
        try:
            _configure(wanted)
            yield
        finally:
            _configure(before)


def _configure(options: dict[str, Any]) -> None:
    for name, value in options.items():
        jax.config.update(name, value)
    # JAX decides once whether there is a cache, and where.
    compilation_cache.reset_cache()
