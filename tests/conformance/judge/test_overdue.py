"""Whoever runs out of time, by computing or by the clock, is told at which of the file's own lines."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

LOOP = """\
import jax, jax.numpy as jnp
def helper(x):
    i = 0
    while i < 10:
        y = jnp.square(x)
    return y
def vectorized_square(x):
    return helper(x)
"""


def test_a_loop_without_an_end_is_shown(judge: Callable) -> None:
    (verdict,) = judge(LOOP, patience=4.0)
    assert verdict.verdict == "timeout", verdict
    assert verdict.diagnosis.pitfall == "still-running"
    outer, inner = verdict.error["frames"]
    assert outer[1:] == ["vectorized_square", "return helper(x)"]
    assert (inner[1], inner[0] in ("line 4", "line 5", "4", "5")) == ("helper", True), inner
    (verdict,) = judge(LOOP.replace("y = ", "i += 1; y = "), patience=20.0)
    assert verdict.verdict == "conforms", verdict


def test_so_is_one_that_is_met_while_the_file_is_loaded(judge: Callable) -> None:
    (verdict,) = judge(LOOP + "helper(2.0)\n", patience=4.0)
    assert (verdict.verdict, verdict.exercise) == ("timeout", None)
    assert verdict.error["frames"][0][2] == "helper(2.0)"
    assert "loading the file took" in verdict.message


HIDDEN = {
    "in a compiled program": (
        "import jax\n"
        "def vectorized_square(x):\n"
        "    return x * jax.lax.while_loop(lambda i: i >= 0, lambda i: i ^ 1, x.size)\n"
    ),
    "prevented": (
        "import signal\n"
        "def vectorized_square(x):\n"
        "    signal.signal(signal.SIGALRM, signal.SIG_IGN)\n"
        "    while True: pass\n"
    ),
    "the frames are hidden": (
        "import sys\n"
        "for module in [m for n, m in sys.modules.items() if n.endswith('candidate_module')]:\n"
        "    module.running = lambda *given: [1, [2], ['a', 'b', {}], 'x' * 100000]\n"
        "def vectorized_square(x):\n"
        "    while True: pass\n"
    ),
}


@pytest.mark.parametrize("way", HIDDEN)
def test_where_it_cannot_be_told_it_is_a_timeout_all_the_same(way: str, judge: Callable) -> None:
    (verdict,) = judge(HIDDEN[way], patience=4.0)
    assert verdict.verdict == "timeout", verdict


def test_a_candidates_own_alarm_does_it_no_harm(judge: Callable) -> None:
    source = (
        "import signal\n"
        "def late(number, frame): raise TimeoutError\n"
        "def vectorized_square(x):\n"
        "    signal.signal(signal.SIGALRM, late)\n"
        "    signal.alarm(600)\n"
        "    try:\n"
        "        return x * x\n"
        "    finally:\n"
        "        signal.alarm(0)\n"
    )
    (verdict,) = judge(source, patience=20.0)
    assert verdict.verdict == "conforms", verdict


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
