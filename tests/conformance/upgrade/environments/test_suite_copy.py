"""The copy of the suite that other interpreters import."""

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from conformance.upgrade.environments import (
    interpreters,
    suite_copy,
)
from tests.conformance.upgrade.environments.wheels import (
    built,
)


def copies(tmp_path: Path, packages: Sequence[str] = suite_copy.PACKAGES) -> Path:
    source = tmp_path / "source"
    for package in packages:
        (source / package / "__pycache__").mkdir(parents=True)
        (source / package / "__init__.py").write_text(f"NAME = {package!r}")
        (source / package / "__pycache__" / "x.pyc").write_text("compiled")
    (source / "elsewhere.py").write_text("")
    return source


def test_the_suite_is_copied_without_its_neighbours(tmp_path: Path):
    source = copies(tmp_path)
    place = suite_copy.copy_of(source, tmp_path / "cache")
    files = {path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file()}
    assert files == {f"{package}/__init__.py" for package in suite_copy.PACKAGES}
    assert suite_copy.copy_of(source, tmp_path / "cache") == place
    assert built(tmp_path / "cache") == [place.name]


def test_a_damaged_copy_is_made_anew_and_a_changed_suite_is_another(tmp_path: Path):
    source = copies(tmp_path)
    place = suite_copy.copy_of(source, tmp_path / "cache")
    (place / "properties" / "__init__.py").unlink()
    half = tmp_path / "cache" / f"{place.name}.partial" / "properties"  # what a kill leaves
    half.mkdir(parents=True)
    assert suite_copy.copy_of(source, tmp_path / "cache") == place
    assert (place / "properties" / "__init__.py").read_text() == "NAME = 'properties'"
    (source / "reference" / "more.txt").write_text("data")
    changed = suite_copy.copy_of(source, tmp_path / "cache")
    assert changed != place
    assert (changed / "reference" / "more.txt").exists()


def test_another_interpreter_imports_the_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(suite_copy.process_env, "cache_directory", lambda: tmp_path)
    place = suite_copy.suite_path()
    assert sorted(path.name for path in place.iterdir()) == sorted(suite_copy.PACKAGES)
    code = (
        "import json, conformance, properties, reference as r; "
        "print(json.dumps([m.__file__ for m in (conformance, properties, r)]))"
    )
    said = subprocess.run(
        [interpreters.running().path, "-c", code],
        env={**os.environ, "PYTHONPATH": str(place)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    found = json.loads(said.stdout)
    assert {Path(file).parents[1] for file in found} == {place}
