"""The catalogue's rows in a file of the user's cache, as long as the suite and JAX are the same."""

import contextlib
import hashlib
import importlib.metadata
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("reference", "properties", "conformance")


def load(kind: str) -> list[dict[str, Any]] | None:
    """The rows kept for this kind; None where there are none, or the suite changed since."""
    try:
        kept = json.loads(_path().read_text(encoding="utf-8"))
        rows = kept[kind]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return rows if isinstance(rows, list) else None


def save(kind: str, rows: list[dict[str, Any]]) -> None:
    """Keep the rows. A cache that cannot be written is done without."""
    path = _path()
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        kept: Any = {}
        with contextlib.suppress(OSError, ValueError):
            kept = json.loads(path.read_text(encoding="utf-8"))
        scratch = path.with_name(f"{path.name}.{os.getpid()}")
        scratch.write_text(json.dumps({**kept, kind: rows}), encoding="utf-8")
        scratch.replace(path)
        for other in set(path.parent.glob("*.json")) - {path}:
            other.unlink()


def _path() -> Path:
    from conformance.runner.process_env import cache_directory

    key = hashlib.sha256("\n".join(_facts()).encode()).hexdigest()[:16]
    return cache_directory() / "catalogue" / f"{key}.json"


def _facts() -> Iterator[str]:
    """What the rows depend on: the interpreter, JAX and Flax, and every file of the suite."""
    yield f"{sys.version} {ROOT}"
    for name in ("jax", "jaxlib", "flax"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            yield f"{name} {importlib.metadata.version(name)}"
    for package in PACKAGES:
        for directory, _, files in sorted(os.walk(ROOT / package)):
            for file in sorted(files):
                if file.endswith(".py"):
                    status = os.stat(os.path.join(directory, file))
                    yield f"{directory}/{file} {status.st_mtime_ns} {status.st_size}"
