"""What kills a process, hangs, fills the disk or interrupts: the rest still runs, and is reported."""

import contextlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from conformance.events.completeness import incomplete
from conformance.events.details import Casualty, NotSampled
from conformance.events.reader import read
from conformance.events.records import Environment, Header, Result, Started
from conformance.events.writer import LogWriter
from conformance.reporting.summary import summarise
from conformance.runner.attachments import Attachment, Collected, save_collected
from conformance.runner.controller import Controller

LAW = "mapping.equals-per-example"
SELECTION = ("run", "--law", LAW, "--transform", "jax.vmap", "--no-cache")

FAULTS = """
import os, signal, sys, time
import attrs
from conformance.transforms import TRANSFORMS
from properties.profile import PROFILES

PROFILES["quick"] = attrs.evolve(PROFILES["quick"], deadline=DEADLINE)
honest = TRANSFORMS["jax.vmap"]


def fault(function, axes):
    name = function.__name__
    if name == "square":
        os.write(2, b"the last words of this process")
        os.kill(os.getpid(), signal.SIGABRT)
    if name == "dot_product":
        os._exit(0)
    if name == "matrix_add":
        time.sleep(600)
    return honest.map(function, axes)


TRANSFORMS["jax.vmap"] = attrs.evolve(honest, map=fault)
"""

Breaking = Callable[[str], dict[str, str]]


def faults(deadline: int) -> str:
    return FAULTS.replace("DEADLINE", str(deadline))


def outcomes(path: Path) -> dict[str, str]:
    return {e.subject: e.outcome for e in read(path) if isinstance(e, Result)}


def test_a_law_that_kills_its_process_or_hangs_is_told_and_the_rest_still_runs(
    ran: Callable[..., Any], breaking: Breaking, tmp_path: Path
) -> None:
    log = tmp_path / "run.jsonl"
    subjects = ("square", "dot-product", "matrix-add", "softmax")
    chosen = [word for name in subjects for word in ("--subject", name)]
    # Seconds of computing: enough for JAX to start and softmax to compile.
    got = ran(*SELECTION, *chosen, "-n", 2, "--log", log, **breaking(faults(10)))
    assert got.status == 1
    progress = (" items in ", "first result")
    said = [line for line in got.err.splitlines() if not any(word in line for word in progress)]
    assert sorted(said) == [
        f"crashed: {LAW}, jax.vmap of dot-product",
        f"crashed: {LAW}, jax.vmap of square",
        f"timed-out: {LAW}, jax.vmap of matrix-add",
    ]
    assert outcomes(log) == {
        "square": "crashed",
        "dot-product": "crashed",
        "matrix-add": "timed-out",
        "softmax": "holds",
    }
    details = {e.subject: e.detail for e in read(log) if isinstance(e, Result)}
    assert details["square"].reason == "the process that ran it died"
    assert "the last words of this process" in details["square"].output
    assert details["matrix-add"].reason == "no result within 10 s of computing, or 40 s in all"
    events = read(log)
    assert events[-1].counts == {"crashed": 2, "timed-out": 1, "holds": 1}
    assert incomplete(events) == []
    assert summarise(events).unfinished == ()
    started = [e.subject for e in events if isinstance(e, Started)]
    assert sorted(started) == sorted(subjects)


HEADER = Header(
    cell="a",
    schema=1,
    suite="0.1.0",
    environment=Environment(
        python="3.11", jax=None, jaxlib=None, flax=None, numpy=None, chex=None, hypothesis=None
    ),
    profile="quick",
    seed=0,
    shard=(1, 1),
    command=[],
)


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        ("Timeout (0:00:25)!\nThread 0x1:\n", "timed-out"),
        ("Fatal Python error: Aborted\n", "crashed"),
    ],
)
def test_a_worker_whose_time_ran_out_has_timed_out_though_its_start_was_heard_of_late(
    said: str, outcome: str, tmp_path: Path
) -> None:
    (tmp_path / "gw0").write_text(said)
    log = tmp_path / "run.jsonl"
    item = "suite.py::test_law[0]"
    begun = Started(cell="a", law=LAW, transform="jax.vmap", subject="square")
    save_collected(Collected(items={item: begun}, groups={}), tmp_path)
    controller = Controller(LogWriter(log), HEADER, 25.0, tmp_path)
    controller.pytest_xdist_node_collection_finished(None, [item])
    node = SimpleNamespace(gateway=SimpleNamespace(id="gw0"))
    lost = {"nodeid": item, "when": "???", "failed": True, "user_properties": []}
    report: Any = SimpleNamespace(**lost, longrepr="worker 'gw0' crashed", node=node)
    controller.pytest_runtest_logstart(item)
    controller.pytest_runtest_logreport(report)
    controller.close(complete=True)
    (result,) = (r for r in controller.log.records if isinstance(r, Result))
    assert result.outcome == outcome
    assert isinstance(result.detail, Casualty)
    assert said.splitlines()[0] in result.detail.output


def test_workers_that_end_as_they_start_end_the_run(tmp_path: Path) -> None:
    def node(name: str) -> Any:
        return SimpleNamespace(gateway=SimpleNamespace(id=name))

    controller = Controller(LogWriter(tmp_path / "run.jsonl"), HEADER, 25.0, tmp_path)
    for number in range(100):  # they began to work
        controller.pytest_testnodeready(node(f"gw{number}"))
        controller.pytest_testnodedown(node(f"gw{number}"), "Not properly terminated")
    for number in range(100, 108):
        controller.pytest_testnodedown(node(f"gw{number}"), "a stack\nImportError: no json")
    assert controller.internal_error is None
    with pytest.raises(pytest.exit.Exception):
        controller.pytest_testnodedown(node("gw108"), "a stack\nImportError: no json")
    assert str(controller.internal_error) == "no worker starts: ImportError: no json"


def test_items_that_share_a_test_are_counted_one_by_one(tmp_path: Path) -> None:
    controller = Controller(LogWriter(tmp_path / "run.jsonl"), HEADER, 25.0, tmp_path)
    save_collected(Collected(items={}, groups={}), tmp_path)
    controller.pytest_xdist_node_collection_finished(None, ["first", "second"])
    left = Result(
        cell="a",
        law=LAW,
        transform="jax.vmap",
        subject="square",
        outcome="not-sampled",
        examples=0,
        seconds=0.0,
        compilations=0,
        detail=NotSampled(reason="another seed"),
    )
    test: Any = SimpleNamespace(user_properties=[])
    Attachment(results=[left, left, left]).attach(test)
    Attachment(covered_rules=["add"]).attach(test)
    report: Any = SimpleNamespace(nodeid="first", when="call", failed=False, **vars(test))
    controller.pytest_runtest_logreport(report)
    assert controller.total == 4


BROKEN_SUITE = """
import attrs
from conformance.transforms import TRANSFORMS


TRANSFORMS["jax.vmap"] = attrs.evolve(TRANSFORMS["jax.vmap"], unavailable=lambda: 1 / 0)
"""


def test_a_fault_of_the_suite_is_no_verdict_on_the_library(
    ran: Callable[..., Any], breaking: Breaking, tmp_path: Path
) -> None:
    log = tmp_path / "run.jsonl"
    got = ran(*SELECTION, "--subject", "square", "-n", 0, "--log", log, **breaking(BROKEN_SUITE))
    assert got.status == 1
    (result,) = (e for e in read(log) if isinstance(e, Result))
    assert result.outcome == "crashed"
    assert "ZeroDivisionError" in result.detail.output


@pytest.mark.skipif(os.name != "posix", reason="signals of a group")
@pytest.mark.parametrize(
    ("send", "number"),
    [(os.killpg, "SIGINT"), (os.kill, "SIGTERM"), (os.kill, "SIGHUP")],
    ids=["interrupted", "terminated", "hung-up"],
)
def test_an_ended_run_leaves_a_readable_log_without_a_footer_and_nothing_else(
    command: Callable[..., Any],
    breaking: Breaking,
    tmp_path: Path,
    send: Callable[[int, int], None],
    number: str,
) -> None:
    log, scratch = tmp_path / "run.jsonl", tmp_path / "scratch"
    scratch.mkdir()
    chosen = ("--subject", "softmax", "--subject", "matrix-add")
    environment = {"TMPDIR": str(scratch), **breaking(faults(500))}
    process = command(*SELECTION, *chosen, "-n", 2, "--log", log, **environment)
    try:
        deadline = time.monotonic() + 120
        while not (log.exists() and '"outcome": "holds"' in log.read_text()):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert list(scratch.glob("vmap-conformance-*"))
        send(process.pid, getattr(signal, number))
        out, err = process.communicate(timeout=120)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 3
    assert "Traceback" not in out + err
    assert "This log is incomplete" in out
    events = read(log)
    assert len(incomplete(events)) == 1
    assert outcomes(log) == {"softmax": "holds"}
    assert [e.subject for e in summarise(events).unfinished] == ["matrix-add"]
    assert not list(scratch.glob("vmap-conformance-*"))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("workers", [0, 1])
def test_a_full_disk_is_three_in_one_line(ran: Callable[..., Any], workers: int) -> None:
    got = ran(*SELECTION, "--subject", "square", "-n", workers, "--log", "/dev/full")
    assert got.status == 3
    assert got.err.splitlines() == [
        "Error: the log /dev/full cannot be written: No space left on device. --log FILE writes another"
    ]
    assert got.out == ""


def test_a_log_in_a_place_that_cannot_be_is_three_in_one_line(
    ran: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    log = tmp_path / "file" / "run.jsonl"
    got = ran(*SELECTION, "--subject", "square", "-n", 0, "--log", log)
    assert (got.status, got.out) == (3, "")
    (line,) = got.err.splitlines()
    assert f"the log {log} cannot be written" in line


UNCOLLECTABLE = """
import os
from conformance.transforms import TRANSFORMS


class Broken:
    def __getattr__(self, name):
        raise ZeroDivisionError("of this test")


if "PYTEST_XDIST_WORKER" in os.environ:
    TRANSFORMS["jax.vmap"] = Broken()
"""

UNREPORTABLE = """
import conformance.runner.attachments

def attached(properties):
    raise ZeroDivisionError("of this test")

conformance.runner.attachments.attached = attached
"""


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ('OSError("cannot send (already closed?)")', "cannot send (already closed?)"),
        ("EOFError()", "EOFError"),
        ('BrokenPipeError(32, "Broken pipe")', "[Errno 32] Broken pipe"),
    ],
)
def test_a_closed_pipe_to_a_worker_is_not_taken_for_a_log_that_cannot_be_written(
    ran: Callable[..., Any], breaking: Breaking, error: str, words: str
) -> None:
    fault = (
        "import conformance.runner.controller\n"
        "def closed(*_):\n"
        f"    raise {error}\n"
        "conformance.runner.controller.Controller.pytest_xdist_node_collection_finished = closed\n"
    )
    got = ran(*SELECTION, "--subject", "square", "-n", 1, **breaking(fault))
    assert got.status == 3
    (line,) = got.err.strip().splitlines()
    assert line.startswith(
        f"Error: a worker process ended before its work did ({words}); run again"
    )


@pytest.mark.parametrize("fault", [UNCOLLECTABLE, UNREPORTABLE], ids=["worker", "controller"])
def test_an_internal_error_is_three_in_one_line_that_asks_for_a_report(
    ran: Callable[..., Any], breaking: Breaking, fault: str, tmp_path: Path
) -> None:
    got = ran(*SELECTION, "--subject", "square", "-n", 1, **breaking(fault))
    assert got.status == 3
    (line,) = got.err.strip().splitlines()
    assert line.startswith("Error: internal error: ")
    assert "ZeroDivisionError: of this test" in line
    assert "Please report it" in line
    saved = Path(line.split("traceback in ")[1])
    assert "ZeroDivisionError" in saved.read_text()
    saved.unlink()
