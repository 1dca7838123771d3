"""Options of XLA's compiler that make programs in less time."""

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax

from properties.trees import Raised, attempt

OPTIONS: dict[str, Any] = {
    "xla_backend_optimization_level": 0,
    "xla_llvm_disable_expensive_passes": True,
    # XLA's newer emitters make a fusion's code by way of MLIR, in twice the time.
    "xla_cpu_use_fusion_emitters": False,
}
"""Each where the release has it."""

_is_suspended = False


@functools.cache
def fast() -> Mapping[str, Any]:
    """Options that compile in less time.

    They leave out LLVM's optimisations, and take XLA's simpler emitters where it has both. All
    of XLA's own passes run, and the machine code may round otherwise, which the bound
    allows for.
    """
    program = jax.jit(lambda: 0).lower()
    return {
        option: value
        for option, value in OPTIONS.items()
        if not isinstance(attempt(program.compile, {option: value}), Raised)
    }


@contextlib.contextmanager
def fast_everywhere() -> Iterator[None]:
    """Compile every program with `fast()`, also those of eager calls, of pmap and of init.

    What is compiled meanwhile stays in JAX's caches: this is for a process that does nothing else. Where
    the release has no such name, nothing changes.
    """
    options = fast()
    try:
        from jax._src import compiler

        get: Callable[..., Any] = compiler.get_compile_options
    except (ImportError, AttributeError):
        yield
        return

    def get_fast(*arguments: Any, env_options_overrides: Any = None, **others: Any) -> Any:
        added = {} if _is_suspended else options
        overrides = {**added, **(env_options_overrides or {})}
        return get(*arguments, env_options_overrides=overrides, **others)

    compiler.get_compile_options = get_fast
    try:
        yield
    finally:
        compiler.get_compile_options = get


@contextlib.contextmanager
def defaults() -> Iterator[None]:
    """Compile as users do, within `fast_everywhere`."""
    global _is_suspended
    was, _is_suspended = _is_suspended, True
    try:
        yield
    finally:
        _is_suspended = was
