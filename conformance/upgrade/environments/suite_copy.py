"""The suite itself, carried to where another environment's interpreter finds it and nothing else."""

import hashlib
import shutil
from pathlib import Path

import filelock

from conformance.runner import process_env
from conformance.upgrade.environments import eviction

ROOMS = ("reference", "properties", "conformance")


def suite_path() -> Path:
    """A directory for PYTHONPATH with copies of the running suite's three packages, kept in the cache.

    The suite may be installed in site-packages, where JAX, too, is; that must not reach another
    environment. Raises OSError where the cache cannot be written.
    """
    return copy_of(Path(process_env.__file__).parents[2], process_env.cache_directory() / "suites")


def copy_of(source: Path, directory: Path) -> Path:
    """The copy of the packages in ``source``; a copy is named by its content, and is whole or made anew."""
    wanted = _content(source)
    place = directory / wanted[:16]
    directory.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(directory / f"{place.name}.lock"):
        if _content(place) != wanted:
            partial = directory / f"{place.name}.partial"
            for remains in (partial, place):
                if remains.exists():
                    shutil.rmtree(remains)
            for room in ROOMS:
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(source / room, partial / room, ignore=ignored)
            partial.rename(place)
        eviction.used(place, directory)
    return place


def _content(root: Path) -> str:
    """A checksum of the packages' files, compiled ones left out."""
    digest = hashlib.sha256()
    for room in ROOMS:
        for path in sorted((root / room).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(f"{path.relative_to(root).as_posix()}\0".encode())
                digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
