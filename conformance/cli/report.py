"""`vmap-conformance report`: show event logs that runs wrote."""

from pathlib import Path

import click

from conformance.cli import options


@click.command("report")
@click.argument("logs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="LOG...")
@options.views
@options.everything
def report(
    logs: tuple[Path, ...],
    html: Path | None,
    junit: Path | None,
    markdown: Path | None,
    everything: bool,
) -> int:
    """Show event logs; several are read as one, and environments compared with the first."""
    from conformance.cli.views import Files, show
    from conformance.events.reader import LogError, read_all
    from conformance.reporting.console import console

    try:
        records = read_all(logs)
    except LogError as error:
        raise click.ClickException(str(error)) from None
    files = Files(html=html, junit=junit, markdown=markdown)
    return show(console(), records, files, everything=everything)
