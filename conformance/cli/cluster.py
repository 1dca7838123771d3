"""The option `--dask`: cells run on the workers of a Dask scheduler, each of which is a machine's."""

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from conformance.cli.output_files import writing

if TYPE_CHECKING:
    from conformance.events.records import Record
    from conformance.runner.run_options import RunOptions


def option(does: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The option, for a command that does this there."""
    return click.option(
        "--dask", metavar="HOST:PORT", help=f"{does} on this Dask scheduler's workers."
    )


@contextlib.contextmanager
def executor(dask: str | None, cells: int, workers: int = 1) -> Iterator[Executor]:
    """Where cells run: in threads here, each of which waits for a process, or on a Dask cluster.

    Args:
        dask: The scheduler's address; None for threads.
        cells: How many cells there are.
        workers: Processes in each: as many cells run at once here as there are cores for them.

    """
    if dask is None:
        from conformance.runner import process_env
        from conformance.upgrade import lifeline

        with ThreadPoolExecutor(min(cells, max(1, process_env.cores() // max(1, workers)))) as pool:
            try:
                yield pool
            except BaseException:
                lifeline.stop_all()  # the pool's end waits for its threads
                raise
        return
    with connected(dask) as client:
        # Two cells of one environment are two runs, whatever Dask thinks of equal arguments.
        yield client.get_executor(pure=False)


@contextlib.contextmanager
def connected(dask: str) -> Iterator[Any]:
    """A client of the scheduler at the address.

    Raises:
        click.UsageError: The address is none.
        click.ClickException: Dask is not installed, or no scheduler answers.

    """
    try:
        from distributed import Client
    except ImportError:
        raise click.ClickException(
            "--dask needs the package distributed: pip install 'vmap-conformance[dask]'"
        ) from None
    try:
        client = Client(dask, timeout="10s")
    except ValueError as error:
        raise click.UsageError(f"--dask {dask!r} is not HOST:PORT: {error}") from None
    except OSError as error:
        raise click.ClickException(f"no Dask scheduler answers at {dask}: {error}") from None
    with client:
        yield client


def run(dask: str, asked: "RunOptions", *, workers: int, cache: bool, log: Path) -> "list[Record]":
    """Run the suite in parts on the cluster, and write the log when all have ended.

    Args:
        dask: The scheduler's address.
        asked: What to run.
        workers: Processes in each part.
        cache: Whether to use the persistent compilation cache.
        log: Where to write the log.

    Raises:
        click.ClickException: There is no cluster, or the log cannot be written.

    """
    from conformance.events.writer import to_line
    from conformance.upgrade import parts, progress

    with connected(dask) as client, progress.following() as watcher:
        threads = sum(client.nthreads().values())
        if not threads:
            raise click.ClickException(f"the Dask scheduler at {dask} has no workers: start some")
        cell = parts.cell(asked, workers=workers, cache=cache)
        executor = client.get_executor(pure=False)
        records = parts.run(cell, parts.PARTS_PER_THREAD * threads, executor, watcher)
    with writing(log, "log"):
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text("".join(to_line(each) + "\n" for each in records), encoding="utf-8")
    return records
