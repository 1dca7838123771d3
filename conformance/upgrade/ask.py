"""Asking the cells about the user's code: what is known before anything runs, and the plan of what runs."""

from collections.abc import Sequence
from concurrent.futures import Executor
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec
from packaging.version import Version

from conformance.events.user_code import (
    MODULE,
    Package,
    SubjectError,
    UserSources,
    UserSubject,
)
from conformance.upgrade import cells
from conformance.upgrade.cells import NOTHING, CellError
from conformance.upgrade.environments import parse
from conformance.upgrade.environments.release_days import DAYS
from conformance.upgrade.for_you import before_it_runs
from conformance.upgrade.for_you.packages import Side
from conformance.upgrade.package_imports import Packages
from conformance.upgrade.probe import Answer, Wanted
from conformance.upgrade.request import Request, Watcher, cell
from conformance.upgrade.sources.packages import entries_of

NEW_PYTHON = "3.13"
"""A Python that the newest releases support."""


def wanted(
    request: Request,
    *,
    draw: bool,
    names: list[str] | None = None,
    packages: Packages | None = None,
) -> Wanted:
    """What a cell is asked about the user's code.

    Args:
        request: The upgrade.
        draw: Whether it draws the plan, too.
        names: What the user's sources use; None where there are no sources.
        packages: What they import of others.

    """
    return Wanted(
        modules=list(request.own),
        draw=draw,
        profile=request.profile,
        seed=request.seed,
        laws=list(request.laws),
        transforms=list(request.transforms),
        subjects=list(request.subjects),
        names=names,
        packages=packages,
    )


def ask(
    request: Request,
    names: list[str] | None,
    packages: Sequence[Package],
    executor: Executor,
    watcher: Watcher,
) -> list[Answer | CellError]:
    """What each cell says of the user's names and subjects, and of packages that their sources import."""
    for environment in request.environments:
        watcher.stage(environment, "building", NOTHING, None)
    question = wanted(request, draw=False, names=names, packages=_to_import(packages))
    asked = [
        executor.submit(cells.probe, cell(request, environment), question)
        for environment in request.environments
    ]
    answers: list[Answer | CellError] = []
    for environment, future in zip(request.environments, asked, strict=True):
        try:
            answers.append(future.result())
        except CellError as error:
            watcher.problem(environment, str(error))
            answers.append(error)
    return answers


def _to_import(packages: Sequence[Package]) -> Packages | None:
    if not packages:
        return None
    entries = entries_of(packages)
    return Packages(
        modules=list(dict.fromkeys(each.module for p in packages for each in p.imports)),
        entries=entries,
        behind=sorted({str(Path(entry).parent) for entry in entries}),
    )


def draw(
    request: Request,
    names: list[str] | None,
    executor: Executor,
    watcher: Watcher,
    answers: list[Answer | CellError],
) -> None:
    """Have the first cell that can draw the plan, for all; its answer has it."""
    question = wanted(request, draw=True, names=names)
    for number, answer in enumerate(answers):
        if isinstance(answer, CellError):
            continue
        environment = request.environments[number]
        watcher.stage(environment, "drawing calls", NOTHING, None)
        try:
            drawn = executor.submit(cells.probe, cell(request, environment), question).result()
            answers[number] = msgspec.structs.replace(drawn, package_imports=answer.package_imports)
        except CellError as error:
            watcher.problem(environment, str(error))
            answers[number] = error
            continue
        return


def say_what_is_the_same(
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


def say_what_is_unmet(
    request: Request, answers: Sequence[Answer | CellError], watcher: Watcher
) -> None:
    """Say where the releases that are installed are not those that the user's packages require.

    pip installs over them, and says so in one line among many.
    """
    for environment, answer in zip(request.environments, answers, strict=True):
        if environment == "installed" and isinstance(answer, Answer) and answer.unmet:
            watcher.problem(
                environment,
                f"{'; '.join(answer.unmet[:3])}, and {_label(answer)} is what is installed. If your "
                "code runs on what it requires, compare with that: --from 'jax==...,flax==...' in "
                "place of installed",
            )


def say_what_is_newer(
    request: Request, answers: Sequence[Answer | CellError], watcher: Watcher
) -> None:
    """Say where the newest JAX was asked for, and this Python has none as new."""
    version, _ = max(DAYS["jax"].items(), key=lambda item: Version(item[0]))
    for environment, answer in zip(request.environments[1:], answers[1:], strict=True):
        asked = parse(environment)
        open_end = "jax" in asked.requirements and asked.python is None and asked.date is None
        there = answer.versions.get("jax") if isinstance(answer, Answer) else None
        if open_end and there and Version(there) < Version(version):
            remedy = f"{environment}@{NEW_PYTHON}"
            watcher.problem(
                environment,
                f"is jax {there}, the newest for this Python; jax {version} needs a newer one: {remedy}",
            )


def say_early(
    request: Request,
    sources: UserSources,
    answers: Sequence[Answer | CellError],
    watcher: Watcher,
) -> None:
    """Say what is known of the user's code, of each environment beside the first."""
    first, *others = answers
    if isinstance(first, CellError) or not (sources.files or request.own):
        return
    was = user_subjects(first, request)
    for other in others:
        if isinstance(other, CellError):
            continue
        now = user_subjects(other, request)
        early = before_it_runs(
            sources,
            was,
            now,
            first.names,
            other.names,
            (_side(first), _side(other)),
        )
        watcher.found(f"{_label(first)} to {_label(other)}", early)


def _side(answer: Answer) -> Side:
    return Side(answer.package_imports, answer.versions, answer.prng, answer.threefry_partitionable)


def _label(answer: Answer) -> str:
    """Such as `jax 0.9.0, flax 0.12.3`."""
    names = [name for name in ("jax", "flax") if answer.versions.get(name)]
    return ", ".join(f"{name} {answer.versions[name]}" for name in names)


def user_subjects(answer: Answer, request: Request) -> dict[str, UserSubject]:
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
