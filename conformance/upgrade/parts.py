"""One run of the suite in parts on the machines of a cluster, in the environments of its workers."""

from collections.abc import Callable
from concurrent.futures import Executor, as_completed
from pathlib import Path

import attrs
import msgspec
from msgspec import UNSET

from conformance.events.records import Header, Record
from conformance.reporting.summary import summarise
from conformance.runner.run_options import RunOptions
from conformance.upgrade import cells
from conformance.upgrade.cells import Cell, Work
from conformance.upgrade.request import Watcher

PARTS_PER_THREAD = 2
"""Parts for each thread of the cluster: parts differ in length, and each starts JAX anew (3 s)."""


def cell(asked: RunOptions, *, workers: int, cache: bool) -> Cell:
    """The cell that runs what is asked for in the environment of a worker, but for the part.

    Args:
        asked: What to run.
        workers: Processes in the cell.
        cache: Whether it uses the persistent compilation cache.

    """
    given = [("--profile", asked.profile_name), ("--seed", str(asked.seed)), ("-n", str(workers))]
    for option, values in (
        ("--law", asked.laws),
        ("--transform", asked.transforms),
        ("--subject", asked.subjects),
        ("--observe", asked.observe),
        ("--subjects", asked.own),
    ):
        given += [(option, value) for value in values]
    options = tuple(word for pair in given for word in pair)
    return Cell(
        "installed",
        plan="" if asked.plan is None else Path(asked.plan).read_text(encoding="utf-8"),
        options=options if cache else (*options, "--no-cache"),
        import_path=(str(Path.cwd()),),
    )


def run(cell: Cell, parts: int, executor: Executor, watcher: Watcher) -> list[Record]:
    """Run the parts of a cell, and gather what they recorded.

    Args:
        cell: What to run.
        parts: In how many parts.
        executor: Where they run.
        watcher: Follows their progress.

    Returns:
        The records of all parts, in the order of the parts. The header of a part that did not run to its end
        names the problem.

    """
    numbered = [
        attrs.evolve(cell, options=(*cell.options, "--shard", f"{n + 1}/{parts}"))
        for n in range(parts)
    ]
    futures = {executor.submit(cells.run, part): n for n, part in enumerate(numbered)}
    found: dict[int, list[Record]] = {}
    for future in as_completed(futures):
        n = futures[future]
        header, *rest = _result(numbered[n], future.result)
        assert isinstance(header, Header)
        name = f"part {n + 1} of {parts}"
        if header.problem:
            watcher.problem(name, header.problem)
        else:
            checked = len(summarise([header, *rest]).results)
            watcher.stage(name, "done", Work(checks=checked), None)
        found[n] = [msgspec.structs.replace(header, asked=UNSET), *rest]
    return [record for n in range(parts) for record in found[n]]


def _result(part: Cell, result: Callable[[], list[Record]]) -> list[Record]:
    """The records of a part; of one that the cluster lost, a header that says so."""
    try:
        return result()
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"
        return [cells.failed_header(part, cells.CellError(problem))]
