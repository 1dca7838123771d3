"""`vmap-conformance replay`: run one stored counterexample again."""

import json
from pathlib import Path
from typing import Any

import click

from conformance.cli import options


@click.command("replay")
@click.argument("file", type=click.Path(path_type=Path))
@options.own_subjects
def replay(file: Path, own: tuple[str, ...]) -> int:
    """Run one stored counterexample again: FILE is the .json that a run saved.

    \b
    Example:
      vmap-conformance replay run-violations/mapping-equals-per-example-jax-vmap-square.json
    """
    case = _read(file)
    from conformance.runner import process_env

    process_env.prepare(process_env.environment())
    if not own:
        _load_own(file, case.get("subjects", []))
    from conformance.events.records import Result
    from conformance.reporting import failure
    from conformance.reporting.console import console
    from conformance.violations.describe import describe
    from properties.law import minimize

    law, transform, call = _loaded(file, case)
    if not law.applies_to(transform, call.subject):
        raise click.UsageError(f"{file}: {law.id} is not about {transform.name} of such a subject")
    reason = law.skip_reason(transform, call.subject)
    if reason is not None:
        raise click.ClickException(f"{law.id} is not applicable to {transform.name} here: {reason}")
    found = minimize(law, transform, call)
    if found is None:
        click.echo(f"{law.id} holds for {transform.name} on this call.")
        return 0
    result = Result(
        cell="replay",
        law=law.id,
        transform=transform.name,
        subject=call.subject_name,
        outcome="violated",
        examples=1,
        seconds=0.0,
        compilations=0,
        detail=describe(law, transform, found),
    )
    terminal = console()
    title = f"violated: {law.id}, {transform.name} of {call.subject_name}"
    terminal.print(title, style="bold red", markup=False, highlight=False, soft_wrap=True)
    for line in failure.lines(result, terminal.width):
        terminal.print(line, soft_wrap=True)
    return 1


def _read(file: Path) -> dict[str, Any]:
    """The file's JSON object. Raises click's usage error where it is not a stored case."""
    try:
        case = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise click.UsageError(f"{file} is not a stored case: {error}") from None
    if not isinstance(case, dict):
        raise click.UsageError(f"{file} is not a stored case: it is not a JSON object")
    lacking = {"law", "transform", "call"} - set(case)
    if lacking:
        raise click.UsageError(
            f"{file} is not a stored case: it lacks {', '.join(sorted(lacking))}"
        )
    return case


def _load_own(file: Path, modules: Any) -> None:
    """Load the user's subjects as the run did. Raises click's usage error where they cannot be."""
    if not isinstance(modules, list) or not all(isinstance(name, str) for name in modules):
        raise click.UsageError(f"{file}: subjects is {modules!r}, and must be a list of modules")
    if not modules:
        return
    from conformance.user_subjects import loading
    from conformance.user_subjects.subjects import SubjectsError

    try:
        for module in modules:
            loading.load(module)
    except SubjectsError as error:
        raise click.UsageError(f"{file}: {error}") from None


def _loaded(file: Path, case: dict[str, Any]) -> tuple[Any, Any, Any]:
    """The law, transform and call. Raises click's usage error where one is malformed or unknown."""
    from conformance.transforms import TRANSFORMS
    from properties import law_ids
    from properties.call_json import MalformedCall, check_options
    from properties.law import load
    from properties.laws import LAWS

    for kind, known in (("law", {*LAWS, *law_ids.RENAMED}), ("transform", set(TRANSFORMS))):
        if not isinstance(case[kind], str) or case[kind] not in known:
            raise click.UsageError(f"{file} names an unknown {kind}: {case[kind]!r}")
    try:
        law_id, transform_name, call = load(case)
        check_options(call, TRANSFORMS[transform_name])
    except MalformedCall as error:
        raise click.UsageError(f"{file} has a malformed call: {error}") from None
    return LAWS[law_id], TRANSFORMS[transform_name], call
