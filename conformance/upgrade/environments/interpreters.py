"""The interpreter of an environment: the running one, or one that uv finds. None is downloaded."""

import subprocess
import sys
from pathlib import Path

import attrs

from conformance.upgrade.environments.run_uv import NotBuilt, run_uv


@attrs.frozen
class Python:
    """An interpreter, not one of a virtual environment, and its version, such as 3.11.7."""

    path: Path
    version: str


def running() -> Python:
    """The interpreter that runs this process."""
    base = getattr(sys, "_base_executable", None) or sys.executable
    return Python(Path(base).resolve(), ".".join(map(str, sys.version_info[:3])))


def find(wanted: str | None) -> Python:
    """The CPython of version `wanted` (3.13 or 3.13.0); the running one where that is it, or for None.

    Raises:
        NotBuilt: There is none on this machine.

    """
    here = running()
    if wanted is None or f"{here.version}.".startswith(f"{wanted}."):
        return here
    try:
        path = Path(run_uv("python", "find", "--no-project", f"cpython@{wanted}").strip())
    except NotBuilt as error:
        raise NotBuilt(f"Python {wanted} was not found; install it ({error})") from None
    asked = [str(path), "-I", "-c", "import platform; print(platform.python_version())"]
    try:
        version = subprocess.run(asked, capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        raise NotBuilt(f"Python {wanted} at {path} does not run; repair it") from None
    return Python(path.resolve(), version.stdout.strip())
