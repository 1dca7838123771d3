"""Candidates that take all time, memory, processes, output or disk."""

from __future__ import annotations

from collections.abc import Callable

from tests.conformance.judge.attacks import (
    RIGHT,
    Attack,
    assert_right_verdict_and_nothing_left,
    at_each_level,
    body,
)

ATTACKS = {
    "infinite-loop": Attack(body("while True: pass"), ("timeout",)),
    "infinite-loop-on-load": Attack("while True: pass\n" + RIGHT, ("timeout",), "loading"),
    "sleep": Attack(body("import time; time.sleep(10_000)"), ("timeout",)),
    "recursion": Attack(body("return vectorized_square(x)"), ("error",), "RecursionError"),
    "fork-bomb": Attack(
        body("import os", "while True: os.fork()"),
        ("error", "crashed", "timeout"),
        without_namespaces=True,
    ),
    "thread-bomb": Attack(
        body(
            "import threading, time",
            "while True: threading.Thread(target=time.sleep, args=(1000,)).start()",
        ),
        ("error", "crashed"),
        without_namespaces=True,
    ),
    "memory-bomb": Attack(
        body("import numpy as np; held = []", "while True: held.append(np.empty(10**8))"),
        ("error",),
        "allocate",
        without_namespaces=True,
    ),
    "memory-bomb-at-once": Attack(
        body("import numpy as np", "return np.ones(10**10)"), ("error",), "Unable to allocate"
    ),
    "memory-bomb-of-many": Attack(
        body(
            "import os, time",
            "for _ in range(20):",
            "    if os.fork() == 0:",
            "        held = bytearray(10**9)",
            "        for place in range(0, 10**9, 4096): held[place] = 1",
            "        time.sleep(1000)",
            "time.sleep(1000)",
        ),
        ("crashed", "timeout"),
        without_namespaces=True,
    ),
    "huge-output": Attack(
        body("import numpy as np", "return np.zeros(10**8, np.float32)"),
        ("violates",),
        "far larger than the right one",
    ),
    "huge-output-of-nothing": Attack(
        body("import numpy as np", "return np.broadcast_to(np.float32(0), (10**12,))"),
        ("violates",),
        "1000000000000",
    ),
    "flood-with-right-answer": Attack(
        body(
            "import sys",
            "for stream in (sys.stdout, sys.stderr):",
            "    for _ in range(100): print('x' * 10_000, file=stream)",
            "return x * x",
        ),
        ("conforms",),
    ),
    "flood-without-end": Attack(
        body("import sys", "while True: print('x' * 10_000); print('y' * 10_000, file=sys.stderr)"),
        ("timeout",),
    ),
    "fills-its-directory": Attack(
        body(
            "with open('much', 'wb') as file:",
            "    while True: file.write(b'x' * 10**6); file.flush()",
        ),
        ("error", "crashed"),
        without_namespaces=True,
    ),
}


@at_each_level(ATTACKS)
def test_an_attack_ends_as_the_right_verdict_and_leaves_nothing(
    level: str, attack: Attack, judge: Callable, nothing_left: Callable, best_level: str
) -> None:
    level = best_level if level == "best" else level
    assert_right_verdict_and_nothing_left(level, attack, judge, nothing_left)
