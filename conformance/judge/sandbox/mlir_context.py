"""One MLIR context for all programs of a worker.

JAX makes one for every program that it lowers, which is a third of what a new shape costs. The server
makes one, and the workers that it forks each have a copy.
"""

from __future__ import annotations

import contextlib
import threading
from typing import Any


def install() -> None:
    """Let JAX lower with one context. The name is private: where it is not there, nothing changes."""
    with contextlib.suppress(ImportError, AttributeError):
        from jax._src.interpreters import mlir
        from jaxlib.mlir import ir

        make = mlir.make_ir_context
        shared = make()

        def is_lowering() -> bool:
            try:
                return ir.Context.current is not None
            except ValueError:  # there is none
                return False

        def take() -> Any:
            # JAX's contexts do not lock: another thread of a candidate may lower at the same time. What is
            # evaluated while another program is lowered would be written into that one.
            is_main = threading.current_thread() is threading.main_thread()
            return shared if is_main and not is_lowering() else make()

        mlir.make_ir_context = take
