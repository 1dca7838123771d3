"""`vmap-conformance bisect`: find the release that broke a law, or changed an observation."""

import os
from functools import partial
from pathlib import Path

import click

from conformance.cli import options


@click.command("bisect")
@click.argument(
    "what", metavar="LAW|NAME", required=False, shell_complete=options.completion("law")
)
@click.option("--good", required=True, metavar="ENV", help="Where it was as it should be.")
@click.option("--bad", required=True, metavar="ENV", help="Where it is not.")
@click.option("--observation", metavar="KEY", help="Find what changed this observation, not a law.")
@options.selection_of_cells
@options.carried
def bisect(
    what: str | None,
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
    """Find the release that broke LAW, or changed an observation.

    An observation is a name such as jax.numpy.fix, or a key that `upgrade` prints.
    """
    if (what is None) == (observation is None):
        raise click.UsageError("give either a LAW, a NAME or --observation KEY")
    from conformance.cli.upgrade import ended_cleanly
    from conformance.runner import process_env
    from conformance.upgrade.extra import missing_extra

    if (lacking := missing_extra()) is not None:
        raise click.ClickException(lacking)
    process_env.prepare()
    from conformance.observations import GROUPS
    from conformance.reporting.console import console
    from conformance.upgrade import bisect as search
    from conformance.upgrade.bisect_target import target
    from conformance.upgrade.request import Request
    from properties.laws import LAWS

    report = partial(console().print, highlight=False, markup=False, soft_wrap=True)
    try:
        found = target(what or str(observation), LAWS, GROUPS)
        request = Request(
            environments=(good, bad),
            profile=profile,
            seed=seed or 0,
            laws=(*laws, found.law) if found.law else laws,
            transforms=(found.transform,) if found.transform else transforms,
            subjects=(found.subject,) if found.subject else subjects,
            own=own,
            extra=extra,
            editable=tuple(map(str, editable)),
            here=os.getcwd(),
        )
        with ended_cleanly():
            result = search.find_release(search.question(request, found), report)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    except search.BisectError as error:
        raise click.ClickException(str(error)) from None
    report(search.in_words(result, what or str(observation)))
    return 0
