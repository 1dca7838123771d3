"""A copy of the suite, for the interpreters of other environments."""

import hashlib
import shutil
from pathlib import Path

from conformance.runner import process_env
from conformance.upgrade.environments import eviction
from conformance.upgrade.environments.locks import locked

PACKAGES = ("reference", "properties", "conformance")


def suite_path() -> Path:
    """A directory for PYTHONPATH with a copy of the running suite's three packages, kept in the cache.

    The suite may be installed in site-packages, where JAX is, too; that must not reach another
    environment. Raises OSError where the cache cannot be written.
    """
    return copy_of(Path(process_env.__file__).parents[2], process_env.cache_directory() / "suites")


def copy_of(source: Path, directory: Path) -> Path:
    """The copy of the packages in `source`, named by its content; an incomplete one is made again."""
    wanted = _content(source)
    place = directory / wanted[:16]
    directory.mkdir(parents=True, exist_ok=True)
    with locked(place):
        if _content(place) != wanted:
            partial = directory / f"{place.name}.partial"
            for remains in (partial, place):
                if remains.exists():
                    shutil.rmtree(remains)
            for package in PACKAGES:
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(source / package, partial / package, ignore=ignored)
            partial.rename(place)
        eviction.touch_and_evict(place, directory)
    return place


def _content(root: Path) -> str:
    """A checksum of the packages' files, without the compiled ones."""
    digest = hashlib.sha256()
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(f"{path.relative_to(root).as_posix()}\0".encode())
                digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
