"""`vmap-conformance run`: check the installed JAX and Flax."""

import random
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from conformance.cli import cluster, options
from conformance.cli.output_files import OutputFile

if TYPE_CHECKING:
    from conformance.events.records import Record
    from conformance.runner.run_options import RunOptions


@click.command("run")
@options.selection
@options.run_views
@click.option("-x", "exit_first", is_flag=True, help="Stop after the first failure.")
@click.option(
    "--max-failures",
    type=click.IntRange(1),
    metavar="N",
    help="Stop after so many failures.",
)
@click.option(
    "-n",
    "--workers",
    type=click.IntRange(0, 256),
    metavar="N",
    help="Processes; one per core by default. 0 runs in this one: a law that kills it ends the run.",
)
@click.option("--log", "log_path", type=OutputFile(is_log=True), help="Write the event log here.")
@click.option("--no-cache", is_flag=True, help="Do not use the persistent compilation cache.")
@click.option(
    "--shard",
    type=options.Shard(),
    default="1/1",
    metavar="I/N",
    help="Run the I-th of N parts; `report` joins their logs.",
)
@click.option(
    "--plan", type=options.FILE, help="Replay the calls of this plan instead of drawing any."
)
@click.option(
    "--observe",
    multiple=True,
    metavar="GROUP",
    callback=options.groups,
    help="Record these observations, too, which no law fixes; repeatable, globs: prng, errors, '*'.",
)
@cluster.option("Run in parts")
def run(
    own: tuple[str, ...],
    profile: str,
    laws: tuple[str, ...],
    transforms: tuple[str, ...],
    subjects: tuple[str, ...],
    workers: int | None,
    seed: int | None,
    log_path: Path | None,
    views: options.Views,
    exit_first: bool,
    max_failures: int | None,
    no_cache: bool,
    shard: tuple[int, int],
    plan: Path | None,
    observe: tuple[str, ...],
    dask: str | None,
) -> int:
    """Check the installed JAX and Flax against the laws.

    \b
    Examples:
      vmap-conformance run
      vmap-conformance run --law 'mapping.*' --transform jax.vmap -v
      vmap-conformance run --subjects my_project.subjects --subject my-model
      vmap-conformance run --profile ci --shard 1/4 --log shard-1.jsonl
      vmap-conformance run --profile thorough --dask scheduler.example.org:8786
    """
    from conformance.cli.views import show
    from conformance.reporting.artifacts import save_violations
    from conformance.reporting.console import console
    from conformance.reporting.summary import summarise
    from conformance.runner import process_env
    from conformance.runner.run_options import RunOptions
    from properties.profile import PROFILES

    drawn_anew = PROFILES[profile].random
    if seed is None:
        seed = random.SystemRandom().randrange(2**32) if drawn_anew else 0
    if plan is not None:
        _check_plan(plan, cache=not no_cache)
    caches = process_env.cache_directory()
    asked = RunOptions(
        profile_name=profile,
        seed=seed,
        laws=laws,
        transforms=transforms,
        subjects=subjects,
        database_directory=str(caches / "examples") if drawn_anew else None,
        plan=None if plan is None else str(plan),
        shard=shard,
        observe=observe,
        own=own,
        max_failures=1 if exit_first else max_failures or 0,
    )
    log = log_path or caches / "runs" / f"{time.strftime('%Y%m%d-%H%M%S')}.jsonl"
    if dask is None:
        records = _run(asked, workers=workers, log=log, cache=not no_cache)
    else:
        _check_cluster(asked)
        records = cluster.run(dask, asked, workers=workers or 1, cache=not no_cache, log=log)
    scripts = save_violations(summarise(records).failures, log, own)
    return show(console(), records, views, log=log, scripts=scripts, whole=False)


def _run(asked: "RunOptions", *, workers: int | None, log: Path, cache: bool) -> "list[Record]":
    """Run the suite with live progress. Raises click's exception, for status 3, where it cannot."""
    from conformance.reporting import progress
    from conformance.reporting.console import console
    from conformance.runner import process_env, session

    with progress.live(console(stderr=True)) as live:
        try:
            return session.run(
                asked,
                workers=process_env.cores() if workers is None else workers,
                log_path=log,
                command=sys.argv[1:],
                cache=cache,
                listeners=[live],
                watch=lambda controller: live.watch(lambda: controller.total),
            )
        except session.LostWorkersError as error:
            raise click.ClickException(
                f"a worker process ended before its work did ({error}); run again, with `-n 1` if "
                f"memory is short; the log so far is {log}"
            ) from None
        except OSError as error:
            raise click.ClickException(
                f"the log {log} cannot be written: {error.strerror}. --log FILE writes another"
            ) from None


def _check_cluster(asked: "RunOptions") -> None:
    """Refuse what parts on other machines cannot do together."""
    if asked.shard != (1, 1):
        raise click.UsageError("--dask runs all parts: leave --shard out")
    if asked.max_failures:
        raise click.UsageError("-x and --max-failures end one process: leave them out with --dask")


def _check_plan(plan: Path, *, cache: bool) -> None:
    """Refuse a plan that cannot be followed before anything starts."""
    from conformance.runner import process_env

    process_env.prepare(process_env.worker_environment(cache=cache))
    from conformance.runner.plan import PlanError, load

    try:
        load(plan)
    except PlanError as error:
        raise click.UsageError(str(error)) from None
