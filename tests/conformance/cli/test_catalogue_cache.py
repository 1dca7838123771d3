"""Lists come from a file where nothing changed, and JAX is not imported for them."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conformance.cli import catalogue_cache

ROWS = [{"name": "a", "summary": "b"}]


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def test_rows_are_kept_by_kind() -> None:
    assert catalogue_cache.load("laws") is None
    catalogue_cache.save("laws", ROWS)
    catalogue_cache.save("subjects", [])
    assert catalogue_cache.load("laws") == ROWS
    assert catalogue_cache.load("subjects") == []
    assert catalogue_cache.load("rules") is None


def test_a_changed_suite_forgets_them(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    catalogue_cache.save("laws", ROWS)
    monkeypatch.setattr(catalogue_cache, "_facts", lambda: iter(["another"]))
    assert catalogue_cache.load("laws") is None
    catalogue_cache.save("laws", [])
    assert len(list(home.rglob("*.json"))) == 1


@pytest.mark.parametrize("content", ["", "[]", "7", '{"laws": 3}', "\xff"])
def test_a_damaged_file_is_no_file(home: Path, content: str) -> None:
    catalogue_cache.save("laws", ROWS)
    (file,) = home.rglob("*.json")
    file.write_text(content, encoding="latin-1")
    assert catalogue_cache.load("laws") is None


def test_a_second_list_imports_no_jax(ran: Callable[..., Any], home: Path) -> None:
    first = ran("list", "laws", "--json", XDG_CACHE_HOME=str(home))
    code = (
        "import sys; sys.argv = ['x', 'list', 'laws', '--json']\n"
        "from conformance.cli.app import main\n"
        "try: main()\n"
        "finally: assert 'jax' not in sys.modules and 'numpy' not in sys.modules\n"
    )
    again = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert (again.returncode, again.stderr) == (0, "")
    assert json.loads(again.stdout) == json.loads(first.out)


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["rum"]])
def test_help_imports_no_jax(arguments: list[str]) -> None:
    code = (
        f"import sys; sys.argv = ['x', *{arguments!r}]\n"
        "from conformance.cli.app import main\n"
        "try: main()\n"
        "finally: assert not {'jax', 'numpy', 'msgspec', 'rich', 'hypothesis'} & set(sys.modules)\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "AssertionError" not in ran.stderr


def test_what_is_kept_is_the_suites_own(ran: Callable[..., Any], home: Path) -> None:
    (home / "mine.py").write_text(
        "import jax.numpy as jnp\nfrom conformance import own\n"
        'SUBJECTS = [own.function("my-sum", jnp.sum, [("n",)])]\n'
    )
    environment = {"XDG_CACHE_HOME": str(home), "PYTHONPATH": str(home)}
    chosen = ("run", "--subject", "my-sum", "--law", "mapping.equals-per-example", "-n", 0)
    own = ("--subjects", "mine", "--transform", "jax.vmap", "-q")
    for _ in range(2):
        without = ran(*chosen, "-q", **environment)
        assert without.status == 2
        assert "there is no subject 'my-sum'" in without.err
        given = ran(*chosen, *own, **environment)
        assert (given.status, given.out) == (0, "✓ 1 check holds · your own: my-sum conforms\n")
