"""Run the slips of many functions in processes that are started again where a slip ends one."""

import contextlib
import faulthandler
import io
import itertools
import multiprocessing
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path

from conformance.mutation.processes import silence_xla
from conformance.mutation.results import SlipResult
from conformance.mutation.source.operators import with_control
from conformance.mutation.source.targets import result, targets

Task = tuple[str, tuple[str, ...]]
"""A target, and the items to try its slips on."""

SECONDS = 900
"""Seconds without a result after which a process ends: compiled code may loop, and heeds no signal."""
DIES = "the process dies or does not come to its end"
"""What notices a slip that ends the process."""


def run(tasks: Mapping[str, tuple[str, ...]], workers: int) -> list[SlipResult]:
    """Try the slips of each target.

    Args:
        tasks: The items to try them on, by the id of the target.
        workers: How many processes.

    Returns:
        The results, in the order of the tasks.

    """
    every = list(tasks.items())
    # A thread waits for each process; it computes nothing.
    with ThreadPoolExecutor(workers) as threads:
        shares = list(threads.map(_of_share, [every[n::workers] for n in range(workers)]))
    of_target: dict[str, list[SlipResult]] = {name: [] for name in tasks}
    for each in itertools.chain.from_iterable(shares):
        of_target[each.target].append(each)
    return list(itertools.chain.from_iterable(of_target.values()))


def _of_share(share: Sequence[Task]) -> list[SlipResult]:
    """The results of some targets, by as many processes as it takes."""
    results: list[SlipResult] = []
    left = [(target, names, 0) for target, names in share]
    while left:
        # One number for each target that came to its end, and where the next stands.
        ended, found = _by_process(left)
        results += found
        left = left[ended:]
        if left:
            target, names, start = left[0]
            number = start + sum(each.target == target for each in found)
            slip = list(with_control(targets()[target].definition))[number]
            results.append(result(target, slip, DIES))
            left[0] = (target, names, number + 1)
    return results


def _by_process(share: Sequence[tuple[str, tuple[str, ...], int]]) -> tuple[int, list[SlipResult]]:
    """What one process gives, and how many of the targets it did to their end."""
    spawn = multiprocessing.get_context("spawn")
    receiving, sending = spawn.Pipe(duplex=False)
    process = spawn.Process(target=_child, args=(sending, share), daemon=True)
    process.start()
    sending.close()
    ended, results = 0, []
    try:
        while ended < len(share):
            received = receiving.recv()
            if received is None:
                ended += 1
            else:
                results.append(received)
    except EOFError:
        pass
    finally:
        process.kill()
        process.join()
    return ended, results


def _child(sending: Connection, share: Sequence[tuple[str, tuple[str, ...], int]]) -> None:
    """Send each result, and None at the end of each target."""
    silence_xla()
    from conformance.mutation.source.mutate import mutate_source

    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(io.StringIO()):
        for task in share:
            faulthandler.dump_traceback_later(SECONDS, exit=True, file=nowhere)
            for made in mutate_source(*task):
                faulthandler.dump_traceback_later(SECONDS, exit=True, file=nowhere)
                sending.send(made)
            sending.send(None)
