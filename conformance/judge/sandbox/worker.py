"""The process a candidate runs in: it loads the file and answers one call at a time."""

from __future__ import annotations

import contextlib
import linecache
import os
import resource
import shutil
import struct
import sys
import time
import types
from typing import Any

import numpy as np

from . import isolation, observe, wire

OWN_FRAMES = 12
ADDRESS_FACTOR, DATA_FACTOR = 4, 6
"""A worker may grow to this many times what it held after a first computation of our own."""
MIN_ADDRESS_SPACE, MIN_DATA = 4 * 2**30, 2 * 2**30


def work(
    requests: int, answers: int, spare_tasks: int, compiled: str, compiled_cache: str | None
) -> None:
    """Load what the first frame holds, then answer until the judge is done."""
    started = time.perf_counter()
    keep_compiled(compiled, compiled_cache)
    warm_up()
    limit_memory(spare_tasks)
    observe.install()
    warm = time.perf_counter() - started
    header, arrays = _read(requests)
    reply, module = load(header["name"], arrays[0].tobytes())
    _send(answers, {**reply, "warm_seconds": warm})
    while module is not None:
        header, arrays = _read(requests)
        _send(answers, *answer(module, header, arrays))


def keep_compiled(directory: str, compiled_cache: str | None) -> None:
    """Compile equal programs once: `directory` is this worker's own, `warmed` is to be read."""
    import jax

    if compiled_cache is not None:
        copied = jax.__version_info__ < (0, 5)  # it touches the files that it reads
        with contextlib.suppress(OSError), os.scandir(compiled_cache) as entries:
            for entry in entries:
                place = shutil.copyfile if copied else os.symlink
                place(entry.path, os.path.join(directory, entry.name))
    jax.config.update("jax_compilation_cache_dir", directory)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    with contextlib.suppress(AttributeError):  # nobody reads where in Python a program is from
        jax.config.update("jax_traceback_in_locations_limit", 0)
    with contextlib.suppress(AttributeError):  # or the directory's name goes into the keys
        jax.config.update("jax_persistent_cache_enable_xla_caches", "none")


def warm_up() -> None:
    """Start the backend and compile once: what a limit on memory has to leave room for."""
    import jax

    jax.jit(lambda x: x * 2 + 1)(np.ones(3, np.float32)).block_until_ready()


def limit_memory(spare_tasks: int) -> None:
    """Limits as a factor of what this process has come to by itself: XLA dies below, silently."""
    held = dict.fromkeys(("VmPeak", "VmData", "Threads"), 0)
    with contextlib.suppress(OSError), open("/proc/self/status") as file:
        for line in file:
            name, _, value = line.partition(":")
            if name in held:
                held[name] = int(value.split()[0])
    address = max(ADDRESS_FACTOR * held["VmPeak"] * 1024, MIN_ADDRESS_SPACE)
    data = max(DATA_FACTOR * held["VmData"] * 1024, MIN_DATA)
    isolation.limit(resource.RLIMIT_AS, address)
    isolation.limit(resource.RLIMIT_DATA, data)
    isolation.limit(resource.RLIMIT_NPROC, held["Threads"] + spare_tasks)


def load(name: str, source: bytes) -> tuple[dict[str, Any], types.ModuleType | None]:
    """Run the candidate's file as a module of its own, of which nothing is on disk."""
    module = types.ModuleType("candidate")
    module.__file__ = name
    sys.modules["candidate"] = module
    try:
        text = source.decode("utf-8-sig", "replace")
        linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
        exec(compile(source, name, "exec", dont_inherit=True), module.__dict__)
    except BaseException as problem:
        return {"error": describe(problem, name)}, None
    finally:
        _flush()
    observe.loaded()
    functions = sorted(str(k) for k, v in vars(module).items() if callable(v))
    return {"functions": functions[:1000]}, module


def answer(
    module: types.ModuleType, header: dict[str, Any], arrays: list[np.ndarray]
) -> tuple[dict[str, Any], list[np.ndarray]]:
    """One call of one function, its answer as arrays, and what was seen meanwhile."""
    arguments = wire.unflatten(header["arguments"], arrays)
    before = {name: _parts(value) for name, value in arguments.items()}
    reply: dict[str, Any] = {"id": header["id"]}
    sent: list[np.ndarray] = []
    try:
        result = getattr(module, header["function"])(**arguments)
        reply.update(pack(result, sent, header["tree"], header["largest"]))
    except BaseException as problem:
        sent = []
        reply["error"] = describe(problem, str(module.__file__))
    finally:
        _flush()
    reply["changed"] = [name for name in before if _changed(before[name], arguments[name])]
    reply["observed"] = observe.take()
    return reply, sent


def _parts(tree: Any) -> list[tuple[Any, bytes]]:
    """What nested lists and tuples hold, and the bytes of its arrays."""
    if isinstance(tree, (list, tuple)):
        return [part for item in tree for part in _parts(item)]
    return [(tree, tree.tobytes() if isinstance(tree, np.ndarray) else b"")]


def _changed(before: list[tuple[Any, bytes]], tree: Any) -> bool:
    """Whether an argument's arrays, or a list's items, are other ones than before."""
    try:
        after = _parts(tree)
    except RecursionError:  # a list that was put into itself
        return True
    return len(after) != len(before) or any(
        one is not other or held != now
        for (one, held), (other, now) in zip(before, after, strict=True)
    )


def pack(result: Any, sent: list[np.ndarray], tree: bool, largest: int) -> dict[str, Any]:
    """The answer as arrays in `sent`; what is too large or no number is only described."""
    dtypes: list[str] = []
    weak: list[bool] = []

    def leaf(value: Any) -> Any:
        array = np.asarray(value)
        dtypes.append(str(getattr(value, "dtype", array.dtype)))
        weak.append(_plain(value))
        if array.dtype.kind not in wire.KINDS + "V" or array.dtype.names:
            raise _Unfit(f"{type(value).__name__} of dtype {array.dtype}")
        if array.nbytes > largest:
            raise _Unfit(f"an array of shape {array.shape}, {array.nbytes} bytes")
        return array.astype(np.float32) if array.dtype.kind == "V" else np.array(array, order="C")

    try:
        spec = (
            wire.flatten(result, sent, leaf)
            if tree
            else wire.flatten(_Leaf(result), sent, _own(leaf))
        )
    except _Unfit as problem:
        sent.clear()
        return {"unfit": str(problem)[:300]}
    return {"answer": spec, "dtypes": dtypes, "weak": weak}


class _Unfit(Exception):
    """An answer that is not made of numbers, or far larger than any right one."""


class _Leaf:
    """A whole answer that is one array, whatever containers it is made of."""

    def __init__(self, value: Any) -> None:
        self.value = value


def _own(leaf: Any) -> Any:
    return lambda wrapped: leaf(wrapped.value)


def _plain(value: Any) -> bool:
    """Whether the answer is Python's own numbers, which have no dtype of JAX's."""
    while type(value) in (list, tuple) and value:
        value = value[0]
    return type(value) in (int, float, bool)


def describe(problem: BaseException, name: str) -> dict[str, Any]:
    """An exception as text: its type, message, and the frames that are the candidate's own."""
    frames, trace = [], problem.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if code.co_filename == name:
            line = linecache.getline(name, trace.tb_lineno).strip()
            frames.append([trace.tb_lineno, code.co_name, line[:200]])
        trace = trace.tb_next
    if isinstance(problem, SyntaxError):
        frames.append([problem.lineno or 0, "", str(problem.text or "").strip()[:200]])
    try:
        message = str(problem)
    except BaseException:
        message = "(its message cannot be read)"
    kept = frames if len(frames) <= OWN_FRAMES else frames[:4] + frames[-4:]
    return {"type": type(problem).__name__, "message": message[:2000], "frames": kept}


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(BaseException):
            stream.flush()


def _read(requests: int) -> tuple[dict[str, Any], list[np.ndarray]]:
    (size,) = struct.unpack("<Q", _exactly(requests, 8))
    return wire.decode(_exactly(requests, size))


def _exactly(source: int, count: int) -> bytes:
    parts = []
    while count:
        part = os.read(source, min(count, 2**20))
        if not part:
            os._exit(0)  # the judge is done
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def _send(target: int, header: dict[str, Any], arrays: list[np.ndarray] | None = None) -> None:
    data = memoryview(wire.encode(header, arrays or []))
    while data:
        data = data[os.write(target, data) :]
