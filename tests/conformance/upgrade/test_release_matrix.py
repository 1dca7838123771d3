"""The suite on many releases: whole logs are kept, cells fail alone, and a lost worker loses nothing."""

import json
import os
import shutil
import signal
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import attrs
import pytest

from conformance.events.reader import read_all
from conformance.reporting.console import console
from conformance.reporting.summary import summarise
from conformance.upgrade import release_matrix
from conformance.upgrade.environments.release_days import Release
from conformance.upgrade.release_matrix import Matrix, Row
from conformance.upgrade.render import releases as render
from tests.conformance.upgrade.cluster import until, with_children

OPTIONS = ("--seed", "4", "-n", "1", "--no-cache", "--law", "mapping.equals-per-example")
OPTIONS += ("--transform", "jax.vmap", "--subject", "square", "--subject", "sort")


@attrs.frozen
class Installed(Release):
    """A release whose environment is this process's."""

    @property
    def environment(self) -> str:
        return "installed"


@attrs.frozen
class Missing(Release):
    """A release that cannot be installed."""

    @property
    def environment(self) -> str:
        return "jax@3.99"


HERE = Installed("jax", "99.0", date(2099, 1, 1))
AWAY = Missing("jax", "99.1", date(2099, 1, 2))


class Watcher:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.stages: list[tuple[str, str]] = []
        self.problems: list[tuple[str, str]] = []

    def stage(self, environment: str, stage: str, done: int, total: int | None) -> None:
        self.stages.append((environment, stage))

    def problem(self, environment: str, problem: str) -> None:
        self.problems.append((environment, problem))


class NoExecutor(Executor):
    """Runs nothing."""

    def submit(self, *arguments: Any, **others: Any) -> Any:
        raise AssertionError("a cell whose log is whole is run again")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Watcher]]:
    """The logs of two shards that ran, and what was said meanwhile. The cache is this module's own."""
    directory = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(directory / "cache"))
        _, watcher = run(matrix(directory))
        yield directory / "logs", watcher


@pytest.fixture
def logs(made: tuple[Path, Watcher], tmp_path: Path) -> Matrix:
    """A matrix whose logs are there already."""
    shutil.copytree(made[0], tmp_path / "logs")
    return matrix(tmp_path)


def matrix(tmp_path: Path) -> Matrix:
    return Matrix(releases=(HERE,), shards=2, directory=tmp_path / "logs", options=OPTIONS)


def run(asked: Matrix, executor: Executor | None = None) -> tuple[list[Row], Watcher]:
    watcher = Watcher()
    with ThreadPoolExecutor(2) as pool:
        rows = release_matrix.run(asked, executor or pool, watcher, local=executor is None)
        return rows, watcher


def test_a_cell_whose_log_is_whole_is_not_run_again(
    logs: Matrix, made: tuple[Path, Watcher]
) -> None:
    stages = made[1].stages
    assert {name for name, stage in stages if stage.startswith("done: ")} == {
        "jax 99.0 1/2",
        "jax 99.0 2/2",
    }
    (row,), _ = run(logs, NoExecutor())
    assert row.summary.counts["holds"] == 2
    assert (row.summary.missing_shards, row.problems) == ([], ())
    assert release_matrix.status([row]) == 0
    cut = logs.log(HERE, 2)
    cut.write_text("".join(cut.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(AssertionError, match="is run again"):
        run(logs, NoExecutor())
    (mended,), watcher = run(logs)
    assert mended.summary.digest == row.summary.digest is not None
    assert {name for name, _ in watcher.stages} == {"jax 99.0 2/2"}


def test_logs_of_another_selection_are_not_overwritten(logs: Matrix) -> None:
    other = attrs.evolve(logs, options=("--seed", "5", *OPTIONS[2:]))
    with pytest.raises(release_matrix.OtherRunError, match="give another directory"):
        run(other, NoExecutor())


def test_a_cell_that_fails_is_said_and_the_others_are_shown(logs: Matrix) -> None:
    rows, watcher = run(attrs.evolve(logs, releases=(AWAY, HERE)))
    assert {name for name, _ in watcher.problems} == {"jax 99.1 1/2", "jax 99.1 2/2"}
    assert all("Python 3.99 was not found" in problem for _, problem in watcher.problems)
    assert rows[1].summary.counts["holds"] == 2
    assert release_matrix.status(rows) == 3
    page = render.markdown(rows, "Releases", "Made by hand.")
    assert "| jax 99.1 | flax ? | ? | 0 | 0 | 0 | did not run whole |" in page
    assert "- did not run whole: shard 1/2: jax@3.99 cannot be built: " in page


def test_a_fault_is_named_in_the_table_and_below_it(logs: Matrix, capsys: Any) -> None:
    for log in logs.directory.iterdir():
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        for line in lines:
            if line["type"] == "result" and line["subject"] == "sort":
                line["outcome"] = "timed-out"
                line["detail"] = {"reason": "it took more than 60 s", "output": ""}
        log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    rows, _ = run(logs, NoExecutor())
    assert release_matrix.status(rows) == 1
    render.show(console(), rows)
    shown = capsys.readouterr().out
    assert "1 (1 check)" in shown
    assert "jax 99.0: sort: " in shown
    assert "1 release: 1 with faults, 0 that did not run whole." in shown
    page = render.markdown(rows, "Releases", "Made by hand.")
    assert "## jax 99.0\n\n- `sort`: " in page


@contextmanager
def client_of(address: str) -> Iterator[Any]:
    from distributed import Client

    with Client(scheduler_file=address) as client:
        client.wait_for_workers(2, timeout=60)
        yield client


def test_a_lost_worker_loses_no_cell(
    cluster: Any, made: tuple[Path, Watcher], tmp_path: Path
) -> None:
    address, workers = cluster
    until(Path(address).exists)
    asked = matrix(tmp_path)
    with client_of(address) as client, ThreadPoolExecutor(1) as waiting:
        everything = waiting.submit(run, asked, client.get_executor(pure=False))
        until(lambda: any(client.processing().values()))
        busy = next(name for name, tasks in client.processing().items() if tasks)
        (pid,) = client.run(os.getpid, workers=[busy]).values()
        with_children(next(w for w in workers if w.pid == pid), signal.SIGKILL)
        (row,), watcher = everything.result(timeout=240)
    assert watcher.problems == []
    assert row.summary.counts["holds"] == 2
    assert row.summary.digest == summarise(read_all(made[0].glob("*.jsonl"))).digest
    assert sorted(path.name for path in asked.directory.iterdir()) == [
        f"jax-99.0-{shard}-of-2.jsonl" for shard in (1, 2)
    ]
