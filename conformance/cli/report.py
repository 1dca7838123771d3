"""`vmap-conformance report`: show event logs that runs wrote."""

from pathlib import Path

import click

from conformance.cli import options


@click.command("report")
@click.argument("logs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="LOG...")
@options.log_views
def report(logs: tuple[Path, ...], views: options.Views) -> int:
    """Show event logs; several are read as one, and environments compared with the first.

    \b
    Examples:
      vmap-conformance report run.jsonl -v
      vmap-conformance report shard-*.jsonl --junit results.xml --html page.html
      vmap-conformance report before.jsonl after.jsonl --format json
      vmap-conformance report verdicts.jsonl --marks exercises.toml --html feedback/
    """
    from conformance.cli.views import show
    from conformance.events.reader import LogError, read_all
    from conformance.reporting.console import console

    try:
        records = read_all(logs)
    except LogError as error:
        raise click.ClickException(str(error)) from None
    return show(console(), records, views)
