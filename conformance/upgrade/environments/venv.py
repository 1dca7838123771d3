"""The virtual environments in the cache: one per lock text, complete or not there."""

import hashlib
import shutil
import subprocess
from pathlib import Path

import msgspec

from conformance.upgrade.environments import eviction, resolve
from conformance.upgrade.environments.interpreters import Python
from conformance.upgrade.environments.locks import locked
from conformance.upgrade.environments.run_uv import TIMEOUT, NotBuilt

_MARKER = "versions.json"

# Run by the environment's own interpreter, isolated: the versions that are installed, and the files
# that are not there in the size that their wheel says. Importing jax would take seconds.
_READ_BACK = """\
import csv, importlib.metadata, json, os, platform, re
versions, wrong = {"python": platform.python_version()}, []
for found in importlib.metadata.distributions():
    versions.setdefault(re.sub("[-_.]+", "-", found.metadata["Name"]).lower(), found.version)
    for path, _, size in csv.reader((found.read_text("RECORD") or "").splitlines()):
        try:
            if size and os.stat(found.locate_file(path)).st_size != int(size):
                wrong.append(path)
        except OSError:
            wrong.append(path)
print(json.dumps({"versions": versions, "wrong": sorted(wrong)}))
"""


class Contents(msgspec.Struct, frozen=True):
    """What an environment holds, as `_READ_BACK` prints it."""

    versions: dict[str, str]
    wrong: list[str]


_contents = msgspec.json.Decoder(Contents).decode


def interpreter(home: Path) -> Path:
    """The environment's own interpreter."""
    return home / "bin" / "python"


def provide(lock: str, python: Python, directory: Path) -> tuple[Path, dict[str, str]]:
    """The environment of a lock text and the versions in it, built or rebuilt where needed.

    It is built beside its place and renamed, so that what is at its place is complete however the
    process ended; a lock that ends with its process keeps others away meanwhile.
    """
    named = hashlib.sha256(f"{python.path} {python.version}\n{lock}".encode()).hexdigest()[:16]
    home, building = directory / named, directory / f"{named}.building"
    directory.mkdir(parents=True, exist_ok=True)
    with locked(home):
        recorded = _recorded(home)
        if recorded is None or recorded != _read_back(home):
            for remains in (building, home):
                if remains.exists():
                    shutil.rmtree(remains)
            try:
                resolve.install(lock, python, building)
                recorded = _read_back(building)
                if recorded is None:
                    raise NotBuilt(
                        f"what was made from {python.path} does not run; repair that Python"
                    )
                (building / _MARKER).write_bytes(msgspec.json.encode(recorded))
                building.rename(home)
            except BaseException:
                shutil.rmtree(building, ignore_errors=True)
                raise
        eviction.touch_and_evict(home, directory)
        return home, recorded.versions


def _recorded(home: Path) -> Contents | None:
    """What was read back when it was built. A wheel may itself be wrong about a file's size."""
    try:
        return _contents((home / _MARKER).read_bytes())
    except (OSError, msgspec.DecodeError):
        return None


def _read_back(home: Path) -> Contents | None:
    """What is installed there; None where the interpreter does not run."""
    asked = [str(interpreter(home)), "-I", "-c", _READ_BACK]
    try:
        done = subprocess.run(asked, capture_output=True, timeout=TIMEOUT, check=False)
        return _contents(done.stdout)
    except (OSError, msgspec.DecodeError, subprocess.TimeoutExpired):
        return None
