"""An upgrade from the command line: what ends it, and what a user's module that ends does to it."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from conformance.cli.upgrade import ended_cleanly
from conformance.upgrade.lifeline import StoppedError

from .test_lifeline import alive, until

# As the installed command, which does not look for modules in the current directory.
MAIN = "import sys; sys.path.remove(''); from conformance.cli import main; main()"
COMMAND = [sys.executable, "-c", MAIN, "upgrade"]
OPTIONS = "--from installed --to installed --transform jax.vmap --law mapping.equals-per-example"
SUBJECTS = """
from conformance import own

SUBJECTS = [own.function("mine", lambda x: 2 * x, [("n",)])]
"""


def upgrade(folder: Path, source: str) -> "subprocess.Popen[str]":
    """An upgrade that runs, of a module of subjects beside a file `json.py`."""
    (folder / "my_subjects.py").write_text(source)
    (folder / "json.py").write_text("raise RuntimeError('the wrong one')\n")
    chosen = ["--subject", "mine", "--subjects", "my_subjects"]
    return subprocess.Popen(
        [*COMMAND, *OPTIONS.split(), *chosen],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_a_module_that_ends_the_process_is_never_a_success(tmp_path: Path) -> None:
    running = upgrade(tmp_path, f"{SUBJECTS}\nimport sys\nsys.exit(0)\n")
    said, _ = running.communicate(timeout=600)
    assert running.returncode == 2, said
    assert "it ends the process with status 0" in " ".join(said.split())


@pytest.mark.skipif(sys.platform != "linux", reason="the test reads /proc")
def test_an_upgrade_that_is_ended_leaves_no_process(tmp_path: Path) -> None:
    running = upgrade(tmp_path, SUBJECTS)
    until(lambda: len(descendants(running.pid)) >= 2)
    left = descendants(running.pid)
    running.send_signal(signal.SIGTERM)
    running.communicate(timeout=60)
    assert running.returncode != 0
    until(lambda: not any(map(alive, left)))


def descendants(pid: int) -> list[int]:
    """The processes that a process started, and those that they did."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            found = re.match(r"(\d+) \(.*\) \S (\d+)", stat.read_text(), re.DOTALL)
        except OSError:
            continue
        if found:
            parents[int(found[1])] = int(found[2])
    found_ones, fresh = [], [pid]
    while fresh:
        fresh = [child for child, parent in parents.items() if parent in fresh]
        found_ones += fresh
    return found_ones


def test_a_signal_whose_interrupt_was_lost_is_no_error_of_the_suite() -> None:
    with pytest.raises(KeyboardInterrupt), ended_cleanly():
        raise StoppedError
