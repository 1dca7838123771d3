"""Cells: runs of the suite in environments. A list of them goes to any ``concurrent.futures.Executor``.

A cell is plain data, and so is what comes of it: the executor may be of threads here, or of a cluster.
"""

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path

import attrs
import msgspec
from msgspec import UNSET

from conformance import __version__
from conformance.events.reader import LogError, read
from conformance.events.records import SCHEMA, Environment, Footer, Header, Record
from conformance.events.writer import new_cell
from conformance.runner import environment_info
from conformance.upgrade import environments
from conformance.upgrade.environments import NotBuilt

_MAIN = "from conformance.cli import main; main()"
# What would leak from the driver's environment into the cell's.
_NOT_INHERITED = ("PYTHON", "PYTEST_", "JAX_COMPILATION_CACHE_DIR", "VIRTUAL_ENV")


@attrs.frozen
class Cell:
    """One run of the suite in one environment, or of one shard of it."""

    environment: str
    """As on the command line: ``installed``, a date, or requirements."""
    plan: str
    """The calls, as JSON."""
    options: tuple[str, ...] = ()
    """What ``run`` is given besides."""
    extra: tuple[str, ...] = ()
    """Requirements of the user's own."""
    editable: tuple[str, ...] = ()
    """Directories of the user's own packages."""


def run_all(cells: Sequence[Cell], executor: Executor) -> Iterator[list[Record]]:
    """The events of each cell, in the order given; one that fails leaves the others alone."""
    return executor.map(run, cells)


def run(cell: Cell) -> list[Record]:
    """Build the cell's environment where it is not there yet, and run the suite in it.

    The header says what was ``asked`` for. Where the cell could not be built or did not run to its end,
    it says the ``problem`` in one sentence too, and there is no footer.
    """
    (environment,) = environments.build(
        [cell.environment], extra=cell.extra, editable=tuple(map(Path, cell.editable))
    )
    if isinstance(environment, NotBuilt):
        return [msgspec.structs.replace(_header(cell, {}), problem=str(environment), built=False)]
    with tempfile.TemporaryDirectory(prefix="vmap-conformance-cell-") as scratch:
        plan, log = Path(scratch) / "plan.json", Path(scratch) / "log.jsonl"
        plan.write_text(cell.plan, encoding="utf-8")
        command = [str(environment.interpreter), "-c", _MAIN, "run", *cell.options]
        done = subprocess.run(
            [*command, "--plan", str(plan), "--log", str(log)],
            cwd=scratch,
            env=_variables(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        events, unread = _read(log)
    first, *rest = events or [_header(cell, environment.versions)]
    assert isinstance(first, Header)
    finished = done.returncode in (0, 1) and bool(events) and isinstance(events[-1], Footer)
    problem = UNSET if finished else unread if done.returncode in (0, 1) and unread else _why(done)
    return [msgspec.structs.replace(first, asked=cell.environment, problem=problem), *rest]


def _read(log: Path) -> tuple[list[Record], str | None]:
    """The records that a run left, and why they cannot be read where they cannot."""
    try:
        return read(log), None
    except LogError as error:
        return [], str(error)


def _header(cell: Cell, versions: Mapping[str, str]) -> Header:
    """The header of a cell that never wrote one."""
    plan = json.loads(cell.plan)
    names = ("python", *environment_info.PACKAGES)
    return Header(
        cell=new_cell(),
        schema=SCHEMA,
        suite=__version__,
        environment=msgspec.convert({name: versions.get(name) for name in names}, Environment),
        profile=plan["profile"],
        seed=plan["seed"],
        shard=(1, 1),
        command=["run", *cell.options],
        asked=cell.environment,
    )


def _variables() -> dict[str, str]:
    """The user's variables, with the suite's own code on the path and nothing of the driver's."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(_NOT_INHERITED)}
    return {**kept, "PYTHONPATH": str(environments.suite_path())}


def _why(done: "subprocess.CompletedProcess[str]") -> str:
    """The last thing a run said that a person can use."""
    if done.returncode < 0:
        return f"the run was ended by signal {-done.returncode}"
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    said = lines[-1].removeprefix("Error: ") if lines else ""
    return said or f"the run ended with status {done.returncode}"
