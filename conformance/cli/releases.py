"""`vmap-conformance releases`: the suite on many releases of JAX or Flax."""

from pathlib import Path

import click

from conformance.cli import cluster, options
from conformance.cli.output_files import OutputFile, write
from conformance.reporting.console import console
from conformance.upgrade.extra import missing_extra


@click.command("releases")
@click.argument("requirement")
@click.option(
    "--logs",
    "directory",
    required=True,
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep each cell's event log here. A cell whose log is whole is not run again.",
)
@options.selection_of_suite
@click.option(
    "--shards",
    type=click.IntRange(1, 1000),
    default=1,
    show_default=True,
    metavar="N",
    help="Run each release in so many cells.",
)
@click.option(
    "-n",
    "--workers",
    type=click.IntRange(0, 256),
    default=1,
    show_default=True,
    metavar="N",
    help="Processes per cell.",
)
@click.option("--markdown", type=OutputFile(), help="Write the table as Markdown here.")
@cluster.option("Run the cells")
def releases(
    requirement: str,
    directory: Path,
    profile: str,
    laws: tuple[str, ...],
    transforms: tuple[str, ...],
    subjects: tuple[str, ...],
    seed: int | None,
    shards: int,
    workers: int,
    markdown: Path | None,
    dask: str | None,
) -> int:
    """Check every release of JAX or Flax that REQUIREMENT allows, each with what its day had.

    A cell is a shard of a release. After a stop, the same command runs what is missing.

    \b
    Examples:
      vmap-conformance releases 'jax>=0.4.30' --logs logs
      vmap-conformance releases 'flax==0.12.*' --logs logs --shards 4 --dask localhost:8786
    """
    if (lacking := missing_extra()) is not None:
        raise click.ClickException(lacking)
    from conformance.cli.upgrade import ended_cleanly
    from conformance.upgrade import progress, release_matrix
    from conformance.upgrade.environments import NotBuilt
    from conformance.upgrade.environments.release_days import releases as known_releases
    from conformance.upgrade.render import releases as render

    chosen = [("--profile", profile), ("--seed", str(seed or 0)), ("-n", str(workers))]
    chosen += [("--law", name) for name in laws]
    chosen += [("--transform", name) for name in transforms]
    chosen += [("--subject", name) for name in subjects]
    try:
        found = tuple(known_releases(requirement))
        matrix = release_matrix.Matrix(
            releases=found,
            shards=shards,
            directory=directory,
            options=tuple(word for pair in chosen for word in pair),
        )
        with (
            ended_cleanly(),
            progress.following() as watcher,
            cluster.executor(dask, len(found) * shards, workers) as pool,
        ):
            rows = release_matrix.run(matrix, pool, watcher, local=dask is None)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    except NotBuilt as error:
        raise click.ClickException(f"newer releases cannot be looked up: {error}") from None
    except OSError as error:
        raise click.ClickException(f"{directory} cannot be written: {error.strerror}") from None
    render.show(console(), rows)
    if markdown is not None:
        made = f"Made by `vmap-conformance releases '{requirement}' {' '.join(matrix.options)}`."
        write(markdown, render.markdown(rows, "Releases", made))
    return release_matrix.status(rows)
