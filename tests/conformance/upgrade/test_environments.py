"""Environments, built from a registry of tiny packages in a directory: nothing is asked of a network."""

import base64
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from conformance.upgrade.environments import (
    Environment,
    NotBuilt,
    build,
    eviction,
    interpreters,
    parse,
    provide,
    resolve,
    resolved,
    run_uv,
    suite_copy,
)
from conformance.upgrade.environments.resolve import Needs

NOTHING = Needs((), ())


def add_wheel(
    registry: Path,
    name: str,
    version: str,
    *needs: str,
    python: str = ">=3.8",
    tag: str = "py3-none-any",
) -> None:
    """A wheel with one module that says its version, and its line in the registry."""
    info = f"{name}-{version}.dist-info"
    metadata = (
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nRequires-Python: {python}\n"
    )
    files = {
        f"{name}.py": f"VERSION = {version!r}\n",
        f"{info}/METADATA": metadata + "".join(f"Requires-Dist: {need}\n" for need in needs),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: " + tag + "\n",
    }
    rows = []
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode()
        rows.append(f"{path},sha256={digest.rstrip('=')},{len(text.encode())}\n")
    files[f"{info}/RECORD"] = "".join(rows) + f"{info}/RECORD,,\n"
    page = registry / name / "index.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    wheel = f"{name}-{version}-{tag}.whl"
    with zipfile.ZipFile(page.parent / wheel, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    before = page.read_text() if page.exists() else ""
    python = python.replace(">", "&gt;").replace("<", "&lt;")
    page.write_text(f'{before}<a href="{wheel}" data-requires-python="{python}">{wheel}</a><br>')


@pytest.fixture
def registry(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The only registry that uv knows, with one 1.0 and 2.0, and other, which needs one below 2."""
    directory = tmp_path / "registry"
    add_wheel(directory, "one", "1.0")
    add_wheel(directory, "one", "2.0")
    add_wheel(directory, "other", "5.0", "one<2")
    add_wheel(directory, "later", "3.0", python=">=3.99")
    for name in list(os.environ):
        if name.startswith(("UV_", "PIP_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("UV_INDEX_URL", directory.as_uri())
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "uv"))
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    return directory


@pytest.fixture
def made(registry: Path, tmp_path: Path) -> Callable[..., Environment]:
    """Builds the one environment that is asked for, in a cache of this test."""

    def make(spec: str, needs: Needs = NOTHING) -> Environment:
        (environment,) = provide([parse(spec)], needs, tmp_path / "cache")
        assert isinstance(environment, Environment), str(environment)
        return environment

    return make


def not_built(spec: str, tmp_path: Path, needs: Needs = NOTHING) -> str:
    (refusal,) = provide([parse(spec)], needs, tmp_path / "cache")
    assert isinstance(refusal, NotBuilt)
    assert "\n" not in str(refusal)
    assert str(refusal).startswith(f"{spec} cannot be built: ")
    return str(refusal)


def site_packages(environment: Environment) -> Path:
    (found,) = environment.interpreter.parents[1].glob("lib/python3.*/site-packages")
    return found


def built(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.iterdir() if path.is_dir())


# What a person writes.


@pytest.mark.parametrize(
    ("spec", "kind", "requirements", "python"),
    [
        ("installed", "installed", (), None),
        ("2025-02-01", "date", (), None),
        ("2024-07-01@3.10", "date", (), "3.10"),
        ("jax,flax@3.13", "requirements", ("jax", "flax"), "3.13"),
        ("jax==0.9.0,flax==0.12.3", "requirements", ("jax==0.9.0", "flax==0.12.3"), None),
        ("jax>=0.5,<0.6, flax@3.11.7", "requirements", ("jax>=0.5,<0.6", "flax"), "3.11.7"),
        ("jax[cpu,k8s]>=0.5,flax", "requirements", ("jax[cpu,k8s]>=0.5", "flax"), None),
    ],
)
def test_env_is_read(spec: str, kind: str, requirements: tuple[str, ...], python: str | None):
    read = parse(spec)
    assert (read.text, read.kind, read.requirements) == (spec, kind, requirements)
    assert read.python == python
    assert (read.date is not None) == (kind == "date")


@pytest.mark.parametrize(
    ("spec", "rule"),
    [
        ("", "is not a requirement; write a name"),
        ("2025-02-30", "'2025-02-30' is not a date: a date is written as 2025-02-01"),
        ("2025-2", "is not a date"),
        ("20250201", "is not a date"),
        ("2999-01-01", "is in the future; for the newest releases write jax,flax"),
        ("jax=0.9", "'jax=0.9' is not a requirement"),
        ("jax,,flax", "is not a requirement"),
        ("jax==0.9.0,fl ax", "'fl ax' in 'jax==0.9.0,fl ax' is not a requirement"),
        ("jax@", "'' in 'jax@' is not a Python version"),
        ("jax@2.7", "'2.7' in 'jax@2.7' is not a Python version"),
        ("jax@3.13@3.12", "is not a Python version"),
        ("installed@3.13", "write installed alone, or requirements such as jax,flax@3.13"),
    ],
)
def test_what_is_no_env_is_refused_in_a_sentence(spec: str, rule: str):
    with pytest.raises(ValueError, match=r"\S") as refusal:
        parse(spec)
    assert rule in str(refusal.value)


def test_an_env_that_is_none_stops_the_others_before_anything_is_built(tmp_path: Path):
    with pytest.raises(ValueError, match="is not a date"):
        build(["installed", "2025-13-01"], directory=tmp_path / "cache")
    with pytest.raises(ValueError, match="is not a requirement"):
        build(["installed"], extra=["a b"], directory=tmp_path / "cache")
    with pytest.raises(ValueError, match=r"has no pyproject\.toml or setup\.py"):
        build(["installed"], editable=[tmp_path], directory=tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_installed_is_this_interpreter_and_builds_nothing(tmp_path: Path):
    import jax

    (here,) = build(["installed"], directory=tmp_path / "cache")
    assert isinstance(here, Environment)
    assert here.interpreter == Path(sys.executable)
    assert here.versions["jax"] == jax.__version__
    assert here.label.startswith(f"jax {jax.__version__} flax ")
    assert here.label.endswith(f" py{sys.version_info[0]}.{sys.version_info[1]}")
    assert not (tmp_path / "cache").exists()


# What an environment holds.


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


# Two at once, killed, damaged.

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


# What cannot be had.


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
    assert f"http://127.0.0.1:{closed_port}/simple/one/" in said


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


# The interpreters.


def test_an_interpreter_is_found_in_pyenv_though_its_shim_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    running = interpreters.running()
    minor = ".".join(running.version.split(".")[:2])
    shims = tmp_path / "shims"
    pyenv = tmp_path / "pyenv" / "versions" / running.version / "bin"
    for directory, text in ((shims, "exit 127"), (pyenv, f'exec "{running.path}" "$@"')):
        directory.mkdir(parents=True)
        (directory / f"python{minor}").write_text(f"#!/bin/sh\n{text}\n")
        (directory / f"python{minor}").chmod(0o755)
    monkeypatch.setenv("PATH", f"{shims}{os.pathsep}/usr/bin{os.pathsep}/bin")
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setattr(interpreters, "running", lambda: interpreters.Python(Path("x"), "3.1.0"))
    assert interpreters.find(running.version).version == running.version
    with pytest.raises(NotBuilt, match=r"Python 3\.98 was not found; install it"):
        interpreters.find("3.98")


# The copy of the suite.


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


# For real.


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


def test_what_was_not_used_for_long_is_removed(tmp_path: Path):
    kept, old, young = (tmp_path / name for name in ("kept", "old", "young"))
    for place in (kept, old, young):
        place.mkdir()
        (place / "file").write_text("")
    long_ago = time.time() - (eviction.DAYS + 1) * 24 * 3600
    (tmp_path / "old.lock").write_text("")
    for place in (kept, old):
        os.utime(place, (long_ago, long_ago))
    eviction.touch_and_evict(kept, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept", "young"]
    assert time.time() - kept.stat().st_mtime < 60


def test_a_resolution_that_the_disk_refuses_is_said(monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied", "somewhere")

    monkeypatch.setattr("conformance.upgrade.environments._lock", refuse)
    got = resolved("jax==0.9.0")
    assert isinstance(got, NotBuilt)
    assert str(got).startswith(
        "jax==0.9.0 cannot be built: Permission denied (somewhere); the cache"
    )
