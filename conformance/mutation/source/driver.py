"""Run slips in processes that are started again where a slip ends one."""

import contextlib
import faulthandler
import io
import multiprocessing
import os
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path

from conformance.mutation.processes import silence_xla
from conformance.mutation.results import CONTROL, SlipResult
from conformance.mutation.source.operators import slips
from conformance.mutation.source.reach import Reached
from conformance.mutation.source.targets import result, targets

Task = tuple[str, int]
"""A target, and which of its slips."""
Known = tuple[str, Sequence[Reached], Counter[tuple[str, str]]]
"""The profile, the items that may be tried, and how many slips each noticed, by target and item."""

SECONDS = 900
"""Seconds without a result after which a process ends: compiled code may loop, and heeds no signal."""
PER_PROCESS = 60
"""Slips after which a process ends: what it has compiled is not all given back."""
DIES = "the process dies or does not come to its end"
"""What notices a slip that ends the process."""


def run(
    tasks: Sequence[Task],
    profile: str,
    reached: Sequence[Reached],
    workers: int,
    found: Callable[[SlipResult], None],
) -> None:
    """Try slips.

    Args:
        tasks: The slips.
        profile: The name of the profile whose calls are tried.
        reached: The items that may be tried on them.
        workers: How many processes.
        found: Called with each result as it comes, controls among them.

    """
    # A thread waits for each process; it computes nothing.
    with ThreadPoolExecutor(workers) as threads:
        shares = [tasks[n::workers] for n in range(workers)]
        list(threads.map(lambda share: _of_share(share, profile, reached, found), shares))


def _of_share(
    share: Sequence[Task],
    profile: str,
    reached: Sequence[Reached],
    found: Callable[[SlipResult], None],
) -> None:
    """Try some slips, by as many processes as it takes."""
    left = list(share)
    noticing: Counter[tuple[str, str]] = Counter()

    def count(made: SlipResult) -> None:
        if made.noticed_by is not None and made.operator != CONTROL:
            noticing[made.target, made.noticed_by] += 1
        found(made)

    while left:
        tasks = left[:PER_PROCESS]
        ended = _by_process(tasks, (profile, reached, noticing), count)
        left = left[ended:]
        if ended < len(tasks):
            target, number = left.pop(0)
            slip = list(slips(targets()[target].definition))[number]
            found(result(target, slip, number, DIES, profile))


def _by_process(tasks: Sequence[Task], known: Known, found: Callable[[SlipResult], None]) -> int:
    """How many of the slips one process tried to their end."""
    spawn = multiprocessing.get_context("spawn")
    receiving, sending = spawn.Pipe(duplex=False)
    process = spawn.Process(target=_child, args=(sending, tasks, known), daemon=True)
    process.start()
    sending.close()
    ended = 0
    try:
        while ended < len(tasks):
            received = receiving.recv()
            if received is None:
                ended += 1
            else:
                found(received)
    except EOFError:
        pass
    finally:
        process.kill()
        process.join()
    return ended


def _child(sending: Connection, tasks: Sequence[Task], known: Known) -> None:
    """Send the results of each slip, and then None."""
    silence_xla()
    from conformance.mutation.source.mutate import Attempts

    attempts = Attempts(*known)
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(io.StringIO()):
        for task in tasks:
            faulthandler.dump_traceback_later(SECONDS, exit=True, file=nowhere)
            for made in attempts.of(*task):
                sending.send(made)
            sending.send(None)
