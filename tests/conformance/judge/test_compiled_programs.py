"""Shared compiled programs serve whoever wrote the same program, and nobody else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from conformance.judge.sandbox.compiled_programs import CompiledPrograms, decipher, encipher


def test_an_entry_is_found_with_its_key_only(tmp_path: Path) -> None:
    CompiledPrograms(None, str(tmp_path)).put("jit_update-1f", b"program" * 1000)
    (entry,) = tmp_path.iterdir()
    assert "update" not in entry.name
    assert b"program" not in entry.read_bytes()
    store = CompiledPrograms(str(tmp_path), None)
    assert store.get("jit_update-1f") == b"program" * 1000
    assert store.get("jit_update-1e") is None
    assert decipher(entry.read_bytes(), "jit_update-1e") is None


def test_what_a_worker_compiles_stays_with_it(tmp_path: Path) -> None:
    store = CompiledPrograms(str(tmp_path), None)
    store.put("jit_f-1", b"own")
    assert store.get("jit_f-1") == b"own"
    assert not list(tmp_path.iterdir())


def test_a_damaged_entry_is_no_entry(tmp_path: Path) -> None:
    content = encipher(b"program", "key")
    assert decipher(content, "key") == b"program"
    for damaged in (content[:-1], content[:5], b"", bytes([content[0] ^ 1]) + content[1:]):
        assert decipher(damaged, "key") is None


FINDS_PROGRAMS = """
import glob, os
import jax
from jax._src import compilation_cache as cc, compiler
PLACES = ["/compiled", {cache!r}, str(jax.config.jax_compilation_cache_dir)]
client = jax.devices()[0].client
found = []
for place in PLACES:
    for path in glob.glob(place + "/*"):
        try:
            program, _ = cc.extract_executable_and_time(cc.decompress_executable(open(path, "rb").read()))
            found.append(program)
        except Exception:
            pass
def vectorized_square(x):
    assert not found, len(found)
    return x * x
"""


@pytest.mark.parametrize("level", ["best", "process"])
def test_no_candidate_reads_a_compiled_program(
    level: str, judge: Callable, best_level: str, compiled: Path
) -> None:
    assert any(compiled.iterdir())
    level = best_level if level == "best" else level
    (verdict,) = judge(FINDS_PROGRAMS.format(cache=str(compiled)), level=level, patience=20.0)
    assert verdict.verdict == "conforms", verdict


SAYS_HITS = """
import sys
import jax
from jax._src import compilation_cache as cc
{solution}
inner = {name}
def {name}(*args):
    store, seen = cc._cache, []
    get = type(store).get
    type(store).get = lambda self, key: seen.append(get(self, key) is not None) or get(self, key)
    try:
        return inner(*args)
    finally:
        type(store).get = get
        print(sum(seen), "hits of", len(seen))
"""


def test_the_solution_itself_finds_its_programs(
    judge: Callable, compiled: Path, best_level: str
) -> None:
    """The control: an honest candidate that writes the same program is served."""
    if best_level == "process":
        pytest.skip("an ordinary user's candidates could write to the cache at this level")
    from conformance.judge.exercises import load_exercises

    name = "nn_vmap_forward"
    source = SAYS_HITS.format(solution=load_exercises()[name].solution, name=name)
    (verdict,) = judge(source, patience=20.0)
    assert verdict.verdict == "conforms", verdict
    hits, total = verdict.printed.splitlines()[0].split(" hits of ")
    assert int(total) > 0
    assert int(hits) > 0.8 * int(total), verdict.printed
