"""The Pythons that are found on this machine. None is ever downloaded."""

import functools
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import attrs

_ABOUT = """\
import json, sys, sysconfig
gil = not sysconfig.get_config_var("Py_GIL_DISABLED")
path = getattr(sys, "_base_executable", None) or sys.executable
print(json.dumps([sys.implementation.name == "cpython" and gil, sys.version_info[:3], path]))
"""


@attrs.frozen
class Python:
    """An interpreter, not one of a virtual environment, and its version, such as 3.11.7."""

    path: Path
    version: str

    @property
    def minor(self) -> str:
        """Its version without the last part, such as 3.11."""
        return ".".join(self.version.split(".")[:2])


def running() -> Python:
    """The interpreter that runs this process."""
    base = getattr(sys, "_base_executable", None) or sys.executable
    return Python(Path(base).resolve(), ".".join(map(str, sys.version_info[:3])))


def find(wanted: str) -> Python | None:
    """A CPython of version ``wanted`` (3.13 or 3.13.0): the running one, on PATH, or in pyenv."""
    if _is(running().version, wanted):
        return running()
    for path in _candidates():
        if _is(wanted, path.name.removeprefix("python")):
            python = _ask(path)
            if python is not None and _is(python.version, wanted):
                return python
    return None


def minors() -> list[str]:
    """The versions that `find` would find, oldest first."""
    pythons = filter(None, map(_ask, _candidates()))
    return sorted({running().minor, *(python.minor for python in pythons)}, key=_number)


def _is(version: str, wanted: str) -> bool:
    return f"{version}.".startswith(f"{wanted}.")


def _number(minor: str) -> int:
    return int(minor.split(".")[1])


def _candidates() -> Iterator[Path]:
    """Files named as an interpreter: PATH in its order, then pyenv's, newest first."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    installed = [d for d in pyenv.glob("versions/3.*/bin") if re.fullmatch(r"[\d.]+", d.parts[-2])]
    installed.sort(key=lambda d: [int(part) for part in d.parts[-2].split(".")], reverse=True)
    for directory in [*map(Path, os.get_exec_path()), *installed]:
        # From 3.10 on, which is the oldest that the suite runs on.
        names = [p for p in directory.glob("python3.*") if re.fullmatch(r"python3\.\d\d", p.name)]
        yield from sorted(names, reverse=True)


@functools.cache
def _ask(path: Path) -> Python | None:
    """What the file says it is. None where it does not run (pyenv's shims) or is no plain CPython."""
    try:
        asked = subprocess.run([path, "-I", "-c", _ABOUT], capture_output=True, timeout=30)
        usable, version, base = json.loads(asked.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    return Python(Path(base).resolve(), ".".join(map(str, version))) if usable else None
