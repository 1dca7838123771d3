"""An upgrade from beginning to end: ask each cell about the user's code, draw the plan, run the cells.

The user's code is imported in cells only. The plan is drawn in the first cell that works, for all of them.
"""

import json
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, as_completed
from glob import escape
from pathlib import Path
from typing import Any

import attrs
import msgspec
from msgspec import UNSET

from conformance.events.records import Header, Observation, Record
from conformance.upgrade import cells, sources
from conformance.upgrade.ask import (
    ask,
    draw,
    say_early,
    say_what_is_newer,
    say_what_is_the_same,
    say_what_is_unmet,
    user_subjects,
)
from conformance.upgrade.cells import CellError, Work
from conformance.upgrade.mistakes import check_answers
from conformance.upgrade.probe import Answer
from conformance.upgrade.request import Request, Watcher, import_directories
from conformance.upgrade.request import cell as cell_of
from conformance.upgrade.sources.files import beside, python_files


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
    names = sorted({each for use in found.uses for each in (use.name, use.where) if each})
    asked = names if found.files else None
    answers = ask(request, asked, found.packages, executor, watcher)
    check_answers(request, answers)
    say_what_is_unmet(request, answers, watcher)
    say_what_is_the_same(request, answers, watcher)
    say_what_is_newer(request, answers, watcher)
    say_early(request, found, answers, watcher)
    first, *others = (isinstance(answer, Answer) for answer in answers)
    if not first or not any(others):
        return _not_run(request, answers)
    draw(request, asked, executor, watcher, answers)
    plan, share, primitives = _plan(answers)
    plan["observe"] = {
        "subjects": _observed(request, answers),
        "transforms": list(request.transforms),
        "names": names,
        "keywords": sorted({keyword for use in found.uses for keyword in use.keywords}),
        "only_their_calls": bool(names) and request.profile == "quick",
        "sweeps": bool(names) or request.profile != "quick",
    }
    futures: dict[Future[list[Record]], str] = {}
    for environment, answer in zip(request.environments, answers, strict=True):
        if isinstance(answer, Answer):
            cell = attrs.evolve(cell_of(request, environment), plan=_without_broken(plan, answer))
            total = Work(len(json.loads(cell.plan)["calls"]), frozenset(answer.groups))
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
            subjects = user_subjects(answer, request)
            header = msgspec.structs.replace(
                header,
                subjects=subjects,
                share=share,
                primitives=primitives,
                package_imports=answer.package_imports or UNSET,
            )
            mine = [header, *rest, *_unsaid(answer, [header, *rest])]
        else:
            said = json.dumps({"profile": request.profile, "seed": request.seed})
            cell = attrs.evolve(cell_of(request, environment), plan=said)
            mine = [cells.failed_header(cell, answer)]
        events += mine
    return [msgspec.structs.replace(_header(events), sources=found), *events[1:]]


def _unsaid(answer: Answer, events: Sequence[Record]) -> list[Observation]:
    """What was observed of the user's names before the run, where that has ended too early to say it."""
    said = {event.key for event in events if isinstance(event, Observation)}
    cell = events[0].cell
    return [
        Observation(cell=cell, key=key, value=value)
        for key, value in answer.names.items()
        if key not in said
    ]


def _not_run(request: Request, answers: Sequence[Answer | CellError]) -> list[Record]:
    """The headers of cells where fewer than two can run: nothing of one alone is an answer."""
    said = json.dumps({"profile": request.profile, "seed": request.seed})
    other = CellError("it was not run: there is nothing to compare it with")
    return [
        cells.failed_header(
            attrs.evolve(cell_of(request, environment), plan=said),
            answer if isinstance(answer, CellError) else other,
        )
        for environment, answer in zip(request.environments, answers, strict=True)
    ]


def _header(events: Sequence[Record]) -> Header:
    first = events[0]
    assert isinstance(first, Header)
    return first


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


def _plan(answers: Sequence[Answer | CellError]) -> tuple[dict[str, Any], int, list[str]]:
    """The plan of all cells, of how many of the suite's own items it has one, and what it is about."""
    for answer in answers:
        if isinstance(answer, Answer) and answer.plan is not None:
            return json.loads(answer.plan), answer.share, answer.primitives
    return {"calls": {}}, 1, []


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


def _reporter(environment: str, total: Work, watcher: Watcher) -> Callable[[str, Work], None]:
    return lambda stage, done: watcher.stage(environment, stage, done, total)
