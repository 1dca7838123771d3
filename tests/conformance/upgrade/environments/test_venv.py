"""Environments are built once, whoever asks, and anew where they are damaged."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from conformance.upgrade.environments import (
    Environment,
    parse,
    provide,
)
from tests.conformance.upgrade.environments.wheels import (
    NOTHING,
    built,
    site_packages,
)

MAKE = """
import sys
import time
from pathlib import Path
from conformance.upgrade.environments import parse, provide, resolve
from conformance.upgrade.environments.resolve import Needs
{before}
(made,) = provide([parse("one==1.0")], Needs((), ()), Path(sys.argv[1]))
print(made.interpreter)
"""
KILLED = """
import os, signal
from conformance.upgrade.environments import venv
honest = resolve.install
def killed(lock, python, place):
    honest(lock, python, place)
    os.kill(os.getpid(), signal.SIGKILL)
resolve.install = killed
"""


def test_processes_and_threads_that_want_the_same_one_build_one(registry: Path, tmp_path: Path):
    cache = tmp_path / "cache"
    command = [sys.executable, "-c", MAKE.format(before=""), str(cache)]
    others = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    mine = provide([parse("one==1.0"), parse("one<2")], NOTHING, cache)
    found = {other.communicate()[0].strip() for other in others}
    assert all(isinstance(environment, Environment) for environment in mine)
    assert found == {str(environment.interpreter) for environment in mine}
    assert built(cache) == [mine[0].interpreter.parents[1].name]


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_a_build_that_was_killed_leaves_nothing_broken(made, registry: Path, tmp_path: Path):
    cache = tmp_path / "cache"
    command = [sys.executable, "-c", MAKE.format(before=KILLED), str(cache)]
    died = subprocess.run(command, capture_output=True)
    assert died.returncode == -signal.SIGKILL
    (left,) = built(cache)
    assert left.endswith(".building")
    environment = made("one==1.0")
    assert environment.versions["one"] == "1.0"
    assert built(cache) == [left.removesuffix(".building")]


def _without_interpreter(environment: Environment) -> None:
    environment.interpreter.unlink()


def _without_module(environment: Environment) -> None:
    (site_packages(environment) / "one.py").unlink()


def _emptied_module(environment: Environment) -> None:
    # Replaced, not written to: the file may be the same one as in uv's cache.
    (site_packages(environment) / "one.py").unlink()
    (site_packages(environment) / "one.py").touch()


def _of_another_version(environment: Environment) -> None:
    site = site_packages(environment)
    shutil.copytree(site / "one-1.0.dist-info", site / "two-7.dist-info")
    (site / "two-7.dist-info" / "METADATA").unlink()
    (site / "two-7.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: two\nVersion: 7\n"
    )


def _without_marker(environment: Environment) -> None:
    (environment.interpreter.parents[1] / "versions.json").unlink()


def _with_half_a_marker(environment: Environment) -> None:
    marker = environment.interpreter.parents[1] / "versions.json"
    marker.write_text(marker.read_text()[:20])


@pytest.mark.parametrize(
    "damage",
    [
        _without_interpreter,
        _without_module,
        _emptied_module,
        _of_another_version,
        _without_marker,
        _with_half_a_marker,
    ],
    ids=lambda damage: damage.__name__.strip("_"),
)
def test_a_damaged_environment_is_built_anew(made, tmp_path: Path, damage):
    whole = made("one==1.0")
    damage(whole)
    mended = made("one==1.0")
    assert mended == whole
    said = [mended.interpreter, "-I", "-c", "import one; print(one.VERSION)"]
    assert subprocess.run(said, capture_output=True, text=True).stdout == "1.0\n"
    assert not (site_packages(mended) / "two-7.dist-info").exists()
    assert len(built(tmp_path / "cache")) == 1
