"""Where compiled programs are kept. This module imports neither JAX nor NumPy: it comes first."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path

import attrs


@attrs.define
class CompileCache:
    """Where the compiled programs are, and which exercises' are being added."""

    directory: Path
    started: set[str] = attrs.field(factory=set)
    lock: threading.Lock = attrs.field(factory=threading.Lock)


def prepare(directory: Path) -> CompileCache | None:
    """The cache at `place`; None where there can be none."""
    with suppress(OSError):
        compiled = directory / "compiled"
        compiled.mkdir(parents=True, exist_ok=True)
        compiled.chmod(0o755)
        return CompileCache(directory)
    return None
