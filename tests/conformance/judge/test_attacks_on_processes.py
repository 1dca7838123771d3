"""Candidates that end, ignore signals, or leave processes behind."""

from __future__ import annotations

import os
from collections.abc import Callable

import attrs

from conformance.judge.channel import Channel, has_ended
from tests.conformance.judge.attacks import (
    RIGHT,
    Attack,
    assert_right_verdict_and_nothing_left,
    at_each_level,
    body,
)

ATTACKS = {
    "stops-itself": Attack(
        body("import os; os.kill(os.getpid(), 19)", "return x * x"), ("timeout",)
    ),
    "os-exit": Attack(
        body("import os; os._exit(0)"), ("crashed",), "exit status 0", without_namespaces=True
    ),
    "os-exit-on-load": Attack("import os; os._exit(0)\n" + RIGHT, ("crashed",), "exit status 0"),
    "sys-exit": Attack(body("import sys; sys.exit(0)"), ("error",), "SystemExit"),
    "sys-exit-on-load": Attack("import sys; sys.exit(0)\n" + RIGHT, ("error",), "SystemExit"),
    "keyboard-interrupt": Attack(body("raise KeyboardInterrupt"), ("error",), "KeyboardInterrupt"),
    "signal-ignoring": Attack(
        body(
            "import signal",
            "for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:",
            "    signal.signal(number, signal.SIG_IGN)",
            "while True: pass",
        ),
        ("timeout",),
        without_namespaces=True,
    ),
    "kills-its-parent": Attack(
        body(
            "import os",
            "try: os.kill(os.getppid(), 9)",
            "except PermissionError: pass",
            "return x * x",
        ),
        ("conforms",),
        without_namespaces=True,
    ),
    "segmentation-fault": Attack(
        body("import ctypes; ctypes.string_at(0)"),
        ("crashed",),
        "signal 11",
        without_namespaces=True,
    ),
    "abort": Attack(body("import os; os.abort()"), ("crashed",), "signal 6"),
    "stack-overflow": Attack(
        body(
            "import sys, threading",
            "sys.setrecursionlimit(10**8)",
            "def deep(n): return max([n], key=lambda v: deep(v + 1))",
            "return deep(0)",
        ),
        ("crashed", "error"),
    ),
    "closes-every-descriptor": Attack(
        body("import os; os.closerange(0, 4096)", "return x * x"), ("crashed",)
    ),
    "leaves-its-child-to-answer": Attack(
        body(
            "if os.fork(): os._exit(0)",
            "time.sleep(0.05)",
            "return x * x",
            before="import os, time",
        ),
        ("crashed",),
    ),
    "reads-stdin": Attack(body("input()", "return x * x"), ("error",), "EOFError"),
    "leaves-a-daemon": Attack(
        body(
            "if os.fork() == 0:",
            "    os.setsid()",
            "    if os.fork() == 0:",
            "        for fd in range(3, 256):",
            "            try: os.close(fd)",
            "            except OSError: pass",
            "        time.sleep(10_000)",
            "    os._exit(0)",
            "return x * x",
            before="import os, time",
        ),
        ("conforms",),
        without_namespaces=True,
    ),
    "leaves-a-daemon-without-a-supervisor": Attack(
        body(
            "if os.fork() == 0:",
            "    os.setsid()",
            "    for fd in range(3, 256):",
            "        try: os.close(fd)",
            "        except OSError: pass",
            "    time.sleep(10_000)",
            "try: os.kill(os.getppid(), 9)",
            "except PermissionError: pass",
            "return x * x",
            before="import os, time",
        ),
        ("conforms",),
        without_namespaces=True,
    ),
}


@at_each_level(ATTACKS)
def test_an_attack_ends_as_the_right_verdict_and_leaves_nothing(
    level: str, attack: Attack, judge: Callable, nothing_left: Callable, best_level: str
) -> None:
    level = best_level if level == "best" else level
    assert_right_verdict_and_nothing_left(level, attack, judge, nothing_left)


@attrs.define
class FakeWorker:
    """A worker of which only the supervisor's pipe is there."""

    status: int


def test_only_a_supervisors_word_is_the_end_of_its_worker() -> None:
    """A candidate may kill it, where the kernel allows that: the worker then goes on."""
    status, supervisor = os.pipe()
    channel = Channel(FakeWorker(status))
    assert not has_ended(channel)
    os.write(supervisor, b"{}")
    assert has_ended(channel)
    os.read(status, 2)
    os.close(supervisor)
    assert not has_ended(channel)
    os.close(status)
