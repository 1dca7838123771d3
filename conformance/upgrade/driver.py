"""An upgrade from beginning to end: ask each cell about the user's code, draw the plan, run the cells.

The user's code is imported in cells only. The plan is drawn in the first cell that works, for all of them.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, as_completed
from fnmatch import fnmatchcase
from glob import escape
from pathlib import Path
from typing import Any, Literal, Protocol

import attrs
import msgspec

from conformance.events.records import Header, Record
from conformance.events.user_code import MODULE, SubjectError, UserSubject
from conformance.upgrade import cells, sources
from conformance.upgrade.cells import Cell, CellError
from conformance.upgrade.mistakes import check_answers
from conformance.upgrade.probe import Answer, Wanted
from conformance.upgrade.sources.files import beside, python_files


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


NEW_PYTHON = "3.13"
"""A Python that the newest releases support."""


class Watcher(Protocol):
    """Follows the progress of the cells."""

    def stage(self, environment: str, stage: str, done: int, total: int | None) -> None:
        """A cell is at this stage, with so many items done."""

    def problem(self, environment: str, problem: str) -> None:
        """A cell failed, or is hardly what was meant."""


def run(request: Request, executor: Executor, watcher: Watcher, *, local: bool) -> list[Record]:
    """Run the upgrade; the events of all cells, in the order of the environments.

    Args:
        request: What to run.
        executor: Where the cells run.
        watcher: Follows their progress.
        local: Whether the executor's threads are of this process, so that cells can report.

    Raises:
        ValueError: An ENV, a requirement, a directory or the name of a subject is invalid, or no environment
            can use a module of the user's.

    """
    for place in request.sources:
        if not python_files([Path(place)]):
            raise ValueError(f"--source {place} has no Python file")
    found = sources.scan(_places(request))
    answers = _ask(request, executor, watcher)
    check_answers(request, answers)
    _draw_where_none_has(request, executor, answers)
    _say_what_is_the_same(request, answers, watcher)
    plan, share = _plan(answers)
    plan["observe"] = {
        "subjects": _observed(request, answers),
        "transforms": list(request.transforms),
        "names": sorted({use.name for use in found.uses}),
    }
    futures: dict[Future[list[Record]], str] = {}
    for environment, answer in zip(request.environments, answers, strict=True):
        if isinstance(answer, Answer):
            cell = attrs.evolve(_cell(request, environment), plan=_without_broken(plan, answer))
            total = len(json.loads(cell.plan)["calls"])
            arguments = [_reporter(environment, total, watcher)] if local else []
            futures[executor.submit(cells.run, cell, *arguments)] = environment
    for future in as_completed(futures):
        problem = _header(future.result()).problem
        if problem:
            watcher.problem(futures[future], problem)
    ran = iter(futures)
    events: list[Record] = []
    for environment, answer in zip(request.environments, answers, strict=True):
        if isinstance(answer, Answer):
            header, *rest = next(ran).result()
            subjects = _subjects(answer, request)
            mine = [msgspec.structs.replace(header, subjects=subjects, share=share), *rest]
        else:
            said = json.dumps({"profile": request.profile, "seed": request.seed})
            cell = attrs.evolve(_cell(request, environment), plan=said)
            mine = [cells.failed_header(cell, answer)]
        events += mine
    return [msgspec.structs.replace(_header(events), sources=found), *events[1:]]


def _header(events: Sequence[Record]) -> Header:
    first = events[0]
    assert isinstance(first, Header)
    return first


def _cell(request: Request, environment: str) -> Cell:
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


def _places(request: Request) -> list[Path]:
    """The user's sources: what was given, editable packages, and the packages of the subjects."""
    places = [Path(place) for place in (*request.sources, *request.editable)]
    roots = [Path(request.here), Path(request.here) / "src", *import_directories(request)]
    for module in request.own:
        top = module.split(".")[0]
        found = [root / name for root in roots for name in (top, f"{top}.py")]
        for place in [place for place in found if place.exists()][:1]:
            places += [place] if place.is_dir() else beside(place)
    return places


def wanted(request: Request, draw: Literal["never", "unless-broken", "always"]) -> Wanted:
    """What a cell is asked about the user's subjects."""
    return Wanted(
        modules=list(request.own),
        draw=draw,
        profile=request.profile,
        seed=request.seed,
        laws=list(request.laws),
        transforms=list(request.transforms),
        subjects=list(request.subjects),
    )


def _ask(request: Request, executor: Executor, watcher: Watcher) -> list[Answer | CellError]:
    """What each cell says of the user's subjects; the first that works draws the plan as well."""
    for environment in request.environments:
        watcher.stage(environment, "building", 0, None)
    asked = [
        executor.submit(
            cells.probe,
            _cell(request, environment),
            wanted(request, "never" if number else "unless-broken"),
        )
        for number, environment in enumerate(request.environments)
    ]
    answers: list[Answer | CellError] = []
    for environment, future in zip(request.environments, asked, strict=True):
        try:
            answers.append(future.result())
        except CellError as error:
            watcher.problem(environment, str(error))
            answers.append(error)
    return answers


def _draw_where_none_has(
    request: Request, executor: Executor, answers: list[Answer | CellError]
) -> None:
    """Have the first cell that works draw the plan, where the first of all could not."""
    if any(isinstance(answer, Answer) and answer.plan is not None for answer in answers):
        return
    for number, answer in enumerate(answers):
        if isinstance(answer, Answer):
            cell, asked = _cell(request, request.environments[number]), wanted(request, "always")
            answers[number] = executor.submit(cells.probe, cell, asked).result()
            return


def _say_what_is_the_same(
    request: Request, answers: Sequence[Answer | CellError], watcher: Watcher
) -> None:
    """Say of an environment that it has the first one's releases, before both run for minutes."""
    first, *others = zip(request.environments, answers, strict=True)
    if isinstance(first[1], CellError) or not first[1].versions:
        return
    for environment, answer in others:
        if isinstance(answer, CellError) or answer.versions != first[1].versions:
            continue
        jax, flax, python = (answer.versions.get(name) for name in ("jax", "flax", "python"))
        remedy = "" if "@" in environment else f", such as `{environment}@{NEW_PYTHON}`"
        watcher.problem(
            environment,
            f"has the releases of {first[0]!r}: jax {jax}, flax {flax}, Python {python}. "
            f"The newest releases may need another Python{remedy}",
        )


def _plan(answers: Sequence[Answer | CellError]) -> tuple[dict[str, Any], int]:
    """The plan of all cells, and of how many of the suite's own items it has one."""
    for answer in answers:
        if isinstance(answer, Answer) and answer.plan is not None:
            return json.loads(answer.plan), answer.share
    return {"calls": {}}, 1


def _observed(request: Request, answers: Sequence[Answer | CellError]) -> list[str]:
    """Globs over the subjects that all cells observe: the user's own, and those of the plan's share."""
    there = [answer for answer in answers if isinstance(answer, Answer)]
    share = next((each.observed for each in there if each.plan is not None), None)
    if share is None:
        return list(request.subjects)
    own = {name for answer in there for name in answer.subjects}
    return [escape(name) for name in (*share, *sorted(own))]


def _without_broken(plan: dict[str, Any], answer: Answer) -> str:
    """The plan as JSON, without what the cell's environment has no subject for."""
    known = {*answer.known}
    calls = {name: each for name, each in plan["calls"].items() if name.split("|", 2)[2] in known}
    return json.dumps({**plan, "calls": calls})


def _subjects(answer: Answer, request: Request) -> dict[str, UserSubject]:
    """Of each subject of the user's: its module, and why it cannot be made, if it cannot."""
    made = {
        name: UserSubject(module=module, error=None)
        for name, module in answer.subjects.items()
        if _chosen(name, request.subjects)
    }
    broken = {
        each.subject or f"{each.module}{MODULE}": UserSubject(
            module=each.module, error=SubjectError(type=each.type, line=each.line)
        )
        for each in answer.broken
        if each.subject is None or _chosen(each.subject, request.subjects)
    }
    return {**made, **broken}


def _chosen(name: str, globs: Sequence[str]) -> bool:
    return not globs or any(fnmatchcase(name, glob) for glob in globs)


def _reporter(environment: str, total: int, watcher: Watcher) -> Callable[[str, int], None]:
    return lambda stage, done: watcher.stage(environment, stage, done, total)
