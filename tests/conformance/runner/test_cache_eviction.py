"""A long run evicts the programs that it compiled."""

import jax
import jax.numpy as jnp
import pytest

from conformance.runner import cache_eviction


def test_programs_are_evicted_where_there_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    cleared = []
    monkeypatch.setattr(jax, "clear_caches", lambda: cleared.append(True))
    cache_eviction.evict_programs()
    cleared.clear()
    monkeypatch.setattr(cache_eviction, "MOST_PROGRAMS", 2)
    for size in (1, 2, 3):
        jax.jit(lambda x: x * 3.5 + 1)(jnp.ones((7, size)))
    cache_eviction.evict_programs()
    assert cleared == [True]
    cache_eviction.evict_programs()
    assert cleared == [True]
