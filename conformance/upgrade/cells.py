"""Cells: runs of the suite in environments. A list of them goes to any `concurrent.futures.Executor`.

A cell is plain data, and so is what comes of it: the executor may be of threads here, or of a cluster.
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs
import msgspec
from msgspec import UNSET

from conformance import __version__
from conformance.events.reader import LogError, read
from conformance.events.records import SCHEMA, Footer, Header, Record
from conformance.events.records import Environment as EnvironmentRecord
from conformance.events.writer import new_cell
from conformance.runner import environment_info
from conformance.upgrade import environments, lifeline
from conformance.upgrade.environments import Environment, NotBuilt
from conformance.upgrade.probe import Answer, Wanted
from conformance.user_subjects.loading import IMPORT_PATH, TOLERANT

_START = "from conformance.upgrade.lifeline import end_with_parent; end_with_parent(); "
_RUN = _START + "from conformance.cli import main; main()"
_PROBE = _START + "from conformance.upgrade.probe import main; main()"
PROBE_SECONDS = 900.0
"""How long a cell may take to import the user's modules, to make their subjects and to draw the plan."""
_NOT_INHERITED = ("PYTHON", "PYTEST_", "JAX_COMPILATION_CACHE_DIR", "VIRTUAL_ENV")
"""How variables of this process begin that must not reach a cell."""


class CellError(Exception):
    """A cell that cannot run, in one line."""

    def __init__(self, problem: str, *, built: bool = True) -> None:
        super().__init__(problem)
        self.built = built
        """False where its environment could not be built."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _remade, (str(self), self.built)


def _remade(problem: str, built: bool) -> CellError:
    return CellError(problem, built=built)


@attrs.frozen
class Cell:
    """One run of the suite in one environment, or of one shard of it."""

    environment: str
    """ENV as on the command line: `installed`, a date, or requirements."""
    plan: str = ""
    """The calls, as JSON; empty where the cell draws them itself."""
    options: tuple[str, ...] = ()
    """What `run` is given besides."""
    extra: tuple[str, ...] = ()
    """Requirements of the user's own."""
    editable: tuple[str, ...] = ()
    """Directories of the user's own packages."""
    import_path: tuple[str, ...] = ()
    """Directories of the user's own modules."""


@attrs.frozen
class Work:
    """What a cell has to do, or has done."""

    checks: int = 0
    groups: frozenset[str] = frozenset()
    """The groups of observations."""

    @property
    def items(self) -> int:
        """How many things that is."""
        return self.checks + len(self.groups)


NOTHING = Work()
Report = Callable[[str, Work], None]
"""Takes a stage of a cell, and what of it is done."""


def build(cell: Cell) -> Environment | NotBuilt:
    """The cell's environment, built where it does not exist yet."""
    (environment,) = environments.build(
        [cell.environment], extra=cell.extra, editable=tuple(map(Path, cell.editable))
    )
    return environment


def probe(cell: Cell, wanted: Wanted) -> Answer:
    """Ask the cell about the user's subjects, in its environment.

    Raises:
        CellError: The environment cannot be built, or the process did not answer.

    """
    environment = build(cell)
    if isinstance(environment, NotBuilt):
        raise CellError(str(environment), built=False)
    with tempfile.TemporaryDirectory(prefix="vmap-conformance-cell-") as scratch:
        question, reply = Path(scratch) / "question.json", Path(scratch) / "answer.json"
        question.write_bytes(msgspec.json.encode(wanted))
        command = [str(environment.interpreter), "-c", _PROBE, str(question), str(reply)]
        doing = f"importing {', '.join(wanted.modules) or 'the suite'} and drawing calls"
        try:
            done = lifeline.run(command, cwd=scratch, env=_variables(cell), timeout=PROBE_SECONDS)
        except subprocess.TimeoutExpired:
            raise CellError(f"{doing} took more than {PROBE_SECONDS:g} seconds") from None
        try:
            return msgspec.json.decode(reply.read_bytes(), type=Answer)
        except OSError:
            raise CellError(_why(done, doing)) from None


def run(cell: Cell, report: Report = lambda stage, done: None) -> list[Record]:
    """Build the cell's environment where it does not exist yet, and run the suite in it.

    The header says what was `asked` for. Where the cell could not be built, or did not run to its end,
    the header says the `problem` in one line, and there is no footer.
    """
    report("building", NOTHING)
    environment = build(cell)
    if isinstance(environment, NotBuilt):
        return [failed_header(cell, CellError(str(environment), built=False))]
    with tempfile.TemporaryDirectory(prefix="vmap-conformance-cell-") as scratch:
        plan, log = Path(scratch) / "plan.json", Path(scratch) / "log.jsonl"
        command = [str(environment.interpreter), "-c", _RUN, "run", *cell.options]
        if cell.plan:
            plan.write_text(cell.plan, encoding="utf-8")
            command += ["--plan", str(plan)]
        count = _Counter(log)
        done = lifeline.run(
            [*command, "--log", str(log)],
            cwd=scratch,
            env=_variables(cell),
            while_it_runs=lambda: report("running", count()),
        )
        records, unread = _read(log)
    first, *rest = records or [_header(cell, environment.versions)]
    assert isinstance(first, Header)
    finished = done.status in (0, 1) and bool(records) and isinstance(records[-1], Footer)
    problem = UNSET if finished else unread if done.status in (0, 1) and unread else _why(done)
    return [msgspec.structs.replace(first, asked=cell.environment, problem=problem), *rest]


def _read(log: Path) -> tuple[list[Record], str | None]:
    """The records that a run left, and why they cannot be read where they cannot."""
    if not log.exists():
        return [], None
    try:
        return read(log), None
    except LogError as error:
        return [], str(error)


def failed_header(cell: Cell, error: CellError) -> Header:
    """The header of a cell that failed before it ran."""
    return msgspec.structs.replace(_header(cell, {}), problem=str(error), built=error.built)


_CHECK = re.compile(rb'"subject": "(?:[^"\\]|\\.)*", "outcome": "(?!not-sampled")')
"""A result of what the plan has: one of a known defect has that between the two."""
_ERROR = re.compile(r"(\w+\.)*(\w*Error|\w*Exception)\b")
"""How a line begins that says an error, click's `Error: ...` among them; notes may stand below it."""
_GROUP = re.compile(rb'"type": "observation".*?"key": "([^"/]+)')


class _Counter:
    """Counts what is in a log that is being written, but for results of what the plan has not."""

    def __init__(self, log: Path) -> None:
        self._log, self._position, self._done = log, 0, NOTHING

    def __call__(self) -> Work:
        try:
            with self._log.open("rb") as file:
                file.seek(self._position)
                new = file.read()
        except OSError:
            return self._done
        new = new[: new.rfind(b"\n") + 1]
        self._position += len(new)
        checks = len(_CHECK.findall(new))
        # A process that records a group writes all of it at once.
        groups = {name.decode() for name in _GROUP.findall(new)}
        self._done = Work(self._done.checks + checks, self._done.groups | groups)
        return self._done


def _header(cell: Cell, versions: Mapping[str, str]) -> Header:
    """The header of a cell that never wrote one."""
    plan: dict[str, Any] = json.loads(cell.plan or "{}")
    names = ("python", *environment_info.PACKAGES)
    return Header(
        cell=new_cell(),
        schema=SCHEMA,
        suite=__version__,
        environment=msgspec.convert({n: versions.get(n) for n in names}, EnvironmentRecord),
        profile=plan.get("profile", "quick"),
        seed=plan.get("seed", 0),
        shard=(1, 1),
        command=["run", *cell.options],
        asked=cell.environment,
    )


def _variables(cell: Cell) -> dict[str, str]:
    """The user's variables, the suite's own code on the path, and the user's modules behind all else."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(_NOT_INHERITED)}
    return {
        **kept,
        "PYTHONPATH": str(environments.suite_path()),
        TOLERANT: "1",
        IMPORT_PATH: os.pathsep.join(cell.import_path),
    }


def _why(done: lifeline.Ended, doing: str = "the run") -> str:
    """The last line of a process that says why it ended: of an error, without the notes below it."""
    if done.status < 0:
        with contextlib.suppress(ValueError):
            return f"{doing} was ended by {signal.Signals(-done.status).name}"
        return f"{doing} was ended by signal {-done.status}"
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    errors = [line for line in lines if _ERROR.match(line)]
    said = (errors or lines)[-1].removeprefix("Error: ") if lines else ""
    return said or f"{doing} ended with status {done.status}, without a result"
