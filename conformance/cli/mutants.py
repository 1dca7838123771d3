"""`vmap-conformance mutants`: which law notices which broken transform or batching rule."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from conformance.cli import errors, options
from conformance.cli.output_files import OutputFile, write
from conformance.runner import process_env

if TYPE_CHECKING:
    from conformance.mutation.results import SlipResult


@click.command()
@click.option("--markdown", type=OutputFile(), help="Write the table here.")
@click.option("--rules", multiple=True, metavar="GLOB", help="Break these batching rules instead.")
@click.option("--subtle", is_flag=True, help="Break transforms only where a call triggers it.")
@click.option(
    "--source",
    multiple=True,
    metavar="GLOB",
    help="Change these functions of JAX and Flax in their source instead, MODULE:FUNCTION.",
)
@click.option(
    "--log",
    type=options.FILE,
    metavar="FILE",
    help="Of --source: add each result to this file, and do not try what it has.",
)
@click.option(
    "--sample",
    type=click.IntRange(1),
    metavar="N",
    help="Of --source: try at most N slips, drawn at random.",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    metavar="N",
    help="Of --sample: another seed draws other slips.",
)
@click.option(
    "-n",
    "--workers",
    type=click.IntRange(1, 256),
    metavar="N",
    help="Processes; one per core by default.",
)
@click.option(
    "--shard",
    type=options.Shard(),
    default="1/1",
    metavar="I/N",
    help="Run the I-th of N parts. Only the whole says whether every mutant is killed.",
)
def mutants(
    markdown: Path | None,
    rules: tuple[str, ...],
    subtle: bool,
    source: tuple[str, ...],
    log: Path | None,
    sample: int | None,
    seed: int,
    workers: int | None,
    shard: tuple[int, int],
) -> int:
    """Check the laws on what is broken on purpose: what notices which?

    Transforms are broken, or batching rules, or JAX's and Flax's source. The control is checked, too: the
    same, not broken. Exits with 1 where a control
    fails, a law kills no mutant, or a mutant is killed by no law.
    """
    if bool(rules) + subtle + bool(source) > 1:
        raise click.UsageError(
            "--rules, --subtle and --source exclude each other: give one of them"
        )
    if seed and sample is None:
        raise click.UsageError(
            "--seed is of the slips that are drawn: give --sample with their number"
        )
    if (log or sample) and not source:
        raise click.UsageError("--log and --sample are about slips: give --source with functions")
    process_env.prepare()
    from conformance.mutation.processes import WorkerDiedError

    processes = workers or process_env.cores()
    try:
        if rules:
            return _batching_rules(rules, processes, shard, markdown)
        if subtle:
            return _subtle(processes, shard, markdown)
        if source:
            return _source(source, (sample, seed), processes, shard, (log, markdown))
        return _transforms(processes, shard, markdown)
    except WorkerDiedError as error:
        raise click.ClickException(str(error)) from None


def _transforms(workers: int, shard: tuple[int, int], markdown: Path | None) -> int:
    from conformance.mutation import failures, kill_matrix, tables
    from conformance.mutation.processes import run_in_processes

    tasks = {f"{law} of {host}": (law, host) for law, host in kill_matrix.pairs(shard)}
    results = run_in_processes(kill_matrix.mutate_transform, tasks, workers)
    _show(
        tables.MATRIX_HEAD, tables.matrix_totals(results), tables.matrix_tables(results), markdown
    )
    return _fail(failures.matrix_failures(results, whole=shard == (1, 1)))


def _batching_rules(
    globs: tuple[str, ...], workers: int, shard: tuple[int, int], markdown: Path | None
) -> int:
    from conformance.mutation import failures, rule_mutants, tables
    from conformance.mutation.processes import run_in_processes
    from conformance.mutation.reached_rules import subjects_by_rule
    from conformance.runner.items import chosen, in_shard

    reached = {rule: names for rule, names in subjects_by_rule().items() if chosen(rule, globs)}
    if not reached:
        raise click.UsageError(f"no batching rule that is reached matches {' or '.join(globs)}")
    tasks = {rule: (rule, names) for rule, names in reached.items() if in_shard(rule, shard)}
    results = run_in_processes(rule_mutants.mutate_rule, tasks, workers)
    _show(tables.RULES_HEAD, tables.rule_totals(results), tables.rule_table(results), markdown)
    return _fail(failures.rule_failures(results))


def _subtle(workers: int, shard: tuple[int, int], markdown: Path | None) -> int:
    from conformance.mutation import failures, subtle_matrix, tables
    from conformance.mutation.processes import run_in_processes
    from conformance.runner.items import in_shard

    tasks = {name: task for name, task in subtle_matrix.tasks().items() if in_shard(name, shard)}
    results = run_in_processes(subtle_matrix.mutate_subtly, tasks, workers)
    _show(tables.SUBTLE_HEAD, tables.subtle_totals(results), tables.subtle_table(results), markdown)
    return _fail(failures.subtle_failures(results))


def _source(
    globs: tuple[str, ...],
    drawn: tuple[int | None, int],
    workers: int,
    shard: tuple[int, int],
    files: tuple[Path | None, Path | None],
) -> int:
    from conformance.mutation import failures
    from conformance.mutation.processes import run_in_processes
    from conformance.mutation.source import driver, page, reach, slip_log, targets
    from conformance.runner.items import in_shard

    (sample, seed), (log, markdown) = drawn, files
    mine = {name: each for name, each in targets.chosen(globs).items() if in_shard(name, shard)}
    if not mine:
        raise click.UsageError(f"no function that maps matches {' or '.join(globs)}")
    try:
        results = slip_log.read(log) if log is not None else []
    except slip_log.LogError as error:
        raise click.UsageError(str(error)) from None
    results = [each for each in results if each.target in mine]
    order = slip_log.tasks(mine.values(), seed)

    def found(result: "SlipResult") -> None:
        results.append(result)
        if log is not None:
            slip_log.append(log, result)

    for profile in reach.TRIED:
        tasks = slip_log.left(order, results, profile, sample)
        if tasks:
            parts = {f"part {n}": (profile, n) for n in range(1, reach.PARTS + 1)}
            reached = run_in_processes(reach.reached, parts, workers)
            driver.run(tasks, profile, reached, workers, found)
    totals, table = page.totals(results), page.tables(results)
    _show(page.head(len(order), results, seed), totals, table, markdown)
    return _fail(failures.source_failures(results))


def _show(head: str, sentence: str, table: str, markdown: Path | None) -> None:
    if markdown is None:
        click.echo(f"{head}{sentence}\n\n{table}")
    else:
        write(markdown, f"{head}{sentence}\n\n{table}\n")
        click.echo(sentence)


def _fail(failures: Sequence[str]) -> int:
    """Say what failed; the exit status."""
    for failure in failures:
        click.echo(failure, err=True)
    return errors.VIOLATED if failures else 0
