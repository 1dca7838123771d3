"""A long run forgets what it compiled."""

import jax
import jax.numpy as jnp
import pytest

from conformance import memory


def test_programs_are_forgotten_where_there_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    cleared = []
    monkeypatch.setattr(jax, "clear_caches", lambda: cleared.append(True))
    memory.forget_programs()
    cleared.clear()
    monkeypatch.setattr(memory, "KEPT", 2)
    for size in (1, 2, 3):
        jax.jit(lambda x: x * 3.5 + 1)(jnp.ones((7, size)))
    memory.forget_programs()
    assert cleared == [True]
    memory.forget_programs()
    assert cleared == [True]
