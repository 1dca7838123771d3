"""The calls of one exercise, made in two fresh processes at the same time.

Each process gets half of the shapes, since compiling is what costs, and repeats a random part of
the other one's calls in an order of its own: answers from call counts or stored state then differ.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from typing import Any

import attrs

from conformance.judge import channel as channels
from conformance.judge import compare
from conformance.judge.channel import Channel
from conformance.judge.exercises.exercise import Exercise
from conformance.judge.expected_answers import Call
from conformance.judge.sandbox import wire

REPEATED_SHAPES, REPEATED_CALLS = 1, 5
"""How much of the other process' part is repeated: so many shapes, so many calls of each."""
ROOM = 2**20
"""Bytes an answer may have beyond any right one."""


@attrs.frozen
class Limits:
    """Wall-clock limits in seconds; `unit` is what the reference's dearest call took here."""

    patience: float
    unit: float

    @property
    def load(self) -> float:
        return self.patience * self.unit

    @property
    def new_shape(self) -> float:
        return self.patience * self.unit

    @property
    def known_shape(self) -> float:
        return self.patience * self.unit / 2

    @property
    def total(self) -> float:
        return self.patience * self.unit * 8


@attrs.frozen
class Failure:
    """How a lane ended before its calls were through: a verdict, and what is known of it."""

    verdict: str
    message: str
    call: int | None = None
    error: dict[str, Any] | None = None


@attrs.define
class WorkerRun:
    """One process and what it answered: by call, in the order the calls were made."""

    channel: Channel
    answers: dict[int, compare.GivenAnswer] = attrs.field(factory=dict)
    observed: dict[int, dict[str, Any]] = attrs.field(factory=dict)
    changed: dict[int, list[str]] = attrs.field(factory=dict)
    failure: Failure | None = None
    ended: dict[str, Any] = attrs.field(factory=dict)


def split_calls(calls: Sequence[Call], seed: int) -> tuple[list[Call], list[Call]]:
    """The two lanes' calls: their own, and a random part of each other's."""
    source = random.Random(seed)
    shapes = sorted({call.shape for call in calls})
    first = [call for call in calls if shapes.index(call.shape) % 2 == 0]
    second = [call for call in calls if shapes.index(call.shape) % 2 == 1]
    parts = []
    for own, other in ((first, second), (second, first)):
        theirs = sorted({call.shape for call in other})
        chosen = source.sample(theirs, min(REPEATED_SHAPES, len(theirs)))
        again = [call for shape in chosen for call in _some(other, shape, source)]
        part = [*own, *again]
        source.shuffle(part)
        parts.append(part)
    return parts[0], parts[1]


def _some(calls: Sequence[Call], shape: int, source: random.Random) -> list[Call]:
    here = [call for call in calls if call.shape == shape]
    return source.sample(here, min(REPEATED_CALLS, len(here)))


def load(run: WorkerRun, name: str, content: bytes, limits: Limits) -> list[str]:
    """Have the worker load the file: the names of its functions, or `lane.trouble`."""
    import numpy as np

    source = np.frombuffer(content, np.uint8)
    try:
        header, _ = channels.ask(run.channel, {"name": name}, [source], limits.load, ROOM)
    except channels.ResponseTimeout:
        run.failure = Failure("timeout", f"loading the file took more than {limits.load:.1f} s")
        run.ended = channels.terminate(run.channel)
        return []
    except channels.WorkerExited as problem:
        run.ended = channels.wait_for_exit(run.channel, problem)
        run.failure = gone(str(problem), run.ended, None, "while the file was loaded")
        return []
    if "error" in header:
        run.failure = failed(header["error"], None)
        return []
    functions = header.get("functions")
    return [str(name) for name in functions] if isinstance(functions, list) else []


def work(run: WorkerRun, exercise: Exercise, calls: Sequence[Call], limits: Limits) -> None:
    """Make the calls, one at a time, until they are through or there is trouble."""
    known: set[int] = set()
    deadline = time.monotonic() + limits.total
    for call in calls:
        limit = limits.known_shape if call.shape in known else limits.new_shape
        known.add(call.shape)
        seconds = min(limit, deadline - time.monotonic())
        if seconds <= 0:
            message = f"its calls took more than {limits.total:.1f} s together"
            run.failure = Failure("timeout", message, call.number)
        elif not make(run, exercise, call, seconds):
            return


def make(run: WorkerRun, exercise: Exercise, call: Call, seconds: float) -> bool:
    """One call. Whether an answer came; `lane.trouble` says why not."""
    try:
        header, arrays = _exchange(run.channel, exercise, call, seconds)
        if "error" in header:
            run.failure = failed(header["error"], call.number)
            return False
        run.answers[call.number] = compare.received(header, arrays)
    except channels.ResponseTimeout:
        message = f"a call took more than {seconds:.1f} s"
        run.failure = Failure("timeout", message, call.number)
        run.ended = channels.terminate(run.channel)
        return False
    except (channels.WorkerExited, wire.Malformed) as problem:
        run.ended = channels.wait_for_exit(run.channel, problem)
        run.failure = gone(str(problem), run.ended, call.number, "during a call")
        return False
    notes, changed = header.get("observed"), header.get("changed")
    run.observed[call.number] = notes if isinstance(notes, dict) else {}
    if isinstance(changed, list) and changed:
        run.changed[call.number] = [str(place)[:20] for place in changed]
    return True


def _exchange(conversation: Channel, exercise: Exercise, call: Call, seconds: float) -> Any:
    import numpy as np

    arrays: list[np.ndarray] = []

    def leaf(value: Any) -> Any:
        return (
            value
            if isinstance(value, (bool, int, float, str)) or value is None
            else np.asarray(value)
        )

    spec = wire.flatten(dict(call.arguments), arrays, leaf)
    largest = sum(array.nbytes for array in arrays) * 64 + ROOM
    header = {
        "id": call.number,
        "function": exercise.name,
        "arguments": spec,
        "tree": exercise.tree,
        "largest": largest,
    }
    reply, received = channels.ask(conversation, header, arrays, seconds, largest + ROOM)
    if reply.get("id") != call.number:
        raise channels.ProtocolError("it wrote to the judge's pipe what is no answer to the call")
    return reply, received


def failed(error: Any, call: int | None) -> Failure:
    """The candidate raised."""
    error = error if isinstance(error, dict) else {}
    kind, message = str(error.get("type", "?"))[:100], str(error.get("message", ""))[:2000]
    frames = error.get("frames")
    kept = []
    for frame in frames if isinstance(frames, list) else []:
        if isinstance(frame, list) and len(frame) == 3:
            kept.append([str(part)[:200] for part in frame])
    fields = {"type": kind, "message": message, "frames": kept[:12]}
    return Failure("error", f"{kind}: {message}", call, fields)


def gone(problem: str, ended: dict[str, Any], call: int | None, when: str) -> Failure:
    """The worker ended, or cannot be talked to."""
    if "signal" in ended and ended.get("stopped") in ("memory", "processes"):
        message = f"it was stopped {when}: it took more {ended['stopped']} than its limit"
    elif "signal" in ended and ended.get("stopped") is None:
        message = f"its process died of signal {ended['signal']} {when}"
    elif "exit" in ended and ended.get("stopped") is None:
        message = f"its process ended with exit status {ended['exit']} {when}"
    elif ended.get("stopped") == "supervisor":
        message = f"the process that watches over it was ended {when}"
    else:
        message = f"{problem} {when}"
    return Failure("crashed", message, call)
