"""The suite on many releases: cells are release by shard, and a cell whose log is whole is not run again."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, as_completed
from pathlib import Path

import attrs

from conformance import __version__
from conformance.events.completeness import incomplete
from conformance.events.reader import LogError, read
from conformance.events.records import Header, Record
from conformance.events.writer import to_line
from conformance.reporting.summary import ORDER, Summary, summarise
from conformance.upgrade import cells
from conformance.upgrade.cells import Cell, Work
from conformance.upgrade.environments.release_days import Release
from conformance.upgrade.request import Watcher


@attrs.frozen(kw_only=True)
class Matrix:
    """What to run, and where the logs are."""

    releases: tuple[Release, ...]
    shards: int
    directory: Path
    """Of the logs, one for each cell."""
    options: tuple[str, ...]
    """What `run` is given in every cell."""

    def log(self, release: Release, shard: int) -> Path:
        """The log of a cell."""
        name = f"{release.package}-{release.version}-{shard}-of-{self.shards}.jsonl"
        return self.directory / name

    def cell(self, release: Release, shard: int) -> Cell:
        """The cell of a shard of a release."""
        options = (*self.options, "--shard", f"{shard}/{self.shards}")
        return Cell(release.environment, options=options)


@attrs.frozen
class Row:
    """What came of one release."""

    release: Release
    summary: Summary
    """Of the cells that ran."""
    problems: tuple[str, ...]
    """Why cells could not run."""


class OtherRunError(ValueError):
    """A log in the directory is of another selection."""


def run(matrix: Matrix, executor: Executor, watcher: Watcher, *, local: bool) -> list[Row]:
    """Run the cells that have no whole log yet, write their logs, and gather all.

    Args:
        matrix: What to run.
        executor: Where the cells run.
        watcher: Follows their progress.
        local: Whether the executor's threads are of this process, so that cells can report.

    Raises:
        OtherRunError: A log is of another selection: nothing is run.
        OSError: A log cannot be written.

    """
    matrix.directory.mkdir(parents=True, exist_ok=True)
    records: dict[tuple[Release, int], list[Record]] = {}
    problems: dict[Release, list[str]] = {release: [] for release in matrix.releases}
    every = [(release, n + 1) for release in matrix.releases for n in range(matrix.shards)]
    for release, shard in every:
        kept = _whole(matrix.log(release, shard), matrix.cell(release, shard))
        if kept is not None:
            records[release, shard] = kept
    futures: dict[Future[list[Record]], tuple[Release, int]] = {}
    for release, shard in every:
        if (release, shard) not in records:
            name = _name(matrix, release, shard)
            arguments = [_reporter(name, watcher)] if local else []
            future = executor.submit(cells.run, matrix.cell(release, shard), *arguments)
            futures[future] = (release, shard)
    for future in as_completed(futures):
        release, shard = futures[future]
        name = _name(matrix, release, shard)
        found, problem = _result(future)
        if problem is not None:
            problems[release].append(f"shard {shard}/{matrix.shards}: {problem}")
            watcher.problem(name, problem)
            continue
        _write(matrix.log(release, shard), found)
        records[release, shard] = found
        watcher.stage(name, _counts(summarise(found)), Work(checks=len(found)), None)
    return [
        Row(
            release,
            summarise([r for key in every if key[0] == release for r in records.get(key, [])]),
            tuple(problems[release]),
        )
        for release in matrix.releases
    ]


def status(rows: Sequence[Row]) -> int:
    """The exit status: 1 where something does not conform, else 3 where a cell could not run, else 0."""
    if any(row.summary.failures for row in rows):
        return 1
    return 3 if any(row.problems for row in rows) else 0


def _result(future: "Future[list[Record]]") -> tuple[list[Record], str | None]:
    """The records of a cell, or why it has none."""
    try:
        found = future.result()
    except Exception as error:
        return [], f"{type(error).__name__}: {error}"
    header = found[0]
    assert isinstance(header, Header)
    return found, header.problem or None


def _whole(log: Path, cell: Cell) -> list[Record] | None:
    """What a cell's log has, where the cell ended; None where it must run."""
    if not log.exists():
        return None
    try:
        records = read(log)
    except LogError:
        return None
    header = records[0]
    if not isinstance(header, Header) or header.problem or incomplete(records):
        return None
    asked = ["run", *cell.options]
    if header.command[: len(asked)] != asked or header.asked != cell.environment:
        raise OtherRunError(
            f"{log} is of another selection (`{' '.join(header.command)}` in {header.asked}): give "
            "another directory"
        )
    return records if header.suite == __version__ else None


def _write(log: Path, records: Sequence[Record]) -> None:
    """Write a log whole or not at all."""
    partial = log.with_suffix(".partial")
    partial.write_text("".join(to_line(record) + "\n" for record in records), encoding="utf-8")
    partial.replace(log)


def _name(matrix: Matrix, release: Release, shard: int) -> str:
    return release.label + (f" {shard}/{matrix.shards}" if matrix.shards > 1 else "")


def _counts(summary: Summary) -> str:
    """Such as `done: 2 violated, 42 known-defect, 1624 holds`."""
    counts = summary.counts
    words = [f"{counts[name]} {name}" for name in ORDER[: ORDER.index("holds") + 1] if counts[name]]
    return "done: " + (", ".join(words) or "nothing was checked")


def _reporter(name: str, watcher: Watcher) -> Callable[[str, Work], None]:
    return lambda stage, done: watcher.stage(name, stage, done, None)
