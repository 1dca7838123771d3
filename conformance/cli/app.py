"""The command line. Commands that need JAX import it when they run, not before."""

import importlib
import json
import random
import sys
import time
from pathlib import Path
from typing import Any, ClassVar

import click

from conformance.cli import catalogue, options
from properties.profile import PROFILES

USAGE, NOT_RUN = 2, 3
_ROOMS = ("reference", "properties")


def _rooms_are_ours() -> None:
    """Stop where another distribution's package of the same generic name would be imported."""
    here = Path(__file__).resolve().parents[2]
    for name in _ROOMS:
        found = Path(str(importlib.import_module(name).__file__)).resolve().parent
        if not (found / "py.typed").exists() or found.parent != here:
            raise click.ClickException(
                f"the package {name!r} comes from {found}, not from vmap-conformance: another "
                "distribution has the same import name; use an environment without it"
            )


class _Commands(click.Group):
    """Loads a command's module when it is asked for, and suggests the nearest name."""

    lazy: ClassVar[dict[str, str]] = {
        "bisect": "conformance.upgrade.bisect:bisect",
        "check": "conformance.cli.check:check",
        "mutants": "conformance.cli.mutants:mutants",
        "upgrade": "conformance.cli.upgrade:upgrade",
    }

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *self.lazy])

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name in self.lazy:
            module, attribute = self.lazy[name].split(":")
            return getattr(importlib.import_module(module), attribute)
        return super().get_command(ctx, name)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args and self.get_command(ctx, args[0]) is None:
            raise click.UsageError(options.unknown("command", args[0], self.list_commands(ctx)))
        return super().resolve_command(ctx, args)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="vmap-conformance", message="%(version)s")
def cli() -> None:
    """Hold JAX's mapping transforms and Flax's lifted ones to the laws of mapping."""
    _rooms_are_ours()


def main() -> None:
    """The console script: click's own usage errors, in one line, with exit status 2."""
    try:
        status = cli.main(standalone_mode=False)
    except click.UsageError as error:
        click.echo(f"Error: {' '.join(error.format_message().split())}", err=True)
        status = USAGE
    except click.ClickException as error:
        click.echo(f"Error: {error.format_message()}", err=True)
        status = NOT_RUN
    except click.exceptions.Abort:
        click.echo("Stopped.", err=True)
        status = NOT_RUN
    sys.exit(status)


@cli.command()
@options.selection
@options.views
@click.option(
    "-n",
    "--workers",
    type=click.IntRange(0, 256),
    metavar="N",
    help="Processes; one per core by default. 0 runs in this one: a law that kills it ends the run.",
)
@click.option("--log", "log_path", type=options.FILE, help="Write the event log here.")
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
def run(
    own: tuple[str, ...],
    profile: str,
    laws: tuple[str, ...],
    transforms: tuple[str, ...],
    subjects: tuple[str, ...],
    workers: int | None,
    seed: int | None,
    log_path: Path | None,
    html: Path | None,
    junit: Path | None,
    markdown: Path | None,
    no_cache: bool,
    shard: tuple[int, int],
    plan: Path | None,
    observe: tuple[str, ...],
) -> int:
    """Hold the installed JAX and Flax to the laws."""
    from conformance.cli.views import tell
    from conformance.reporting import artifacts, progress, terminal
    from conformance.reporting.summary import summarise
    from conformance.runner import process_env
    from conformance.runner.plugin import RunOptions
    from conformance.runner.session import RunError
    from conformance.runner.session import run as run_suite

    console = terminal.console()
    chosen = PROFILES[profile]
    if seed is None:
        seed = random.SystemRandom().randrange(2**32) if chosen.random else 0
    database = str(process_env.cache_directory() / "examples") if chosen.random else None
    if plan is not None:
        process_env.prepare(process_env.environment(cache=not no_cache))
        from conformance.runner.plan import PlanError, load

        try:
            load(plan)
        except PlanError as error:
            raise click.UsageError(str(error)) from None
    asked = RunOptions(
        profile,
        seed,
        laws,
        transforms,
        subjects,
        database,
        None if plan is None else str(plan),
        shard,
        observe,
        own,
    )
    kept = (
        log_path
        or process_env.cache_directory() / "runs" / f"{time.strftime('%Y%m%d-%H%M%S')}.jsonl"
    )
    with progress.live(console) as live:
        try:
            events = run_suite(
                asked,
                workers=process_env.cores() if workers is None else workers,
                log_path=kept,
                command=sys.argv[1:],
                cache=not no_cache,
                listeners=[live],
                watch=live.watch,
            )
        except RunError as error:
            raise click.ClickException(str(error)) from None
        except OSError as error:
            raise click.ClickException(
                f"the log {kept} cannot be written: {error.strerror}"
            ) from None
    files = artifacts.violations(summarise(events).failures, kept)
    result = tell(
        console, events, files=files, html_path=html, junit_path=junit, markdown_path=markdown
    )
    console.print(f"log: {kept}", highlight=False, soft_wrap=True)
    return result


@cli.command()
@click.argument("logs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="LOG...")
@options.views
def report(
    logs: tuple[Path, ...], html: Path | None, junit: Path | None, markdown: Path | None
) -> int:
    """Render event logs; several are read as one, and environments compared with the first."""
    from conformance.cli.views import tell
    from conformance.events.log import LogError, read
    from conformance.reporting import terminal

    try:
        events = [event for path in logs for event in read(path)]
    except LogError as error:
        raise click.ClickException(str(error)) from None
    return tell(
        terminal.console(), events, html_path=html, junit_path=junit, markdown_path=markdown
    )


@cli.command()
@click.argument("file", type=click.Path(path_type=Path))
def replay(file: Path) -> int:
    """Run one stored counterexample again: FILE is the .json that a run saved."""
    from conformance.reporting import terminal
    from conformance.runner import process_env

    try:
        case = json.loads(file.read_text(encoding="utf-8"))
        wanted = {"law", "transform", "call"} - set(case)
    except (OSError, ValueError, TypeError) as error:
        raise click.UsageError(f"{file} is not a stored case: {error}") from None
    if wanted:
        raise click.UsageError(f"{file} is not a stored case: it lacks {', '.join(sorted(wanted))}")
    process_env.prepare(process_env.environment())
    from conformance.runner import items
    from conformance.transforms import TRANSFORMS
    from properties.law import load, minimize
    from properties.laws import LAWS

    try:
        law_id, transform_name, call = load(case)
        law, transform = LAWS[law_id], TRANSFORMS[transform_name]
    except (KeyError, TypeError) as error:
        raise click.UsageError(f"{file} speaks of something unknown here: {error}") from None
    except ValueError as error:
        raise click.UsageError(f"{file} holds no call: {error}") from None
    if not law.applies_to(transform, call.subject):
        raise click.UsageError(f"{file}: {law_id} is not about {transform_name} of such a subject")
    reason = law.skip_reason(transform, call.subject)
    if reason is not None:
        raise click.ClickException(f"{law_id} is not applicable to {transform_name} here: {reason}")
    found = minimize(law, transform, call)
    if found is None:
        click.echo(f"{law_id} holds for {transform_name} on this call.")
        return 0
    names = {"law": law_id, "transform": transform_name, "subject": call.subject_name}
    from conformance.events.log import encode

    detail = encode(items.describe(law, transform, found))
    terminal.console().print(terminal.explained({**names, "outcome": "violated", "detail": detail}))
    return 1


@cli.command("list")
@click.argument("kind", type=click.Choice(catalogue.KINDS))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_command(kind: str, as_json: bool) -> int:
    """What there is: KIND is laws, transforms, subjects, exercises, defects or (batching) rules."""
    rows = catalogue.rows(kind)
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return 0
    width = max((len(row["name"]) for row in rows), default=0)
    for row in rows:
        click.echo(f"{row['name']:{width}}  {row['summary']}")
    return 0
