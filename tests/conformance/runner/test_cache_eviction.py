"""A long run evicts the programs that it compiled, where they would not fit in memory."""

from collections.abc import Iterator
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

from conformance.runner import cache_eviction


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    cache_eviction.most_programs.cache_clear()
    yield
    cache_eviction.most_programs.cache_clear()


def test_programs_are_evicted_where_there_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    cleared = []
    monkeypatch.setattr(jax, "clear_caches", lambda: cleared.append(True))
    monkeypatch.setattr(cache_eviction, "most_programs", lambda: 2)
    cache_eviction.evict_programs()
    cleared.clear()
    for size in (1, 2, 3):
        jax.jit(lambda x: x * 3.5 + 1)(jnp.ones((7, size)))
    cache_eviction.evict_programs()
    assert cleared == [True]
    cache_eviction.evict_programs()
    assert cleared == [True]


@pytest.mark.parametrize(
    ("gigabytes", "workers", "expected"),
    [(0.2, 4, 500), (2, 2, 1666), (2, 4, 833), (1000, 2, 3000)],
)
def test_as_many_are_kept_as_fit_in_half_the_memory(
    gigabytes: float, workers: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_XDIST_WORKER_COUNT", str(workers))
    monkeypatch.setattr(cache_eviction, "_memory", lambda: int(gigabytes * 10**9))
    assert cache_eviction.most_programs() == expected


@pytest.mark.parametrize(("said", "smaller"), [("100000\n", True), ("max\n", False), ("", False)])
def test_a_container_has_the_memory_that_its_limit_says(
    said: str, smaller: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_eviction, "_LIMITS", ())
    whole = cache_eviction._memory()
    limit = tmp_path / "memory.max"
    limit.write_text(said)
    monkeypatch.setattr(cache_eviction, "_LIMITS", (str(tmp_path / "none"), str(limit)))
    assert cache_eviction._memory() == (100_000 if smaller else whole)
