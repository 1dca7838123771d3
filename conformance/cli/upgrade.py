"""`vmap-conformance upgrade`: run two or more environments on the same calls, and compare them."""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import click

from conformance.cli import cluster, interrupts, options
from conformance.cli.output_files import OutputFile
from conformance.cli.views import show
from conformance.events.records import Record
from conformance.events.writer import to_line
from conformance.reporting.console import console
from conformance.runner import process_env
from conformance.upgrade.extra import missing_extra


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
@options.selection_of_cells
@options.views
@options.carried
@click.option(
    "--source",
    "sources",
    multiple=True,
    metavar="DIR",
    type=click.Path(exists=True),
    help="Look in these sources of yours, too, for names that change; repeatable. By default those of "
    "--with-editable and of the packages of --subjects.",
)
@click.option(
    "-n", "--workers", type=click.IntRange(1, 256), metavar="N", help="Processes per cell."
)
@click.option(
    "--fail-on",
    type=click.Choice(["anything", "yours"]),
    default="anything",
    show_default=True,
    help="What makes the exit status 1: anything that breaks, or what you have to do in your own code.",
)
@options.everything
@options.output_format
@click.option(
    "--log", "log_path", type=OutputFile(is_log=True), help="Write the event log of all cells here."
)
@cluster.option("Run the cells")
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
    sources: tuple[str, ...],
    workers: int | None,
    fail_on: str,
    everything: bool,
    format: str,
    log_path: Path | None,
    dask: str | None,
) -> int:
    """Run two environments, and report what regressed, was fixed, or changed: for your code first."""
    if (lacking := missing_extra()) is not None:
        raise click.ClickException(lacking)
    from conformance.upgrade import driver, progress
    from conformance.upgrade.environments import parse
    from conformance.upgrade.request import Request

    is_own = bool(own or sources or editable)
    views = _views(html, junit, markdown, everything, format, fail_on, is_own=is_own)
    specs = (before, *after)
    with _usage_errors():
        for spec in specs:
            parse(spec)
    request = Request(
        environments=specs,
        profile=profile,
        seed=seed or 0,
        laws=laws,
        transforms=transforms,
        subjects=subjects,
        own=own,
        extra=extra,
        editable=tuple(str(directory) for directory in editable),
        sources=sources,
        here=os.getcwd(),
        workers=workers or max(1, process_env.cores() // len(specs)),
    )
    with (
        _usage_errors(),
        ended_cleanly(),
        progress.following() as watcher,
        cluster.executor(dask, len(specs)) as pool,
    ):
        events: list[Record] = driver.run(request, pool, watcher, local=dask is None)
    text = "".join(to_line(event) + "\n" for event in events)
    if log_path is not None:
        _write_log(log_path, text)
    return show(console(), events, views, log=log_path or _kept(text))


def _write_log(path: Path, text: str) -> None:
    """Write the log. Where the disk does not take it, it is kept elsewhere: it took minutes."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        kept = _kept(text)
        elsewhere = f"; it is kept in {kept}" if kept else ""
        raise click.ClickException(
            f"the log {path} cannot be written: {error.strerror}{elsewhere}"
        ) from None


def _kept(text: str) -> Path | None:
    """Where the log is kept that nobody asked for: an upgrade takes minutes, `report` shows it again."""
    directory = process_env.cache_directory() / "runs"
    path = directory / f"upgrade-{time.strftime('%Y%m%d-%H%M%S')}.jsonl"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError:
        return None
    return path


def _views(
    html: Path | None,
    junit: Path | None,
    markdown: Path | None,
    everything: bool,
    format: str,
    fail_on: str,
    *,
    is_own: bool,
) -> options.Views:
    if fail_on == "yours" and not is_own:
        raise click.UsageError(
            "--fail-on yours needs code of yours: --subjects, --source or --with-editable"
        )
    is_json = format == "json"
    if everything and is_json:
        raise click.UsageError("--format json is the whole: --all does not apply to it")
    return options.Views(
        html=html,
        junit=junit,
        markdown=markdown,
        verbosity=int(everything),
        json=is_json,
        yours=fail_on == "yours",
    )


@contextlib.contextmanager
def _usage_errors() -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise click.UsageError(str(error)) from None


@contextlib.contextmanager
def ended_cleanly() -> Iterator[None]:
    """End the cells where this process is interrupted, terminated or hung up on."""
    from conformance.upgrade import lifeline

    try:
        with interrupts.from_signals(lifeline.stop_all):
            yield
    except lifeline.StoppedError:
        # What the signal raised was lost in a callback that takes no exceptions, as JAX's are.
        raise KeyboardInterrupt from None
    finally:
        # Also where it is interrupted, or another cell raised: what still runs is of no use.
        lifeline.stop_all()
        lifeline.STOPPING.clear()
