"""``vmap-conformance upgrade``: run two or more environments on the same calls, and tell them apart."""

import contextlib
import json
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path

import click

from conformance.cli import options
from conformance.cli.options import FILE
from conformance.cli.views import Files, show, write
from conformance.events.log import Event, to_records
from conformance.events.writer import to_line
from conformance.reporting.console import console
from conformance.runner import process_env
from conformance.upgrade.extra import missing_extra
from properties.profile import PROFILES


@click.command()
@click.option("--from", "before", required=True, metavar="ENV", help="The environment you have.")
@click.option(
    "--to",
    "after",
    required=True,
    multiple=True,
    metavar="ENV",
    help="One you may move to; repeatable. ENV is `installed`, a date (2025-02-01), or requirements "
    "(jax==0.9.0,flax); @3.13 at its end picks the Python.",
)
@options.selection
@options.views
@options.carried
@click.option(
    "-n", "--workers", type=click.IntRange(1, 256), metavar="N", help="Processes per cell."
)
@click.option("--log", "log_path", type=FILE, help="Write the event log of all cells here.")
@click.option("--dask", metavar="HOST:PORT", help="Run the cells on this Dask scheduler's workers.")
def upgrade(
    before: str,
    after: tuple[str, ...],
    own: tuple[str, ...],
    profile: str,
    laws: tuple[str, ...],
    transforms: tuple[str, ...],
    subjects: tuple[str, ...],
    seed: int | None,
    junit: Path | None,
    markdown: Path | None,
    html: Path | None,
    extra: tuple[str, ...],
    editable: tuple[Path, ...],
    workers: int | None,
    log_path: Path | None,
    dask: str | None,
) -> int:
    """Run two environments, and report what regressed, was fixed, or changed."""
    terminal = console()
    specs = (before, *after)
    if (lacking := missing_extra()) is not None:
        raise click.ClickException(lacking)
    from conformance.upgrade import cells
    from conformance.upgrade.cells import Cell
    from conformance.upgrade.environments import parse

    for spec in specs:
        try:
            parse(spec)
        except ValueError as error:
            raise click.UsageError(str(error)) from None
    process_env.prepare()
    from conformance.runner import items, plan

    how = PROFILES[profile].asked(seed or 0, laws, subjects)
    drawn = json.dumps(plan.draw(items.select(laws, transforms, subjects), how))
    each = workers or max(1, process_env.cores() // len(specs))
    given = [("--profile", profile), ("--seed", str(how.seed)), ("-n", str(each))]
    given += [("--subjects", module) for module in own]
    asked = [
        Cell(
            spec,
            drawn,
            ("--observe", "*", *(word for pair in given for word in pair)),
            extra,
            tuple(str(directory) for directory in editable),
        )
        for spec in specs
    ]
    events: list[Event] = []
    with executor(dask, len(specs)) as pool, terminal.status(f"running {', '.join(specs)}"):
        try:
            for cell in cells.run_all(asked, pool):
                events += cell
        except ValueError as error:
            raise click.UsageError(str(error)) from None
    if log_path is not None:
        write(log_path, "".join(to_line(event) + "\n" for event in events))
    return show(terminal, to_records(events), Files(html=html, junit=junit, markdown=markdown))


@contextlib.contextmanager
def executor(dask: str | None, cells: int) -> Iterator[Executor]:
    """Where cells run: in threads here, each of which waits for a process, or on a Dask cluster."""
    if dask is None:
        with ThreadPoolExecutor(min(cells, process_env.cores())) as pool:
            yield pool
        return
    try:
        from distributed import Client
    except ImportError:
        raise click.ClickException(
            "--dask needs the package distributed: pip install 'vmap-conformance[dask]'"
        ) from None
    try:
        client = Client(dask, timeout="10s")
    except OSError as error:
        raise click.ClickException(f"no Dask scheduler answers at {dask}: {error}") from None
    with client:
        # Two cells of one environment are two runs, whatever Dask thinks of equal arguments.
        yield client.get_executor(pure=False)
