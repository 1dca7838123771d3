"""What an upgrade was asked for, its cells, and who follows them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import attrs

from conformance.upgrade.cells import Cell, Work
from conformance.upgrade.for_you import Early


@attrs.frozen(kw_only=True)
class Request:
    """What an upgrade was asked for."""

    environments: tuple[str, ...]
    """ENVs, the one to compare with first."""
    profile: str = "quick"
    seed: int = 0
    laws: tuple[str, ...] = ()
    transforms: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    """Modules that list the user's subjects."""
    extra: tuple[str, ...] = ()
    editable: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    """Directories and files of the user's besides those of `editable` and `own`."""
    here: str = "."
    """The user's current directory, whose modules can be imported."""
    workers: int = 1
    """Processes in each cell."""


class Watcher(Protocol):
    """Follows the progress of the cells."""

    def stage(self, environment: str, stage: str, done: Work, total: Work | None) -> None:
        """A cell is at this stage, with so much done of all."""

    def problem(self, environment: str, problem: str) -> None:
        """A cell failed, or is hardly what was meant."""

    def found(self, comparison: str, early: Early) -> None:
        """This is known of the user's code before anything runs."""


def cell(request: Request, environment: str) -> Cell:
    """The cell of an environment, without its plan."""
    given = [("--profile", request.profile), ("--seed", str(request.seed))]
    given += [("-n", str(request.workers)), ("--observe", "*")]
    given += [("--subjects", module) for module in request.own]
    return Cell(
        environment,
        options=tuple(word for pair in given for word in pair),
        extra=request.extra,
        editable=request.editable,
        import_path=import_path(request),
    )


def import_path(request: Request) -> tuple[str, ...]:
    """The directories in which cells look for the user's modules, after all that is installed."""
    return tuple(map(str, (*import_directories(request), request.here)))


def import_directories(request: Request) -> Iterator[Path]:
    """Where the user's modules are when no environment has them installed."""
    for directory in map(Path, request.editable):
        yield (directory / "src" if (directory / "src").is_dir() else directory).resolve()
