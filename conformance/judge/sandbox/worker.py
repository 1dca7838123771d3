"""The process a candidate runs in: it loads the file and answers one call at a time."""

from __future__ import annotations

import contextlib
import os
import resource
import struct
import time
from typing import Any

import numpy as np

from . import (
    answers,
    candidate_module,
    compiled_programs,
    isolation,
    observe,
    overdue,
    settled,
    wire,
)

ADDRESS_FACTOR, DATA_FACTOR = 4, 6
"""A worker may grow to this many times what it held after a first computation of our own."""
MIN_ADDRESS_SPACE, MIN_DATA = 4 * 2**30, 2 * 2**30


class TooLittle(Exception):
    """This machine's own limits leave a worker less than it needs; the message says which."""


def work(
    requests: int, replies: int, spare_tasks: int, shared: str | None, target: str | None
) -> None:
    """Say that the worker is ready, load what the next frame holds, then answer call after call.

    Args:
        requests: the file descriptor that frames are read from.
        replies: the file descriptor that frames are written to.
        spare_tasks: how many more threads and processes than it has now the process limit allows.
        shared: the directory that compiled programs are read from; None for none.
        target: the directory that our own solution's programs go to; None keeps them in memory.

    """
    started = time.perf_counter()
    compiled_programs.install(shared, target)
    try:
        warm_up()
        settled.install()
        limit_memory(spare_tasks)
    except TooLittle as problem:
        _send(replies, {"refused": str(problem)})
        return
    observe.install()
    _send(replies, {"ready": True, "seconds": time.perf_counter() - started})
    header, arrays = _read(requests)

    def tell(frames: list[Any]) -> None:
        _send(replies, {"id": header.get("id"), "overdue": frames})

    reply, module = candidate_module.load(header, arrays[0].tobytes(), tell)
    _send(replies, reply)
    while module is not None:
        header, arrays = _read(requests)
        _send(replies, *answer(module, header, arrays, tell))


def warm_up() -> None:
    """Start the backend and compile once: what a limit on memory has to leave room for."""
    import jax

    jax.jit(lambda x: x * 2 + 1)(np.ones(3, np.float32)).block_until_ready()


def limit_memory(spare_tasks: int) -> None:
    """Limits as a factor of what this process has come to by itself: XLA dies below, silently.

    Raises TooLittle.
    """
    held = dict.fromkeys(("VmPeak", "VmData", "Threads"), 0)
    with contextlib.suppress(OSError), open("/proc/self/status") as file:
        for line in file:
            name, _, value = line.partition(":")
            if name in held:
                held[name] = int(value.split()[0])
    address = max(ADDRESS_FACTOR * held["VmPeak"] * 1024, MIN_ADDRESS_SPACE)
    data = max(DATA_FACTOR * held["VmData"] * 1024, MIN_DATA)
    _require(resource.RLIMIT_AS, address, "address space (ulimit -v)")
    _require(resource.RLIMIT_DATA, data, "data segment (ulimit -d)")
    isolation.limit(resource.RLIMIT_AS, address)
    isolation.limit(resource.RLIMIT_DATA, data)
    isolation.limit(resource.RLIMIT_NPROC, held["Threads"] + spare_tasks)


def _require(kind: int, wanted: int, name: str) -> None:
    _, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise TooLittle(
            f"the limit on the {name} is {hard // 1024} KiB, a worker needs {wanted // 1024}: "
            "raise it, or lift it with `unlimited`"
        )


def answer(
    module: candidate_module.Module,
    header: dict[str, Any],
    arrays: list[np.ndarray],
    tell: candidate_module.Tell,
) -> tuple[dict[str, Any], list[np.ndarray]]:
    """One call of one function, its answer as arrays, and what was seen meanwhile."""
    given = [answers.as_jax_array(each) for each in arrays] if header["jax_arrays"] else arrays
    arguments = wire.unflatten(header["arguments"], given)
    before = {name: answers.parts(value) for name, value in arguments.items()}
    reply: dict[str, Any] = {"id": header["id"]}
    sent: list[np.ndarray] = []
    try:
        times = header["seconds"], header["computing"]
        with overdue.told(*times, lambda frame: tell(candidate_module.running(frame, module))):
            result = candidate_module.call(module.namespace[header["function"]], arguments)
        reply.update(answers.pack(result, sent, header["tree"], header["largest"]))
    except BaseException as problem:
        sent = []
        reply["error"] = candidate_module.describe(problem, module)
    finally:
        candidate_module.flush()
    reply["changed"] = [n for n in before if answers.changed(before[n], arguments[n])]
    reply["observed"] = observe.take()
    return reply, sent


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
