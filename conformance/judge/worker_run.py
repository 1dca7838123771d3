"""One process that answers an exercise's calls: loading the file, the calls, and how it ended."""

from __future__ import annotations

import math
import os
import signal
import time
from collections.abc import Callable, Sequence
from typing import Any

import attrs
import numpy as np

from conformance.judge import channel as channels
from conformance.judge import compare
from conformance.judge import verdict as verdicts
from conformance.judge.channel import Channel
from conformance.judge.exercises.exercise import Exercise
from conformance.judge.expected_answers import Call, as_leaf
from conformance.judge.sandbox import settled, stand_ins, wire
from conformance.judge.submissions import Submission

REPLY_BYTES = 2**20
"""Bytes an answer may have beyond any right one."""
USUAL_CALLS = 55
"""Calls that one process makes by default: what the limit on all of them together is for."""
MAX_LOAD, MAX_LOAD_TOGETHER = 5.0, 2.0
"""How many times longer the limit on one call, and on all together, is at most because other programs
keep the machine busy. All together have eight times one call's, so that little more is needed."""

TELLING = 1.0
"""Seconds that a worker has for saying where it is once its time is over."""


def load_per_core() -> float:
    """How many programs want each core, by the load average: from 1 to `MAX_LOAD`.

    A right solution is not refused because the machine became busy after the limits were measured.
    """
    try:
        load = os.getloadavg()[0]
    except OSError:
        return 1.0
    return min(max(load / (os.cpu_count() or 1), 1.0), MAX_LOAD)


@attrs.frozen
class Limits:
    """Limits in seconds: `patience` times what the slowest call of the reference took here.

    Those of wall-clock time are longer on a machine that is busy at the moment; `computing` is not.

    Attributes:
        patience: how many times as long a call may take.
        unit: what the slowest call counts as at least.
        slowest: what it took as far as is known now: the reference's calls may not be through.

    """

    patience: float
    unit: float
    slowest: Callable[[], float] = lambda: 0.0

    @property
    def load(self) -> float:
        """For loading the file."""
        return self._call * load_per_core()

    @property
    def new_shape(self) -> float:
        """For a call that has to compile."""
        return self._call * load_per_core()

    @property
    def known_shape(self) -> float:
        """For a call at a shape seen before."""
        return self._call * load_per_core() / 2

    def total(self, calls: int) -> float:
        """For so many calls together."""
        load = min(load_per_core(), MAX_LOAD_TOGETHER)
        return self._call * load * 8 * max(1.0, calls / USUAL_CALLS)

    @property
    def computing(self) -> float:
        """For what the candidate's own thread computes, in loading the file or in one call.

        Others that use the same caches and cores slow it down, but not without end.
        """
        return self._call * MAX_LOAD_TOGETHER

    @property
    def _call(self) -> float:
        return self.patience * max(self.unit, self.slowest())


@attrs.frozen
class Failure:
    """How a run ended before its calls were through: a verdict, and what is known of it.

    Attributes:
        verdict: the verdict that it is.
        message: what happened.
        call: the number of the call that was being made.
        error: what was raised: its `type`, its `message` and its `frames`.
        together: whether no call took too long, but all of them together.

    """

    verdict: str
    message: str
    call: int | None = None
    error: dict[str, Any] | None = None
    together: bool = False

    @property
    def place(self) -> object:
        """Which exception it was and where in the file, for telling it from another one."""
        return None if self.error is None else (self.error["type"], self.error["frames"])


@attrs.frozen
class Loaded:
    """What a file turned out to define.

    Attributes:
        functions: names of exercises that are functions here.
        others: names of exercises that are something else, and its type.
        defined: the other functions that the file defines.
        loops: those of `functions` that loop in Python, in a file that maps nothing.
        nested: names of exercises that are defined inside something: "class NAME", "def NAME", "main".
        stood_in: packages that only draw, are not installed, and were imported all the same.
        absent: other packages that are not installed, and were imported all the same.
        failed_cells: what cells of a notebook have raised.
        ended: what ended the file before its last line, as `sys.exit()` does.
        settings: those of JAX that the file asks for and that were kept as they are.

    """

    functions: tuple[str, ...] = ()
    others: dict[str, str] = attrs.field(factory=dict)
    defined: tuple[str, ...] = ()
    loops: tuple[str, ...] = ()
    stood_in: tuple[str, ...] = ()
    nested: dict[str, str] = attrs.field(factory=dict)
    absent: tuple[str, ...] = ()
    failed_cells: tuple[Failure, ...] = ()
    ended: Failure | None = None
    settings: tuple[str, ...] = ()


@attrs.define
class WorkerRun:
    """One process and what it answered: by call, in the order the calls were made.

    Attributes:
        channel: to the process.
        answers: what it answered.
        observed: what was noted of each call.
        changed: the arguments that a call changed in place.
        failure: what ended the calls before they were through.
        ended: how the process ended.
        jax_arrays: whether calls are given JAX arrays; else NumPy arrays.

    """

    channel: Channel
    answers: dict[int, compare.GivenAnswer] = attrs.field(factory=dict)
    observed: dict[int, dict[str, Any]] = attrs.field(factory=dict)
    changed: dict[int, list[str]] = attrs.field(factory=dict)
    failure: Failure | None = None
    ended: dict[str, Any] = attrs.field(factory=dict)
    jax_arrays: bool = False


def load(
    run: WorkerRun, submission: Submission, functions: Sequence[str], limits: Limits
) -> Loaded:
    """Have the worker load the file: what it defines, or `run.failure`."""
    seconds = limits.load
    contents = [submission.source, *(content for _, content in submission.modules)]
    sources = np.frombuffer(b"".join(contents), np.uint8)
    header = {
        "place": submission.place or submission.path.name,
        "modules": [name for name, _ in submission.modules],
        "sizes": [len(content) for content in contents],
        "functions": list(functions),
        "notebook": submission.notebook,
        "cells": list(submission.cells),
        "seconds": seconds,
        "computing": limits.computing,
    }
    try:
        reply, _ = channels.ask(run.channel, header, [sources], seconds + TELLING, REPLY_BYTES)
    except channels.ResponseTimeout:
        reply = {"overdue": []}
    except channels.WorkerExited as problem:
        run.ended = channels.wait_for_exit(run.channel, problem)
        run.failure = exited(problem, run.ended, None, "while the file was loaded")
        return Loaded()
    if "overdue" in reply:
        least = min(seconds, limits.computing)
        _stop(run, f"loading the file took more than {least:.1f} s", None, reply["overdue"])
        return Loaded()
    if "error" in reply:
        run.failure = raised(reply["error"], None)
        return Loaded(stood_in=_stood_in(reply))
    return _loaded(reply)


def _loaded(reply: dict[str, Any]) -> Loaded:
    """A worker's word on what the file defines; whatever is not as it should be is nothing."""
    functions, defined, loops, absent = (
        _names(reply.get(each)) for each in ("functions", "defined", "loops", "absent")
    )
    named, nested = (_texts(reply.get(each)) for each in ("others", "nested"))
    told = reply.get("failed_cells")
    failed = tuple(raised(each, None) for each in told) if isinstance(told, list) else ()
    end = reply.get("ended")
    ended = raised(end, None) if isinstance(end, dict) else None
    kept = tuple(sorted(settled.KEPT.intersection(_names(reply.get("settings")))))
    return Loaded(
        functions, named, defined, loops, _stood_in(reply), nested, absent, failed, ended, kept
    )


def _texts(given: Any) -> dict[str, str]:
    return {str(k): str(v)[:100] for k, v in given.items()} if isinstance(given, dict) else {}


def _stood_in(reply: dict[str, Any]) -> tuple[str, ...]:
    return tuple(name for name in stand_ins.PACKAGES if name in _names(reply.get("stood_in")))


def _names(given: Any) -> tuple[str, ...]:
    return tuple(map(str, given)) if isinstance(given, list) else ()


def work(
    run: WorkerRun,
    exercise: Exercise,
    calls: Sequence[Call],
    limits: Limits,
    *,
    go_on: bool = False,
) -> None:
    """Make the calls, one at a time, until they are through or there is a failure.

    Args:
        run: the process that makes them; what it answers is in `run.answers`.
        exercise: whose function is called.
        calls: in their order.
        limits: of time.
        go_on: whether calls are made after one has raised. `run.failure` is the first failure.

    """
    raised_first: Failure | None = None
    known: set[int] = set()
    began = time.monotonic()
    for call in calls:
        limit = limits.known_shape if call.shape in known else limits.new_shape
        known.add(call.shape)
        total = limits.total(len(calls))
        left = began + total - time.monotonic()
        if left <= 0 or not make(run, exercise, call, min(limit, left), limits.computing):
            if run.failure is None or (run.failure.verdict == verdicts.TIMEOUT and left < limit):
                message = f"its {len(calls)} calls took more than {total:.1f} s together"
                last = None if run.failure is None else run.failure.error
                run.failure = Failure(verdicts.TIMEOUT, message, call.number, last, together=True)
            if not (go_on and run.failure is not None and run.failure.verdict == verdicts.ERROR):
                break
            raised_first, run.failure = raised_first or run.failure, None
    run.failure = raised_first or run.failure


def make(
    run: WorkerRun, exercise: Exercise, call: Call, seconds: float, computing: float = math.inf
) -> bool:
    """One call. Whether an answer came within both times; `run.failure` says why not."""
    computing = min(seconds, computing)
    try:
        header, arrays = _exchange(run, exercise, call, seconds, computing)
        if "overdue" in header:
            _stop(run, f"a call took more than {computing:.1f} s", call.number, header["overdue"])
            return False
        if "error" in header:
            run.failure = raised(header["error"], call.number)
            return False
        run.answers[call.number] = compare.received(header, arrays)
    except channels.ResponseTimeout:
        _stop(run, f"a call took more than {seconds:.1f} s", call.number, [])
        return False
    except (channels.WorkerExited, wire.Malformed) as problem:
        run.ended = channels.wait_for_exit(run.channel, problem)
        run.failure = exited(problem, run.ended, call.number, "during a call")
        return False
    notes, changed = header.get("observed"), header.get("changed")
    run.observed[call.number] = notes if isinstance(notes, dict) else {}
    if isinstance(changed, list) and changed:
        run.changed[call.number] = [str(place)[:20] for place in changed]
    return True


def _stop(run: WorkerRun, message: str, call: int | None, frames: Any) -> None:
    """Stop a process that took too long, and note which of its own lines it was at."""
    error = raised({"type": "Timeout", "message": message, "frames": frames}, call).error
    known = error if error is not None and error["frames"] else None
    run.failure = Failure(verdicts.TIMEOUT, message, call, known)
    run.ended = channels.terminate(run.channel)


def raised_by(run: WorkerRun, exercise: Exercise, call: Call, seconds: float) -> Failure | None:
    """What one more call raises, in a process in which one has raised; None where it answers or ends.

    `run.failure` stays what it was.
    """
    if run.channel.closed:
        return None
    before, run.failure = run.failure, None
    make(run, exercise, call, seconds)
    again, run.failure = run.failure, before
    return again if again is not None and again.verdict == verdicts.ERROR else None


def _exchange(
    run: WorkerRun, exercise: Exercise, call: Call, seconds: float, computing: float
) -> Any:
    arrays: list[np.ndarray] = []
    ordered = {name: call.arguments[name] for name in exercise.parameters}
    spec = wire.flatten(ordered, arrays, as_leaf)
    largest = sum(array.nbytes for array in arrays) * 64 + REPLY_BYTES
    header = {
        "id": call.number,
        "function": exercise.name,
        "arguments": spec,
        "jax_arrays": run.jax_arrays,
        "tree": exercise.tree,
        "largest": largest,
        "seconds": seconds,
        "computing": computing,
    }
    allowed = largest + REPLY_BYTES
    reply, received = channels.ask(run.channel, header, arrays, seconds + TELLING, allowed)
    if reply.get("id") != call.number:
        raise channels.ProtocolError("it wrote to the judge's pipe something that is no answer")
    return reply, received


def raised(error: Any, call: int | None) -> Failure:
    """The candidate raised."""
    error = error if isinstance(error, dict) else {}
    kind, message = str(error.get("type", "?"))[:100], str(error.get("message", ""))[:2000]
    frames = error.get("frames")
    kept = []
    for frame in frames if isinstance(frames, list) else []:
        if isinstance(frame, list) and len(frame) == 3:
            kept.append([str(part)[:200] for part in frame])
    fields: dict[str, Any] = {"type": kind, "message": message, "frames": kept[:12]}
    if isinstance(error.get("missing"), str):
        fields["missing"] = error["missing"][:80]
    return Failure(verdicts.ERROR, f"{kind}: {message}" if message else kind, call, fields)


def exited(problem: Exception, ended: dict[str, Any], call: int | None, when: str) -> Failure:
    """The worker ended, or cannot be talked to."""
    if "signal" in ended and ended.get("stopped") in ("memory", "processes", "disk space"):
        message = f"it was stopped {when}: it took more {ended['stopped']} than its limit"
    elif "signal" in ended and ended.get("stopped") is None:
        number = ended["signal"]
        named = (signal.strsignal(number) or "unknown").lower()
        message = f"its process died of signal {number} ({named}) {when}"
    elif isinstance(problem, channels.OwnFailure) and ended.get("stopped") is None:
        message = (
            f"the judge's own code in its process failed {when}: the file seems to have changed Python, "
            "NumPy or JAX itself"
        )
    elif "exit" in ended and ended.get("stopped") is None:
        message = f"its process ended with exit status {ended['exit']} {when}"
    elif ended.get("stopped") == "supervisor":
        message = f"the process that watches over it was ended {when}"
    else:
        message = f"{problem} {when}"
    return Failure(verdicts.CRASHED, message, call)
