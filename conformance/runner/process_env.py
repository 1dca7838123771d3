"""Environment variables that JAX reads when it starts: devices, threads, the compilation cache.

This module imports neither JAX nor Flax, so that it can come first.
"""

import importlib.metadata
import importlib.util
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import platformdirs
from packaging.version import Version

DEVICES = 8
"""Virtual CPU devices for pmap; more examples than devices is a call that must raise."""

PRECISION = "JAX_DEFAULT_MATMUL_PRECISION"

ONE_MODULE = "--xla_cpu_parallel_codegen_split_count=1"
"""Without it XLA splits each program into many LLVM modules, for threads that workers do not have."""
_HAVE_ONE_MODULE = ("0.4.33", "0.13")
"""The first jaxlib that has the flag, and the first that was not tried: an unknown flag ends JAX."""

LLVM_EMITTERS = "--xla_cpu_use_fusion_emitters=false"
"""Has XLA emit LLVM's code itself: twice as fast as by way of MLIR, where little is optimised."""
_HAVE_LLVM_EMITTERS = ("0.7.2", "0.11.1")
"""The first jaxlib that emits by way of MLIR and has the flag, and the first that was not tried; 0.12
has it no more."""

MISREADING_JAXLIBS = frozenset({"0.5.1", "0.5.3", "0.6.0"})
"""Releases that give a loop's start value for its result when its program comes from the persistent cache."""

_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def cache_directory() -> Path:
    """The directory of this user's caches of the suite."""
    return Path(platformdirs.user_cache_dir("vmap-conformance"))


def compilation_cache() -> Path:
    """The directory of the persistent compilation cache for the installed versions."""
    versions = "-".join(
        f"{name}{importlib.metadata.version(name)}" for name in ("jax", "jaxlib", "flax")
    )
    return cache_directory() / "compiled" / versions


def cache_misreads() -> bool:
    """Whether the installed jaxlib reads some loops back wrongly from its persistent compilation cache.

    Source: `docs/findings/compilation-cache-loops.py`, run with each jaxlib from 0.4.38 to 0.7.0.
    """
    return importlib.metadata.version("jaxlib") in MISREADING_JAXLIBS


def cached_programs() -> int:
    """How many compiled programs the persistent cache has."""
    entries = compilation_cache().glob("*")
    # The time of last use is a file of its own, in releases that keep one.
    return sum(not entry.name.endswith("-atime") for entry in entries)


def _accelerated() -> bool:
    """Whether JAX may start another backend than the CPU's: a plugin is installed, and not ruled out."""
    plugins = any(map(importlib.util.find_spec, ("jax_plugins", "libtpu")))
    return plugins and os.environ.get("JAX_PLATFORMS") != "cpu"


def environment(*, cache: bool = True) -> dict[str, str]:
    """The environment variables that a process of the suite needs, but for those that the user set.

    Args:
        cache: Whether to use the persistent compilation cache, where it can be trusted.

    """
    cache = cache and not cache_misreads()
    flags = os.environ.get("XLA_FLAGS", "")
    wanted = [
        f"--xla_force_host_platform_device_count={DEVICES}",
        "--xla_cpu_multi_thread_eigen=false",
    ]
    added = [flag for flag in wanted if flag.split("=")[0] not in flags]
    variables = {
        "XLA_FLAGS": " ".join(filter(None, [flags, *added])),
        # Workers share the cores: a pool of threads in each would only slow the others down.
        **dict.fromkeys(_ONE_THREAD, "1"),
        # XLA logs errors only; they go to the worker's own file.
        "TF_CPP_MIN_LOG_LEVEL": "2",
        # The stack of every operation, which nobody reads, was a tenth of what a run computes.
        "JAX_TRACEBACK_IN_LOCATIONS_LIMIT": "0",
        # By default each worker allocates three quarters of a GPU's memory.
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
    }
    if _accelerated():
        # By default a GPU multiplies float32 in TF32, of 11 bits, and a TPU in bfloat16.
        variables[PRECISION] = "highest"
    if cache:
        variables |= {
            "JAX_COMPILATION_CACHE_DIR": str(compilation_cache()),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
            "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        }
    kept = {k: v for k, v in variables.items() if k == "XLA_FLAGS" or k not in os.environ}
    return kept if cache else kept | {"JAX_ENABLE_COMPILATION_CACHE": "false"}


def worker_environment(*, cache: bool = True) -> dict[str, str]:
    """`environment`, for processes that use this process's jaxlib alone.

    Args:
        cache: Whether to use the persistent compilation cache, where it can be trusted.

    """
    variables = environment(cache=cache)
    flags = variables["XLA_FLAGS"]
    if has_one_module() and ONE_MODULE.partition("=")[0] not in flags:
        variables["XLA_FLAGS"] = f"{flags} {ONE_MODULE}"
    return variables


def has_one_module() -> bool:
    """Whether this jaxlib is known to have the flag `ONE_MODULE`."""
    return _is_between(*_HAVE_ONE_MODULE)


def has_llvm_emitters() -> bool:
    """Whether this jaxlib is known to have the flag `LLVM_EMITTERS`, and to compile faster with it."""
    return _is_between(*_HAVE_LLVM_EMITTERS)


def _is_between(first: str, untried: str) -> bool:
    return Version(first) <= Version(importlib.metadata.version("jaxlib")) < Version(untried)


def prepare(variables: Mapping[str, str] | None = None) -> None:
    """Set the variables in this process, from which workers inherit them."""
    os.environ.update(environment() if variables is None else variables)


def cores() -> int:
    """How many cores this process may use."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
