"""The bounds on values hold for every legal way to compile a right solution, and every order of its sums."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from conformance.judge.exercises import load_exercises
from conformance.judge.server_process import environment
from tests.conformance.judge.other_orders import ORDERS

SCRIPT = Path(__file__).with_name("compilings.py")
ROOT = Path(__file__).resolve().parents[3]
SEEDS = 20


NAMES = [name for name in load_exercises() if not name.startswith("parallel")]
"""What runs on each device of the others is one of these."""


@pytest.mark.parametrize("compiled", ["by default", "as in a candidate's process"])
@pytest.mark.parametrize("name", NAMES)
def test_a_right_solution_is_within_its_bounds_however_compiled(name: str, compiled: str) -> None:
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"}
    if compiled == "as in a candidate's process":
        variables |= {k: v for k, v in environment().items() if k.startswith(("JAX_", "XLA_"))}
    command = [sys.executable, str(SCRIPT), name, str(SEEDS)]
    done = subprocess.run(command, capture_output=True, text=True, env=variables)
    assert done.returncode == 0, done.stderr
    ways = json.loads(done.stdout)
    control = ways.pop("bfloat16")
    assert set(ways) == {"eager", "whole", "fused", "without jit", *ORDERS.get(name, ())}
    assert max(ways.values()) <= 1, ways
    assert control > 1, control


def test_most_exercises_are_measured() -> None:
    assert len(NAMES) == 10


def test_a_formula_that_cancels_in_the_task_conforms_and_a_wrong_one_does_not(
    judge: Callable,
) -> None:
    source = (
        "import jax.numpy as jnp\ndef loss_fn(params, x, y):\n"
        "    for w, b in params:\n        x = jnp.tanh(x @ w + b)\n"
        "    return jnp.mean(x * x - 2 * x * y + y * y{})\n"
    )
    (verdict,) = judge(source.format(""), examples=100, seed=12, patience=20.0)
    assert verdict.verdict == "conforms", verdict
    (verdict,) = judge(source.format(" * 1.00001"), examples=100, seed=12, patience=20.0)
    assert verdict.verdict == "violates", verdict
