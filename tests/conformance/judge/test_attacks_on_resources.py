"""Candidates that take all time, memory, processes, output or disk."""

from __future__ import annotations

from collections.abc import Callable

import pytest

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


TREE = "def init_params(layer_sizes, key):\n    tree = [0.0]\n"
ARRAY = "def vectorized_square(x):\n    tree = [0.0]\n"
GROWS = "    for _ in range({}):\n        tree = {}\n    return tree\n"


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (TREE + GROWS.format(60, "[tree, tree]"), "far more parts"),
        (TREE + GROWS.format(60, "dict(a=tree, b=tree)"), "far more parts"),
        (TREE + GROWS.format(50_000, "[tree]"), "nested too deeply"),
        (ARRAY + GROWS.format(60, "[tree, tree]"), "far more parts"),
    ],
)
def test_an_answer_of_any_number_of_parts_is_refused_in_words(
    source: str, says: str, judge: Callable, nothing_left: Callable, best_level: str
) -> None:
    (verdict,) = judge(source, patience=20.0)
    assert verdict.verdict == "violates", verdict
    assert says in verdict.message
    nothing_left(best_level)
    (verdict,) = judge(RIGHT, name="next.py")
    assert verdict.verdict == "conforms"


@pytest.mark.parametrize("level", ["best", "process"])
def test_what_burns_processor_time_in_the_background_ends_with_its_candidate(
    level: str, judge: Callable, nothing_left: Callable, best_level: str
) -> None:
    level = best_level if level == "best" else level
    burns = (
        "import os, threading\ndef burn():\n    while True:\n        pass\n"
        "threading.Thread(target=burn, daemon=True).start()\n"
        "if os.fork() == 0:\n    os.setsid()\n    burn()\n"
    )
    (verdict,) = judge(burns + RIGHT, level=level, patience=60.0)
    assert verdict.verdict == "conforms", verdict
    nothing_left(level)
    (verdict,) = judge(burns + RIGHT.replace("*", "+"), level=level, patience=60.0, name="wrong.py")
    assert verdict.verdict == "violates", verdict
    nothing_left(level)
