"""In a cell: whether the packages that the user's code imports can be imported with its JAX and Flax.

They are imported in a process of their own, in the versions that the user has: `pip install -U jax` leaves
them as they are. They stand first on its path; what they need besides stands last, so that JAX, Flax and all
else that the cell has are the cell's.
"""

import importlib
import importlib.metadata
import os
import re
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import msgspec

from conformance.events.user_code import ImportFailure, PackageImports
from conformance.runner.environment_info import LIBRARIES

SECONDS = 120.0
"""How long all imports may take; then nothing is said of them."""
_START = "from conformance.upgrade.package_imports import main; main()"
_LIBRARIES = re.compile(rf"\b({'|'.join(LIBRARIES)})\b")


class Packages(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be imported."""

    modules: list[str]
    entries: dict[str, str]
    """The packages' files and directories, and of which package each is."""
    behind: list[str]
    """Directories to look in for what the cell has not."""


def started(packages: Packages, scratch: Path) -> "subprocess.Popen[str] | None":
    """A process that imports the packages.

    Args:
        packages: What to import.
        scratch: A directory to write to, which the caller removes: the process may be killed.

    Returns:
        The process, for `answered`; None where the packages are not on this machine.

    """
    if not packages.modules or not all(Path(entry).exists() for entry in packages.entries):
        return None
    return subprocess.Popen(
        [sys.executable, "-c", _START, msgspec.json.encode(packages).decode(), str(scratch)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def answered(process: "subprocess.Popen[str] | None", packages: Packages) -> PackageImports:
    """What the process says.

    Args:
        process: What `started` gave.
        packages: What it imports.

    Returns:
        No modules where there is no process, where it dies, and where it takes too long.

    """
    said = ""
    if process is not None:
        try:
            said, _ = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
    try:
        modules = msgspec.json.decode(said, type=dict[str, ImportFailure | None])
    except msgspec.DecodeError:
        modules = {}
    versions: dict[str, str] = {}
    for name in set(packages.entries.values()):
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return PackageImports(modules=modules, versions=versions)


def main() -> None:
    """Import what the command line says; standard output says why what cannot be imported cannot.

    The directory that it names, too, gets one that stands first on the path.
    """
    answer = os.dup(1)
    os.dup2(2, 1)  # what packages print while they are imported is no part of it
    packages = msgspec.json.decode(sys.argv[1], type=Packages)
    first = tempfile.mkdtemp(prefix="packages-", dir=sys.argv[2])
    for entry in packages.entries:
        (Path(first) / Path(entry).name).symlink_to(entry)
    sys.path[:] = [first, *sys.path, *packages.behind]
    found = {module: _failure(module, packages.entries, first) for module in packages.modules}
    with open(answer, "wb") as file:
        file.write(msgspec.json.encode(found))


def _failure(module: str, entries: Mapping[str, str], first: str) -> ImportFailure | None:
    try:
        importlib.import_module(module)
    except BaseException as error:  # what it raises is the answer, SystemExit among it
        return _described(error, entries, first)
    return None


def _described(error: BaseException, entries: Mapping[str, str], first: str) -> ImportFailure:
    """Where the last of the packages' own lines stands, and whether it is about JAX or Flax."""
    text = " ".join(str(error).split())
    frames = traceback.extract_tb(error.__traceback__)
    variables = [
        frame.f_locals | frame.f_globals for frame, _ in traceback.walk_tb(error.__traceback__)
    ]
    theirs = [
        (frame, known)
        for frame, known in zip(frames, variables, strict=True)
        if Path(frame.filename).is_relative_to(first)
    ]
    if not theirs:
        return ImportFailure(
            package=None, file="", at=0, type=type(error).__name__, line=text, of_libraries=False
        )
    last, known = theirs[-1]
    named = [known[word] for word in re.findall(r"\w+", last.line or "") if word in known]
    file = Path(last.filename).relative_to(first)
    of_entry = {Path(entry).name: name for entry, name in entries.items()}
    return ImportFailure(
        package=of_entry[file.parts[0]],
        file=file.as_posix(),
        at=last.lineno or 0,
        type=type(error).__name__,
        line=text,
        of_libraries=_LIBRARIES.search(text) is not None or any(map(_is_of_libraries, named)),
    )


def _is_of_libraries(value: object) -> bool:
    """Whether it is a module, class or function of JAX or Flax."""
    name = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
    return str(name).partition(".")[0] in LIBRARIES
