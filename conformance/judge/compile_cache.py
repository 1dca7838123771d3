"""Where compiled programs are kept. This module imports neither JAX nor NumPy: it comes first."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path

import attrs


@attrs.define
class CompileCache:
    """Where the compiled programs are, and which exercises' are being added.

    Attributes:
        threads: those that add programs now.

    """

    directory: Path
    started: set[str] = attrs.field(factory=set)
    lock: threading.Lock = attrs.field(factory=threading.Lock)
    threads: list[threading.Thread] = attrs.field(factory=list)

    @property
    def compiled(self) -> Path:
        """The directory of the programs themselves, each enciphered with its own key."""
        return self.directory / "programs"


def prepare(directory: Path) -> CompileCache | None:
    """The cache in `directory`; None where there can be none."""
    with suppress(OSError):
        cache = CompileCache(directory)
        cache.compiled.mkdir(parents=True, exist_ok=True)
        cache.compiled.chmod(0o755)
        return cache
    return None
