"""What fails on the judge's own side ends with status 3 and a line, and is no candidate's fault."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from conformance.judge import JudgeFailure, check_file, worker_process

ROOT = Path(__file__).resolve().parents[3]
SQUARE = "def vectorized_square(x):\n    return x * x\n"
COMMAND = [sys.executable, "-m", "conformance.cli.check"]


def run(*arguments: object, limit: tuple[int, int] | None = None) -> subprocess.CompletedProcess:
    def lower() -> None:
        if limit is not None:
            resource.setrlimit(limit[0], (limit[1], limit[1]))

    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        preexec_fn=lower,
    )


@pytest.mark.parametrize(
    ("limit", "says"),
    [
        ((resource.RLIMIT_NOFILE, 64), "ulimit -n 256"),
        ((resource.RLIMIT_AS, 2 * 2**30), "ulimit -v unlimited"),
    ],
    ids=["files", "memory"],
)
def test_a_limit_that_is_too_low_is_named(
    limit: tuple[int, int], says: str, tmp_path: Path
) -> None:
    (tmp_path / "good.py").write_text(SQUARE)
    done = run(tmp_path / "good.py", "--examples", 8, limit=limit)
    assert done.returncode == 3, done.stdout + done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("level", ["best", "process"])
def test_a_worker_that_does_not_start_is_no_candidates_fault(
    level: str,
    sessions: Callable,
    best_level: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    nothing_left: Callable,
) -> None:
    level = best_level if level == "best" else level
    (tmp_path / "good.py").write_text(SQUARE)
    monkeypatch.setattr(worker_process, "SPARE_TASKS", -10_000)  # no number: the limit is refused
    with pytest.raises(JudgeFailure, match="ulimit"):
        check_file.check_file(sessions(level), tmp_path / "good.py")
    nothing_left(level)
    monkeypatch.undo()
    (verdict,) = check_file.check_file(sessions(level, patience=20.0), tmp_path / "good.py")
    assert verdict.verdict == "conforms"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("level", ["auto", "process"])
def test_a_request_to_end_is_met_within_seconds(
    level: str, number: signal.Signals, tmp_path: Path
) -> None:
    (tmp_path / "slow.py").write_text(
        "import time\ndef vectorized_square(x):\n    time.sleep(1000)\n"
    )
    started = subprocess.Popen(
        [*COMMAND, str(tmp_path / "slow.py"), "--isolation", level],
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        bufsize=1,
    )
    assert started.stdout is not None
    started.stdout.readline()  # the isolation: the candidate's processes come next
    time.sleep(3)
    began = time.monotonic()
    started.send_signal(number)
    _, said = started.communicate(timeout=60)
    assert time.monotonic() - began < 5, "one second, and room for a busy machine"
    assert started.returncode == 3
    assert said == "Stopped.\n"
    assert [path.name for path in tmp_path.iterdir()] == ["slow.py"]


STARTS_WHILE_ENDING = """\
import threading
from conformance.judge import server_process
from conformance.judge.errors import IsolationUnavailable

ends = []
def start():
    try:
        while True:
            server_process.make_directory("candidate-")
    except IsolationUnavailable as problem:
        ends.append(str(problem))
threads = [threading.Thread(target=start) for _ in range(4)]
for thread in threads:
    thread.start()
server_process.stop_all(0.1)
for thread in threads:
    thread.join()
try:
    server_process.start_server("process")
except IsolationUnavailable as problem:
    ends.append(str(problem))
print(ends)
"""


def test_nothing_is_started_or_left_once_everything_is_being_stopped(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", STARTS_WHILE_ENDING],
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout == f"{['everything is being stopped'] * 5}\n", done.stderr
    assert not list(tmp_path.iterdir())


def test_a_log_never_replaces_a_candidate(tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text(SQUARE)
    for option in ("--log", "--csv"):
        done = run(tmp_path / "good.py", option, tmp_path / "good.py")
        assert done.returncode == 2, done.stdout
        assert "overwrite" in done.stderr
        assert (tmp_path / "good.py").read_text() == SQUARE


def test_a_closed_output_is_not_a_violation(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"good_{number}.py").write_text(SQUARE)
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*COMMAND, str(tmp_path), "--examples", "8"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        timeout=300,
    )
    os.close(writer)
    assert done.returncode == 3, done.stderr
    assert done.stderr == ""  # as of `check ... | head`: who closed it has read enough


def test_symbolic_links_in_a_directory_are_not_followed(
    tmp_path: Path, sessions: Callable, best_level: str
) -> None:
    private = tmp_path / "private.py"
    private.write_text(SQUARE)
    handed_in = tmp_path / "in"
    handed_in.mkdir()
    (handed_in / "link.py").symlink_to(private)
    session = sessions(best_level, patience=20.0)
    (verdict,) = check_file.check_file(session, handed_in / "link.py", named=False)
    assert verdict.verdict == "error"
    assert "symbolic link" in verdict.message
    (verdict,) = check_file.check_file(session, handed_in / "link.py")  # named by the user: his own
    assert verdict.verdict == "conforms"
