"""Compiled programs of a user's subjects are kept, and JAX's configuration is as before afterwards."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKED = """
import jax, jax.numpy as jnp
from conformance.testing import assert_conforms
from properties import compile_stats

before = jax.config.jax_compilation_cache_dir
assert_conforms(lambda x: jnp.tanh(x), [("n",)], ["jax.vmap"], laws=["mapping.jit-agrees"])
assert jax.config.jax_compilation_cache_dir == before
counts = compile_stats.so_far()
jax.jit(lambda x: jnp.sinh(x) + 1)(jnp.ones(3)).block_until_ready()
print(counts.compilations, counts.cache_hits)
"""


def _check(home: Path, **variables: str) -> tuple[int, int]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("JAX_")}
    ran = subprocess.run(
        [sys.executable, "-c", CHECKED],
        env={**kept, "XDG_CACHE_HOME": str(home), "HOME": str(home), **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    compiled, found = map(int, ran.stdout.split())
    return compiled, found


@pytest.mark.skipif(
    sys.platform != "linux", reason="the cache's directory is set by XDG_CACHE_HOME"
)
def test_a_second_run_compiles_nothing_anew(tmp_path: Path) -> None:
    compiled, _ = _check(tmp_path)
    again, found = _check(tmp_path)
    assert compiled > 0
    assert found >= compiled
    assert again == 0


def test_a_user_who_wants_no_cache_has_none(tmp_path: Path) -> None:
    compiled, found = _check(tmp_path, JAX_ENABLE_COMPILATION_CACHE="false")
    assert compiled > 0
    assert found == 0
    assert not any(tmp_path.rglob("*-cache"))


def test_a_users_own_cache_is_theirs(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    _check(tmp_path / "home", JAX_COMPILATION_CACHE_DIR=str(theirs))
    assert not (tmp_path / "home" / "vmap-conformance").exists()
