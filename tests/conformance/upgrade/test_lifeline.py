"""Children end with their parent, however it ends, and leave none of their own."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from conformance.upgrade import lifeline

CHILD = """
import os, subprocess, sys, time
from pathlib import Path
from conformance.upgrade.lifeline import end_with_parent
end_with_parent()
worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
Path(sys.argv[1]).write_text(f"{os.getpid()} {worker.pid}")
time.sleep(600)
"""
PARENT = """
import os, signal, sys
for number in (signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_DFL)  # the tests may run under nohup
from conformance.upgrade import lifeline
lifeline.run([sys.executable, "-c", sys.argv[2], sys.argv[1]], cwd=".", env=os.environ)
"""


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    # Nobody may have waited for it yet.
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] != "Z"


def until(condition: Callable[[], object], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture(autouse=True)
def not_stopping() -> None:
    lifeline.STOPPING.clear()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_nothing_is_left_of_a_parent_that_is_ended(tmp_path: Path, number: int) -> None:
    said = tmp_path / "pids"
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(said), CHILD])
    until(lambda: said.exists() and len(said.read_text().split()) == 2)
    pids = [int(word) for word in said.read_text().split()]
    assert all(map(alive, pids))
    parent.send_signal(number)
    parent.wait()
    until(lambda: not any(map(alive, pids)))


def test_stopping_ends_what_runs_within_seconds_and_lets_nothing_start(tmp_path: Path) -> None:
    said = tmp_path / "pids"
    raised: list[BaseException] = []

    def work() -> None:
        try:
            command = [sys.executable, "-c", CHILD, str(said)]
            lifeline.run(command, cwd=tmp_path, env=os.environ)
        except lifeline.StoppedError as error:
            raised.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    until(lambda: said.exists() and len(said.read_text().split()) == 2)
    lifeline.stop_all()
    thread.join(timeout=10)
    assert not thread.is_alive()
    assert len(raised) == 1
    until(lambda: not any(alive(int(word)) for word in said.read_text().split()))
    with pytest.raises(lifeline.StoppedError):
        lifeline.run([sys.executable, "-c", ""], cwd=tmp_path, env=os.environ)


def test_what_a_child_leaves_is_given_and_a_late_one_is_ended(tmp_path: Path) -> None:
    source = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"
    ended = lifeline.run([sys.executable, "-c", source], cwd=tmp_path, env=os.environ)
    assert ended == lifeline.Ended(3, "out\n", "err\n")
    began = time.monotonic()
    with pytest.raises(subprocess.TimeoutExpired):
        lifeline.run(
            [sys.executable, "-c", "import time; time.sleep(60)"],
            cwd=tmp_path,
            env=os.environ,
            timeout=1,
        )
    assert time.monotonic() - began < 30


def test_a_child_reads_nothing_from_standard_input(tmp_path: Path) -> None:
    source = "from conformance.upgrade.lifeline import end_with_parent; end_with_parent(); "
    source += "import sys; print(repr(sys.stdin.read()))"
    ended = lifeline.run([sys.executable, "-c", source], cwd=tmp_path, env=os.environ)
    assert (ended.status, ended.stdout) == (0, "''\n")
