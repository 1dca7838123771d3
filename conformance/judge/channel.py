"""Talking to one worker: frames out and in, each with a deadline; its output drained and capped."""

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

from conformance.judge import server_process
from conformance.judge.sandbox import wire

KEPT_OUTPUT = 4096
"""Bytes of a candidate's output that are kept; the rest is only counted."""
MOST_OUTPUT = 64 * 2**20
"""Bytes after which nothing more is read, so that a flood ends as a timeout."""
GOODBYE = 10.0


@attrs.define
class Talk:
    """A conversation with a worker, and what came of it besides answers."""

    worker: server_process.Worker
    arrived: bytearray = attrs.field(factory=bytearray)
    output: bytearray = attrs.field(factory=bytearray)
    printed: int = 0
    listening: bool = True
    closed: bool = False


class Late(Exception):
    """No answer within the limit."""


class Gone(Exception):
    """The worker ended."""


class Garbled(Gone):
    """The worker sent what is no frame."""


def ask(
    talk: Talk, header: dict[str, Any], arrays: list[np.ndarray], seconds: float, largest: int
) -> tuple[dict[str, Any], list[np.ndarray]]:
    """Send one frame and wait for the one that answers it. Raises Late or Gone."""
    deadline = time.monotonic() + seconds
    _write(talk, wire.encode(header, arrays), deadline)
    return read(talk, deadline - time.monotonic(), largest)


def read(talk: Talk, seconds: float, largest: int) -> tuple[dict[str, Any], list[np.ndarray]]:
    """Wait for one frame of at most `largest` bytes. Raises Late or Gone."""
    deadline = time.monotonic() + seconds
    while True:
        if len(talk.arrived) >= 8:
            (size,) = struct.unpack_from("<Q", talk.arrived)
            if size > largest:
                raise Garbled("it wrote to the judge's pipe what is no answer")
            if len(talk.arrived) >= 8 + size:
                body = bytes(talk.arrived[8 : 8 + size])
                del talk.arrived[: 8 + size]
                try:
                    return wire.decode(body)
                except wire.Malformed as problem:
                    raise Garbled(
                        f"it wrote to the judge's pipe what is no answer: {problem}"
                    ) from None
        _wait(talk, deadline, None)


def _write(talk: Talk, data: bytes, deadline: float) -> None:
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(talk.worker.requests, view) :]
        except BlockingIOError:
            _wait(talk, deadline, talk.worker.requests)
        except BrokenPipeError:
            raise Gone("it ended") from None


def _wait(talk: Talk, deadline: float, writable: int | None) -> None:
    """Wait until something moves, and take in what came. Raises Late or Gone."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise Late
    worker = talk.worker
    poll = select.poll()
    poll.register(worker.answers, select.POLLIN)
    if talk.listening:
        poll.register(worker.output, select.POLLIN)
    if writable is not None:
        poll.register(writable, select.POLLOUT)
    for fd, _ in poll.poll(min(left, 1.0) * 1000):
        if fd == worker.output:
            drain(talk)
        elif fd == worker.answers:
            part = os.read(fd, 2**20)
            if not part:
                raise Gone("it ended")
            talk.arrived += part


def drain(talk: Talk) -> None:
    """Take in what the candidate printed."""
    for _ in range(16):
        try:
            part = os.read(talk.worker.output, 2**16)
        except (BlockingIOError, OSError):
            return
        talk.printed += len(part)
        talk.listening = bool(part) and talk.printed < MOST_OUTPUT
        if not part:
            return
        talk.output += part[: max(0, KEPT_OUTPUT - len(talk.output))]


def end(talk: Talk) -> dict[str, Any]:
    """Stop the worker and all that it started; how it ended, as its keeper says."""
    if talk.closed:
        return {}
    drain(talk)
    talk.closed = True
    worker = talk.worker
    with contextlib.suppress(OSError):
        os.close(worker.life)
        worker.life = -1
    said, deadline = bytearray(), time.monotonic() + GOODBYE
    poll = select.poll()
    poll.register(worker.status, select.POLLIN)
    while time.monotonic() < deadline:
        if poll.poll(1000):
            part = os.read(worker.status, 4096)
            if not part:
                break
            said += part
    server_process.discard(worker)
    with contextlib.suppress(ValueError):
        return dict(json.loads(said.decode()))
    return {"stopped": "keeper"}


def farewell(talk: Talk, why: Exception, seconds: float = GOODBYE) -> dict[str, Any]:
    """How a worker ended that ended by itself; one that talks nonsense is stopped."""
    if not isinstance(why, Gone) or isinstance(why, Garbled):
        return end(talk)
    deadline = time.monotonic() + seconds
    poll = select.poll()
    poll.register(talk.worker.status, select.POLLIN)
    while time.monotonic() < deadline and not poll.poll(100):
        drain(talk)
    return end(talk)
