"""MLIR contexts that are ready before a worker wants them.

JAX makes one for every program that it lowers, which is a third of what a new shape costs. The
server makes some while nobody asks it for anything; the workers that it forks each have them all.
"""

from __future__ import annotations

import contextlib
from typing import Any

MAX_CONTEXTS = 45
"""About what half of an exercise's shapes take. A worker that wants more makes them itself."""

_ready: list[Any] = []
_make: list[Any] = []


def install() -> None:
    """Let JAX take those that are ready. The name is private: where it is not there, nothing is."""
    with contextlib.suppress(ImportError, AttributeError):
        from jax._src.interpreters import mlir

        make = mlir.make_ir_context
        mlir.make_ir_context = lambda: _ready.pop() if _ready else make()
        _make.append(make)


def prepare() -> bool:
    """Make one more; whether there may be another."""
    if not _make or len(_ready) >= MAX_CONTEXTS:
        return False
    _ready.append(_make[0]())
    return True
