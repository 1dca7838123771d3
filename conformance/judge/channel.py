"""The judge's end of a worker: frames with a deadline, output drained and capped, and its exit."""

from __future__ import annotations

import contextlib
import json
import os
import select
import struct
import time
from typing import Any

import attrs
import numpy as np

from conformance.judge import worker_process
from conformance.judge.errors import JudgeFailure
from conformance.judge.sandbox import wire

KEPT_OUTPUT = 4096
"""Bytes of a candidate's output that are kept; the rest is only counted."""
MAX_OUTPUT = 64 * 2**20
"""Bytes after which nothing more is read, so that a flood ends as a timeout."""
EXIT_SECONDS = 10.0
READY_SECONDS = 300.0
"""A machine on which a worker takes longer than this to import JAX cannot judge."""
SMALL_FRAME = 2**20


@attrs.define
class Channel:
    """A conversation with a worker, and what came of it besides answers."""

    worker: worker_process.Worker
    arrived: bytearray = attrs.field(factory=bytearray)
    output: bytearray = attrs.field(factory=bytearray)
    printed: int = 0
    listening: bool = True
    closed: bool = False


class ResponseTimeout(Exception):
    """No answer within the limit."""


class WorkerExited(Exception):
    """The worker ended."""


class OwnFailure(WorkerExited):
    """The worker's own code failed, which a candidate can bring about."""


class ProtocolError(WorkerExited):
    """The worker sent something that is not a frame."""


def wait_until_ready(channel: Channel) -> float:
    """Wait for a worker's word that it is ready for a file: the seconds that it took.

    Until then no line of a candidate has run, so whatever fails is the judge's own failure.

    Raises:
        JudgeFailure: There is no worker; says why.

    """
    try:
        reply, _ = read(channel, READY_SECONDS, SMALL_FRAME)
    except ResponseTimeout:
        terminate(channel)
        reason = f"a worker was not ready after {READY_SECONDS:.0f} s"
        raise JudgeFailure(f"{reason}: the machine is overloaded") from None
    except WorkerExited as problem:
        ended = wait_for_exit(channel, problem)
        said = channel.output.decode("utf-8", "replace").strip().splitlines()
        reason = ended.get("failed") or (said[-1] if said else f"a worker ended at once: {ended}")
        raise JudgeFailure(
            f"{reason}; the limits on memory and processes (`ulimit -a`) are the usual cause"
        ) from None
    if "refused" in reply:
        terminate(channel)
        raise JudgeFailure(str(reply["refused"]))
    return float(reply.get("seconds", 0.0))


def ask(
    channel: Channel, header: dict[str, Any], arrays: list[np.ndarray], seconds: float, largest: int
) -> tuple[dict[str, Any], list[np.ndarray]]:
    """Send one frame and wait for the one that answers it.

    Raises:
        ResponseTimeout: None came within `seconds`.
        WorkerExited: The worker ended, or sent something else.

    """
    if has_ended(channel):
        raise WorkerExited("it ended")
    deadline = time.monotonic() + seconds
    _write(channel, wire.encode(header, arrays), deadline)
    return read(channel, deadline - time.monotonic(), largest)


def has_ended(channel: Channel) -> bool:
    """Whether its supervisor has said so: processes that it left may still hold the pipes.

    A supervisor that was killed says nothing, which is no end of the worker.
    """
    poll = select.poll()
    poll.register(channel.worker.status, select.POLLIN)
    return any(event & select.POLLIN for _, event in poll.poll(0))


def read(channel: Channel, seconds: float, largest: int) -> tuple[dict[str, Any], list[np.ndarray]]:
    """Wait for one frame of at most `largest` bytes. Raises as `ask` does."""
    deadline = time.monotonic() + seconds
    while True:
        if len(channel.arrived) >= 8:
            (size,) = struct.unpack_from("<Q", channel.arrived)
            if size > largest:
                raise ProtocolError("it wrote to the judge's pipe something that is no answer")
            if len(channel.arrived) >= 8 + size:
                body = bytes(channel.arrived[8 : 8 + size])
                del channel.arrived[: 8 + size]
                try:
                    header, arrays = wire.decode(body)
                except wire.Malformed as problem:
                    raise ProtocolError(
                        f"it wrote to the judge's pipe something that is no answer: {problem}"
                    ) from None
                if "own_failure" in header:
                    raise OwnFailure("its own code failed")
                return header, arrays
        _wait(channel, deadline, None)


def _write(channel: Channel, data: bytes, deadline: float) -> None:
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(channel.worker.requests, view) :]
        except BlockingIOError:
            _wait(channel, deadline, channel.worker.requests)
        except BrokenPipeError:
            raise WorkerExited("it ended") from None


def _wait(channel: Channel, deadline: float, writable: int | None) -> None:
    """Wait until something moves, and take in what came. Raises as `ask` does."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise ResponseTimeout
    worker = channel.worker
    poll = select.poll()
    poll.register(worker.replies, select.POLLIN)
    if channel.listening:
        poll.register(worker.output, select.POLLIN)
    if writable is not None:
        poll.register(writable, select.POLLOUT)
    for fd, _ in poll.poll(min(left, 1.0) * 1000):
        if fd == worker.output:
            drain(channel)
        elif fd == worker.replies:
            part = os.read(fd, 2**20)
            if not part:
                raise WorkerExited("it ended")
            channel.arrived += part


def drain(channel: Channel) -> None:
    """Take in what the candidate printed."""
    for _ in range(16):
        try:
            part = os.read(channel.worker.output, 2**16)
        except (BlockingIOError, OSError):
            return
        channel.printed += len(part)
        channel.listening = bool(part) and channel.printed < MAX_OUTPUT
        if not part:
            return
        channel.output += part[: max(0, KEPT_OUTPUT - len(channel.output))]


def terminate(channel: Channel) -> dict[str, Any]:
    """Stop the worker and all that it started; how it ended, as its supervisor says."""
    if channel.closed:
        return {}
    drain(channel)
    channel.closed = True
    worker = channel.worker
    with contextlib.suppress(OSError):
        os.close(worker.life)
        worker.life = -1
    said, deadline = bytearray(), time.monotonic() + EXIT_SECONDS
    poll = select.poll()
    poll.register(worker.status, select.POLLIN)
    while time.monotonic() < deadline:
        if poll.poll(1000):
            part = os.read(worker.status, 4096)
            if not part:
                break
            said += part
    drain(channel)
    worker_process.discard(worker)
    with contextlib.suppress(ValueError):
        return dict(json.loads(said.decode()))
    return {"stopped": "supervisor"}


def wait_for_exit(
    channel: Channel, why: Exception, seconds: float = EXIT_SECONDS
) -> dict[str, Any]:
    """How a worker ended that ended by itself; one that sends anything but frames is stopped."""
    if not isinstance(why, WorkerExited) or isinstance(why, ProtocolError):
        return terminate(channel)
    deadline = time.monotonic() + seconds
    poll = select.poll()
    poll.register(channel.worker.status, select.POLLIN)
    while time.monotonic() < deadline and not poll.poll(100):
        drain(channel)
    return terminate(channel)
