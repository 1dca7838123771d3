"""An item's deadline counts what its process computes; what only waits is stopped, too, but later."""

import subprocess
import sys

import pytest

from conformance.runner.deadline import HEADER

PROGRAM = """
import sys, time
from conformance.runner.deadline import Deadline

def busy():
    while True:
        pass

deadline = Deadline(patience={patience}, tick=0.1)
deadline.start({seconds})
{work}
deadline.cancel()
time.sleep(1.5)
"""


def ended(seconds: float, patience: float, work: str) -> subprocess.CompletedProcess[str]:
    code = PROGRAM.format(seconds=seconds, patience=patience, work=work)
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False
    )


@pytest.mark.parametrize(
    ("seconds", "patience", "work"),
    [(1, 100, "busy()"), (1, 2, "time.sleep(250)")],
    ids=["computes", "waits"],
)
def test_a_process_whose_item_takes_too_long_ends(
    seconds: float, patience: float, work: str
) -> None:
    got = ended(seconds, patience, work)
    assert got.returncode == 1
    assert HEADER in got.stderr


@pytest.mark.parametrize(
    ("seconds", "work"),
    [(5, "time.sleep(7)"), (1, "pass")],
    ids=["waits longer than it may compute", "ends before the deadline"],
)
def test_a_process_whose_item_computes_no_longer_goes_on(seconds: float, work: str) -> None:
    got = ended(seconds, 100, work)
    assert (got.returncode, got.stderr) == (0, "")
