"""A candidate whose time is over is told by what it computes, and by the clock where it waits."""

import subprocess
import sys

import pytest

PROGRAM = """
import time
from conformance.judge.sandbox import overdue


def spinning():
    while not told:
        pass


def waiting():
    time.sleep({sleep})


told = []
began = time.monotonic()
with overdue.told({seconds}, {computing}, lambda frame: told.append(frame.f_code.co_name)):
    {name}()
print(told, time.monotonic() - began < 30)
"""


@pytest.mark.parametrize(
    ("name", "seconds", "computing", "sleep", "said"),
    [
        ("spinning", 300, 0.3, 0, ["spinning"]),  # however busy the machine is
        ("spinning", 0.3, 300, 0, ["spinning"]),
        ("waiting", 0.5, 0.2, 2, ["waiting"]),
        ("waiting", 300, 0.2, 1, []),  # it computes nothing
        ("waiting", 300, 300, 0, []),
    ],
)
def test_time_is_over_by_computing_or_by_the_clock(
    name: str, seconds: float, computing: float, sleep: float, said: list[str]
) -> None:
    text = PROGRAM.format(name=name, seconds=seconds, computing=computing, sleep=sleep)
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert done.stdout == f"{said} True\n"
