"""Cells: the same calls in another process or on a cluster, and what comes of one that fails."""

import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import attrs
import pytest
from msgspec import UNSET

from conformance.events.completeness import incomplete
from conformance.events.records import Footer, Observation, Record, Result
from conformance.events.writer import to_line
from conformance.runner import items, plan
from conformance.upgrade import cells
from conformance.upgrade.ask import wanted as wanted_of
from conformance.upgrade.cells import Cell, CellError, Work
from conformance.upgrade.probe import Wanted
from conformance.upgrade.request import Request
from properties.profile import PROFILES
from tests.conformance.upgrade.cluster import until, with_children
from tests.conformance.upgrade.events import records, result

LAW = "mapping.equals-per-example"


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def drawn(*subjects: str) -> str:
    chosen = items.select([LAW], ["jax.vmap"], subjects)
    return json.dumps(plan.draw(chosen, attrs.evolve(PROFILES["quick"], seed=4)))


def cell(*subjects: str, spec: str = "installed") -> Cell:
    return Cell(spec, drawn(*subjects), ("-n", "1", "--seed", "4", "--no-cache"))


def outcomes(events: list[Record]) -> dict[str, str]:
    return {e.subject: e.outcome for e in events if isinstance(e, Result)}


def test_a_cell_gives_the_events_of_its_plan() -> None:
    events = cells.run(cell("square", "sort"))
    assert outcomes(events) == {"square": "holds", "sort": "holds"}
    assert (events[0].asked, events[0].seed, events[0].problem) == (
        "installed",
        4,
        UNSET,
    )
    assert incomplete(events) == []


def test_an_environment_that_cannot_be_had_is_a_problem_and_the_others_finish() -> None:
    with ThreadPoolExecutor(2) as pool:
        there, missing = pool.map(
            cells.run, [cell("square"), cell("square", spec="jax==0.4.30@3.99")]
        )
    assert outcomes(there) == {"square": "holds"}
    (header,) = missing
    assert (header.built, header.asked) == (False, "jax==0.4.30@3.99")
    assert "Python 3.99 was not found" in header.problem


def test_a_suite_that_cannot_start_is_a_problem_with_its_reason() -> None:
    wanted = attrs.evolve(cell("square"), options=("--profile", "no-such"))
    (header,) = cells.run(wanted)
    assert "no-such" in header.problem
    assert header.environment.jax


def test_a_cell_that_is_killed_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "_RUN", "import os; os.kill(os.getpid(), 9)")
    (header,) = cells.run(cell("square"))
    assert header.problem == "the run was ended by SIGKILL"


def test_a_process_that_is_killed_before_it_answers_says_what_it_did(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cells, "_PROBE", "import os; os.kill(os.getpid(), 9)")
    wanted = wanted_of(Request(environments=(), own=("mine",)), draw=True)
    with pytest.raises(CellError, match=r"^importing mine and drawing calls was ended by SIGKILL$"):
        cells.probe(cell("square"), wanted)


def test_the_error_of_a_process_is_told_without_the_notes_below_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    raised = "import jax; jax.jit(lambda x: x.reshape(3))(jax.numpy.ones(4))"
    monkeypatch.setattr(cells, "_PROBE", raised)
    wanted = wanted_of(Request(environments=(), own=("mine",)), draw=True)
    with pytest.raises(CellError, match=r"^TypeError: cannot reshape array of shape \(4,\)"):
        cells.probe(cell("square"), wanted)


def test_a_cell_that_is_killed_half_way_keeps_what_it_wrote(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dies = "from conformance.events.writer import LogWriter\n"
    dies += "def die(self, *_): import os; os.kill(os.getpid(), 9)\nLogWriter.finish = die\n"
    monkeypatch.setattr(cells, "_RUN", dies + cells._RUN)
    events = cells.run(cell("square"))
    assert outcomes(events) == {"square": "holds"}
    assert events[0].problem == "the run was ended by SIGKILL"
    assert len(incomplete(events)) == 1


def test_nothing_of_the_drivers_environment_reaches_a_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    monkeypatch.setenv("PYTEST_ADDOPTS", "--no-such-option")
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "/nowhere")
    assert outcomes(cells.run(cell("square"))) == {"square": "holds"}


def test_a_lost_worker_loses_nothing_and_doubles_nothing(cluster: Any) -> None:
    from distributed import Client

    address, workers = cluster
    until(Path(address).exists)
    with Client(scheduler_file=address) as client:
        client.wait_for_workers(2, timeout=60)
        asked = [cell("square"), cell("sort"), cell("softmax"), cell("matmul")]
        with ThreadPoolExecutor(1) as waiting:
            everything = waiting.submit(
                lambda: list(client.get_executor(pure=False).map(cells.run, asked))
            )
            until(lambda: any(client.processing().values()))
            busy = next(name for name, tasks in client.processing().items() if tasks)
            (pid,) = client.run(os.getpid, workers=[busy]).values()
            with_children(next(w for w in workers if w.pid == pid), signal.SIGKILL)
            ran = everything.result(timeout=240)
    assert [outcomes(events) for events in ran] == [
        {name: "holds"} for name in ("square", "sort", "softmax", "matmul")
    ]
    assert len({events[0].cell for events in ran}) == 4
    assert all(len([e for e in events if isinstance(e, Footer)]) == 1 for events in ran)


@pytest.mark.parametrize(
    ("source", "seconds"), [("while True: pass", 4.0), ("SUBJECTS = []", 300.0)]
)
def test_a_module_that_does_not_come_to_an_end_is_a_problem_of_its_cell(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, source: str, seconds: float
) -> None:
    (tmp_path / "waiting.py").write_text(source + "\n")
    monkeypatch.setattr(cells, "PROBE_SECONDS", seconds)
    asked = Cell("installed", import_path=(str(tmp_path),))
    wanted = Wanted(
        modules=["waiting"],
        draw=False,
        profile="quick",
        seed=0,
        laws=[],
        transforms=[],
        subjects=[],
    )
    if "while" in source:
        with pytest.raises(cells.CellError, match="importing waiting and drawing calls took more"):
            cells.probe(asked, wanted)
    else:
        assert cells.probe(asked, wanted).broken == []


MINE = """
import jax.numpy as jnp
from conformance import own

SUBJECTS = [own.function("my-sine", jnp.sin, [("n",)])]
"""


def test_a_plan_for_a_users_code_has_what_that_code_is_traced_to(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(MINE)
    wanted = Wanted(
        modules=["mine"],
        draw=True,
        profile="quick",
        seed=0,
        laws=[],
        transforms=["jax.vmap"],
        subjects=[],
    )
    answer = cells.probe(Cell("installed", import_path=(str(tmp_path),)), wanted)
    assert answer.plan is not None
    assert answer.share == 8
    assert answer.observed is not None
    subjects = {name.split("|")[2] for name in json.loads(answer.plan)["calls"]}
    # The gradient of a sine is a cosine.
    assert {"my-sine", "lax.sin", "lax.cos"} <= subjects
    assert len({name for name in subjects if name.startswith("lax.")}) < 200


def test_a_plan_for_sources_alone_has_what_they_name_and_a_share_of_the_rest() -> None:
    names = ["jax.numpy.cumsum", "jax.nothing"]
    wanted = Wanted(
        modules=[],
        names=names,
        draw=True,
        profile="quick",
        seed=0,
        laws=[],
        transforms=["jax.vmap"],
        subjects=[],
    )
    answer = cells.probe(Cell("installed"), wanted)
    assert answer.plan is not None
    assert answer.share == 8
    subjects = {name.split("|")[2] for name in json.loads(answer.plan)["calls"]}
    assert "lax.cumsum" in subjects
    assert len({name for name in subjects if name.startswith("lax.")}) < 200
    assert answer.names["names/jax.numpy.cumsum"] is True
    assert answer.names["names/jax.nothing"]["name"] == "jax.nothing"
    assert "prng" in answer.groups


def test_progress_counts_the_checks_and_the_groups_of_observations(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    count = cells._Counter(log)
    assert count() == cells.NOTHING
    holds, left_out = result("holds"), result("not-sampled")
    for events, so_far in (([holds, left_out, left_out], 1), ([holds, left_out], 2)):
        with log.open("a", encoding="utf-8") as file:
            file.writelines(to_line(record) + "\n" for record in records(events))
        assert count() == Work(checks=so_far)
    known = {**result("known-defect"), "defect": "pmap-in-jit-zeros"}
    with log.open("a", encoding="utf-8") as file:
        file.writelines(to_line(record) + "\n" for record in records([known]))
    assert count() == Work(checks=2), "the calls of known defects are not of the plan"
    seen = [Observation(cell="c", key=key, value=1) for key in ("draws/a", "draws/b", "costs")]
    lines = "".join(to_line(each) + "\n" for each in seen)
    with log.open("a", encoding="utf-8") as file:
        file.write(lines[:-20])
    assert count() == Work(checks=2, groups=frozenset({"draws"})), "a line that is not whole waits"
    with log.open("a", encoding="utf-8") as file:
        file.write(lines[-20:])
    done = count()
    assert (done, done.items) == (Work(checks=2, groups=frozenset({"draws", "costs"})), 4)
