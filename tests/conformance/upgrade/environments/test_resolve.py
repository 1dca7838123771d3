"""Which versions an environment has."""

import subprocess
import sys
from pathlib import Path

import pytest

from conformance.upgrade.environments import (
    Environment,
    NotBuilt,
    build,
    interpreters,
    resolve,
)
from conformance.upgrade.environments.resolve import Needs
from tests.conformance.upgrade.environments.wheels import (
    add_wheel,
    built,
    not_built,
)


def test_installed_is_this_interpreter_and_builds_nothing(tmp_path: Path):
    import jax

    (here,) = build(["installed"], directory=tmp_path / "cache")
    assert isinstance(here, Environment)
    assert here.interpreter == Path(sys.executable)
    assert here.versions["jax"] == jax.__version__
    assert here.label.startswith(f"jax {jax.__version__} flax ")
    assert here.label.endswith(f" py{sys.version_info[0]}.{sys.version_info[1]}")
    assert not (tmp_path / "cache").exists()


def test_an_unpinned_name_is_the_newest_and_versions_are_read_back(made):
    newest, older = made("one"), made("one==1.0")
    assert newest.versions["one"] == "2.0"
    assert older.versions["one"] == "1.0"
    said = [older.interpreter, "-I", "-c", "import one; print(one.VERSION)"]
    assert subprocess.run(said, capture_output=True, text=True).stdout == "1.0\n"
    assert newest.versions["python"] == interpreters.running().version


def test_the_same_versions_are_built_once(made, tmp_path: Path):
    first = made("one==1.0")
    marker = first.interpreter.parents[1] / "versions.json"
    before = marker.stat().st_mtime_ns
    again = made("one<2")
    assert again.interpreter == first.interpreter
    assert marker.stat().st_mtime_ns == before
    assert len(built(tmp_path / "cache")) == 1


def test_tools_are_this_processes_versions_and_libraries_follow_env(made, registry: Path):
    own = resolve.own_versions()["iniconfig"]
    for version in (own, "99.0"):
        add_wheel(registry, "iniconfig", version)
    assert made("one", Needs((), ("iniconfig",))).versions["iniconfig"] == own
    assert made("one", Needs(("iniconfig",), ())).versions["iniconfig"] == "99.0"


def test_a_tools_version_that_is_not_to_be_had_gives_way(made, registry: Path):
    own = resolve.own_versions()["iniconfig"]
    add_wheel(registry, "iniconfig", own, python=">=3.99")
    add_wheel(registry, "iniconfig", "99.0")
    assert made("one", Needs((), ("iniconfig>=0.1",))).versions["iniconfig"] == "99.0"


def test_what_a_library_needs_is_not_a_tool(made, registry: Path):
    own = resolve.own_versions()["iniconfig"]
    for version in (own, "99.0"):
        add_wheel(registry, "iniconfig", version)
    add_wheel(registry, "library", "1.0", "iniconfig")
    assert made("library", Needs((), ("iniconfig",))).versions["iniconfig"] == "99.0"


def test_the_suites_own_requirements_are_split_into_libraries_and_tools():
    needs = resolve.of_the_suite(["six"])
    names = {
        name: {text.split(">")[0] for text in getattr(needs, name)}
        for name in ("libraries", "tools")
    }
    assert names["libraries"] == {"jax", "flax", "numpy", "chex"}
    assert {"pytest", "pytest-xdist", "hypothesis", "attrs"} <= names["tools"]
    assert not names["tools"] & {"uv", "filelock", "jax", "ruff", "syrupy"}
    assert needs.added == ("six",)


def test_a_users_package_is_installed_editable(made, registry: Path, tmp_path: Path):
    package = tmp_path / "my own"
    package.mkdir()
    (package / "mine.py").write_text("HERE = True")
    (package / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        '[project]\nname = "mine"\nversion = "0.3"\ndependencies = ["one<2"]\n'
    )
    (package / "backend.py").write_text(BACKEND)
    environment = made("one<2", Needs((), (), (f"--editable {package.as_uri()}",)))
    assert environment.versions["mine"] == "0.3"
    said = [environment.interpreter, "-I", "-c", "import mine; print(mine.__file__)"]
    where = subprocess.run(said, capture_output=True, text=True).stdout.strip()
    assert Path(where) == package / "mine.py"
    assert environment.interpreter != made("one<2").interpreter
    clash = not_built("one==2.0", tmp_path, Needs((), (), (f"--editable {package.as_uri()}",)))
    assert "one<2" in clash


BACKEND = """
import pathlib, zipfile

def prepare_metadata_for_build_editable(directory, settings=None):
    info = pathlib.Path(directory, "mine-0.3.dist-info")
    info.mkdir()
    info.joinpath("METADATA").write_text(META)
    return info.name

META = "Metadata-Version: 2.1\\nName: mine\\nVersion: 0.3\\nRequires-Dist: one<2\\n"

def build_editable(directory, settings=None, metadata=None):
    name = "mine-0.3-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(directory, name), "w") as wheel:
        wheel.writestr("mine.pth", str(pathlib.Path(__file__).parent))
        wheel.writestr("mine-0.3.dist-info/METADATA", META)
        wheel.writestr("mine-0.3.dist-info/WHEEL", "Wheel-Version: 1.0\\nTag: py3-none-any\\n")
        wheel.writestr("mine-0.3.dist-info/RECORD", "mine.pth,,\\n")
    return name
"""


def test_a_second_registry_without_the_right_files_is_not_in_the_way(
    made, registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    own = resolve.own_versions()
    other = tmp_path / "other"
    add_wheel(other, "iniconfig", own["iniconfig"], tag="cp39-cp39-any")
    for name in ("iniconfig", "pluggy"):
        add_wheel(registry, name, own[name])
    add_wheel(registry, "pluggy", "99.0")
    monkeypatch.setenv("UV_EXTRA_INDEX_URL", other.as_uri())
    monkeypatch.setenv("UV_INDEX_STRATEGY", "unsafe-best-match")
    found = made("one", Needs((), ("iniconfig",))).versions
    assert found["iniconfig"] == own["iniconfig"]
    found = made("one,iniconfig", Needs((), ("pluggy",))).versions
    assert (found["iniconfig"], found["pluggy"]) == (own["iniconfig"], own["pluggy"])


def test_a_date_is_what_an_install_on_that_day_resolved_to(tmp_path: Path):
    """The versions of 2024-07-01, from the user's own registry, with today's tools."""
    try:
        interpreters.find("3.10")
    except NotBuilt as error:
        pytest.skip(str(error))
    day = "2024-07-01@3.10"
    (environment,) = build([day], directory=tmp_path / "cache")
    if isinstance(environment, NotBuilt):
        if "request" in str(environment) or "upload date" in str(environment):
            pytest.skip(str(environment))
        raise environment
    assert environment.label == "jax 0.4.30 flax 0.8.5 py3.10"
    assert environment.versions["pytest"] == resolve.own_versions()["pytest"]
    # Resolved once for ever: no registry is needed for it again.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resolve, "run_uv", lambda *arguments, **named: pytest.fail("asked again"))
        assert build([day], directory=tmp_path / "cache") == [environment]
