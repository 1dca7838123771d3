"""Compiled programs that workers may share, and that no candidate can list, read or run.

An entry is named by a hash of JAX's cache key and enciphered with that key, which is itself a hash of
the whole program: whoever has not written the program can neither find nor decipher its entry.
What a worker compiles itself stays in its own memory.
"""

from __future__ import annotations

import contextlib
import hashlib
import os

import numpy as np

_DIGEST = 32


class CompiledPrograms:
    """JAX's persistent cache, as `jax._src.compilation_cache_interface.CacheInterface` has it.

    Args:
        shared: directory with entries to read; None for none.
        target: directory to write entries to; None keeps them in memory.

    """

    def __init__(self, shared: str | None, target: str | None) -> None:
        self._shared, self._target = shared, target
        self._own: dict[str, bytes] = {}
        self._path = target

    def get(self, key: str) -> bytes | None:
        """The program compiled under JAX's `key`, or None."""
        if key in self._own or self._shared is None:
            return self._own.get(key)
        with contextlib.suppress(OSError), open(os.path.join(self._shared, _name(key)), "rb") as f:
            return decipher(f.read(), key)
        return None

    def put(self, key: str, value: bytes) -> None:
        """Keep a program; one that cannot be written is dropped."""
        if self._target is None:
            self._own[key] = value
            return
        with contextlib.suppress(OSError), open(os.path.join(self._target, _name(key)), "wb") as f:
            f.write(encipher(value, key))


def install(shared: str | None, target: str | None = None) -> None:
    """Have JAX compile equal programs once, and take those in `shared` ready-made.

    JAX's names for this are private: where they are not there, every program is compiled anew.
    """
    import jax

    jax.config.update("jax_compilation_cache_dir", "/nonexistent")
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    with contextlib.suppress(AttributeError):  # nobody reads where in Python a program is from
        jax.config.update("jax_traceback_in_locations_limit", 0)
    with contextlib.suppress(AttributeError):  # or the directory's name goes into the keys
        jax.config.update("jax_persistent_cache_enable_xla_caches", "none")
    try:
        from jax._src import compilation_cache

        if not hasattr(compilation_cache, "_cache_initialized"):
            raise ImportError
        setattr(compilation_cache, "_cache", CompiledPrograms(shared, target))  # noqa: B010
        setattr(compilation_cache, "_cache_initialized", True)  # noqa: B010 (not ours)
    except ImportError:
        jax.config.update("jax_enable_compilation_cache", False)


def encipher(value: bytes, key: str) -> bytes:
    """`value` with its digest in front, readable with `key` only."""
    return _xor(hashlib.sha256(value).digest() + value, key)


def decipher(content: bytes, key: str) -> bytes | None:
    """What `encipher` was given, or None where the content is not that."""
    plain = _xor(content, key)
    digest, value = plain[:_DIGEST], plain[_DIGEST:]
    return value if hashlib.sha256(value).digest() == digest else None


def _name(key: str) -> str:
    return hashlib.sha256(b"name of " + key.encode()).hexdigest()


def _xor(content: bytes, key: str) -> bytes:
    """XOR with a keystream of SHAKE-256 (FIPS 202); each key enciphers one content only."""
    stream = hashlib.shake_256(b"content of " + key.encode()).digest(len(content))
    return (np.frombuffer(content, np.uint8) ^ np.frombuffer(stream, np.uint8)).tobytes()
