"""What cannot be built is one line, and stops nothing else."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from conformance.upgrade.environments import (
    Environment,
    NotBuilt,
    parse,
    provide,
    resolved,
    run_uv,
)
from tests.conformance.upgrade.environments.wheels import (
    NOTHING,
    not_built,
)


def test_one_that_fails_stops_no_other_and_the_order_stays(registry: Path, tmp_path: Path):
    specs = [parse("one==9"), parse("one==1.0"), parse("one@3.98"), parse("one")]
    got = provide(specs, NOTHING, tmp_path / "cache")
    assert [type(one) for one in got] == [NotBuilt, Environment, NotBuilt, Environment]
    assert [one.versions["one"] for one in got if isinstance(one, Environment)] == ["1.0", "2.0"]


def test_what_does_not_exist_is_said_by_uv_in_one_line(registry: Path, tmp_path: Path):
    said = not_built("one==9", tmp_path)
    assert "there is no version of one==9" in said
    assert "nobody was not found" in not_built("nobody", tmp_path)
    assert not list(tmp_path.glob("cache/*"))


def test_what_needs_a_newer_python_is_said_by_uv_in_one_line(registry: Path, tmp_path: Path):
    assert "Python>=3.99" in not_built("later", tmp_path)


def test_a_python_that_is_not_there_is_said(registry: Path, tmp_path: Path):
    said = not_built("one@3.98", tmp_path)
    assert "Python 3.98 was not found; install it (No interpreter found for" in said


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def test_a_registry_that_does_not_answer(
    registry: Path, tmp_path: Path, closed_port: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("UV_INDEX_URL", f"http://127.0.0.1:{closed_port}/simple")
    said = not_built("one", tmp_path)
    start = "the package index does not answer; check the network, or name another index with UV_INDEX_URL"
    assert f"cannot be built: {start} (" in said
    assert f"http://127.0.0.1:{closed_port}/simple/one/" in said
    assert "\n" not in said


def test_a_cache_that_cannot_be_written_is_said(registry: Path, tmp_path: Path):
    (tmp_path / "cache").write_text("a file where the directory should be")
    said = not_built("one", tmp_path)
    assert str(tmp_path / "cache") in said
    assert "the cache needs a directory that can be written and has space" in said


FULL = """
import subprocess, sys
disk = sys.argv[1]
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", disk], check=True)
from pathlib import Path
from conformance.upgrade.environments import parse, provide
from conformance.upgrade.environments.resolve import Needs
(made,) = provide([parse("one")], Needs((), ()), Path(disk))
print(type(made).__name__, made)
print(sorted(p.name for p in Path(disk).iterdir() if p.is_dir()))
"""


def test_a_full_disk_is_said_and_leaves_nothing_half_built(registry: Path, tmp_path: Path):
    # A file system of 64 KiB in a mount namespace of its own, which ends with the process.
    own = ["unshare", "--user", "--map-root-user", "--mount"]
    disk = tmp_path / "disk"
    disk.mkdir()
    try:
        trial = subprocess.run(
            [*own, "mount", "-t", "tmpfs", "none", str(disk)], capture_output=True, text=True
        )
    except FileNotFoundError:
        pytest.skip("this system has no unshare")
    if trial.returncode:
        pytest.skip(f"no mount namespace to be had: {trial.stderr.strip()}")
    command = [*own, sys.executable, "-c", FULL, str(disk)]
    ended = subprocess.run(command, capture_output=True, text=True)
    said, left = ended.stdout.splitlines()
    assert said.startswith("NotBuilt one cannot be built: ")
    assert "space left on" in said
    assert left == "[]"


@pytest.mark.parametrize(
    ("said", "line"),
    [
        (
            (
                "warning: something else\n"
                "error: No solution found when resolving dependencies\n"
                "  cause: Because jax==0.12 depends on Python>=3.12, jax==0.12 cannot be used."
            ),
            (
                "No solution found when resolving dependencies cause: Because jax==0.12 depends on "
                "Python>=3.12, jax==0.12 cannot be used."
            ),
        ),
        ("  \u00d7 No solution\n  \u2570\u2500\u25b6 Because of it", "No solution Because of it"),
        ("a" * 999 + "z" * 999, "a" * 297 + " ... " + "z" * 297),
        ("Resolved 3 packages\nerror: Failed\n  cause: full", "Failed cause: full"),
        ("", ""),
    ],
)
def test_what_uv_says_becomes_one_line(said: str, line: str):
    assert run_uv.in_one_line(said) == line


def test_a_resolution_that_the_disk_refuses_is_said(monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied", "somewhere")

    monkeypatch.setattr("conformance.upgrade.environments._lock", refuse)
    got = resolved("jax==0.9.0")
    assert isinstance(got, NotBuilt)
    assert str(got).startswith(
        "jax==0.9.0 cannot be built: Permission denied (somewhere); the cache"
    )
