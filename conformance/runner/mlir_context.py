"""One MLIR context for many programs.

JAX makes a context for every program that it lowers, and keeps it as long as the program. Of a quick run
that was a sixth of what it computes, and half of its memory.
"""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

PROGRAMS = 50
"""So many programs share a context: it keeps the constants of them all."""

_context: Any = None
_taken = 0


def _is_lowering(ir: Any) -> bool:
    """Whether this thread is lowering a program now."""
    try:
        return ir.Context.current is not None
    except ValueError:  # there is none
        return False


@contextlib.contextmanager
def shared() -> Iterator[None]:
    """Let JAX lower with one context in this thread. Where the release has no such name, nothing changes."""
    try:
        from jax._src.interpreters import mlir
        from jaxlib.mlir import ir

        make = mlir.make_ir_context
    except (ImportError, AttributeError):
        yield
        return
    thread = threading.get_ident()

    def take() -> Any:
        global _context, _taken
        # JAX's contexts do not lock: another thread may lower at the same time. What is evaluated while
        # another program is lowered would be written into that one.
        if threading.get_ident() != thread or _is_lowering(ir):
            return make()
        if _taken % PROGRAMS == 0:
            _context = make()
        _taken += 1
        return _context

    mlir.make_ir_context = take
    try:
        yield
    finally:
        mlir.make_ir_context = make
