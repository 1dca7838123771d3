"""`vmap-conformance bisect`: find the release that broke a law, or changed an observation."""

import json
from pathlib import Path

import click

from conformance.cli import options


@click.command("bisect")
@click.argument("law", required=False)
@click.option("--good", required=True, metavar="ENV", help="Where it was as it should be.")
@click.option("--bad", required=True, metavar="ENV", help="Where it is not.")
@click.option("--observation", metavar="KEY", help="Find what changed this observation, not a law.")
@options.selection
@options.carried
def bisect(
    law: str | None,
    good: str,
    bad: str,
    observation: str | None,
    own: tuple[str, ...],
    profile: str,
    laws: tuple[str, ...],
    transforms: tuple[str, ...],
    subjects: tuple[str, ...],
    seed: int | None,
    extra: tuple[str, ...],
    editable: tuple[Path, ...],
) -> int:
    """Find the release that broke LAW, or changed an observation."""
    if (law is None) == (observation is None):
        raise click.UsageError("give either a LAW or --observation KEY")
    chosen = (*laws, law) if law else laws
    chosen = options.known_laws(chosen)
    from conformance.runner import process_env
    from conformance.upgrade.extra import missing_extra

    if (lacking := missing_extra()) is not None:
        raise click.ClickException(lacking)
    process_env.prepare()
    from conformance.reporting.console import console
    from conformance.runner import items, plan
    from conformance.upgrade.bisect import (
        BisectError,
        Question,
        find_release,
        group_of,
        in_words,
    )
    from properties.profile import PROFILES

    how = PROFILES[profile].asked(seed or 0, chosen, subjects)
    selected = items.select(chosen, transforms, subjects) if law else []
    given = ["--profile", profile, "--seed", str(how.seed)]
    given += [word for module in own for word in ("--subjects", module)]
    if observation:
        given += ["--observe", group_of(observation)]
    asked = Question(
        good=good,
        bad=bad,
        plan=json.dumps(plan.draw(selected, how)),
        options=tuple(given),
        observation=observation,
        extra=extra,
        editable=tuple(str(directory) for directory in editable),
    )
    terminal = console()

    def report(line: str) -> None:
        terminal.print(line, highlight=False, markup=False, soft_wrap=True)

    try:
        found = find_release(asked, report)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    except BisectError as error:
        raise click.ClickException(str(error)) from None
    report(in_words(found, law or str(observation)))
    return 0
