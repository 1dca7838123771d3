"""`vmap-conformance report`: show event logs that runs wrote."""

from pathlib import Path

import click

from conformance.cli import options


@click.command("report")
@click.argument("logs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="LOG...")
@options.views
def report(
    logs: tuple[Path, ...], html: Path | None, junit: Path | None, markdown: Path | None
) -> int:
    """Show event logs; several are read as one, and environments compared with the first."""
    from conformance.cli.views import show
    from conformance.events.log import LogError, read
    from conformance.reporting.console import console

    try:
        events = [event for path in logs for event in read(path)]
    except LogError as error:
        raise click.ClickException(str(error)) from None
    return show(console(), events, html_path=html, junit_path=junit, markdown_path=markdown)
