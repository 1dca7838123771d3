"""The group of commands. A command's module is imported when the command runs, JAX by its work only."""

import importlib
import importlib.util
import os
import sys
from pathlib import Path
from typing import NoReturn

import click

from conformance import __version__
from conformance.cli import errors

NAME = "vmap-conformance"
COMMANDS = {
    "bisect": "Find the release that broke a law, or changed an observation.",
    "check": "Check candidate solutions against their exercises.",
    "list": "List laws, transforms, subjects, exercises, known defects, batching rules or their parameters.",
    "mutants": "Check broken transforms, or broken batching rules: which law notices?",
    "releases": "Check every release of JAX or Flax that a requirement allows.",
    "replay": "Run one stored counterexample again.",
    "report": "Show event logs; compare those of several environments.",
    "run": "Check the installed JAX and Flax against the laws.",
    "upgrade": "Run two environments, and report what regressed, was fixed, or changed.",
}
"""Every command and its summary, which is here so that `--help` imports none of them."""

_COMPLETION = "_VMAP_CONFORMANCE_COMPLETE"
_GENERIC = ("reference", "properties")
"""Our import names that another distribution may have, too."""


class Commands(click.Group):
    """Loads a command's module when the command runs, and suggests the nearest names."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Import `conformance.cli.NAME` and take its command of that name."""
        if name not in COMMANDS:
            return None
        module = importlib.import_module(f"conformance.cli.{name}")
        commands = (each for each in vars(module).values() if isinstance(each, click.Command))
        return next(command for command in commands if command.name == name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Refuse an unknown name with the nearest ones, and a foreign package in place of ours."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from conformance.reporting.suggestions import unknown

            raise click.UsageError(unknown("command", args[0], COMMANDS))
        _refuse_foreign_packages()
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the summaries without importing a command."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=False,
    invoke_without_command=True,
)
@click.version_option(__version__, message="%(version)s")
@click.pass_context
def cli(context: click.Context) -> int:
    """Check JAX's mapping transforms and Flax's lifted ones against the laws of mapping."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())
        return errors.USAGE
    return 0


def main() -> NoReturn:
    """The console script. Ends the process with the exit status of the command."""
    sys.exit(errors.exit_status(lambda: _run(sys.argv[1:])))


def _run(arguments: list[str]) -> int:
    instruction = os.environ.get(_COMPLETION)
    if instruction:
        from click.shell_completion import shell_complete

        return shell_complete(cli, {}, NAME, _COMPLETION, instruction)
    # Not `cli.main`: it ends with status 1 where the output is closed.
    with cli.make_context(NAME, arguments) as context:
        return cli.invoke(context) or 0


def _refuse_foreign_packages() -> None:
    """Stop where another distribution's package of the same generic name would be imported."""
    here = Path(__file__).resolve().parents[2]
    for name in _GENERIC:
        spec = importlib.util.find_spec(name)
        origin = spec.origin if spec is not None else None
        found = here if origin is None else Path(origin).resolve().parent
        if not (found / "py.typed").exists() or found.parent != here:
            raise click.ClickException(
                f"the package {name!r} comes from {found}, not from {NAME}: another "
                "distribution has the same import name; use an environment without it"
            )
