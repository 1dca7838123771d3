"""The bounds on values hold for every legal way to compile a right solution."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("compilings.py")
ROOT = Path(__file__).resolve().parents[3]
SEEDS = 20


@pytest.mark.parametrize("unoptimised", ["0", "1"])
def test_right_solutions_are_within_their_bounds_however_compiled(unoptimised: str) -> None:
    variables = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "JAX_PLATFORMS": "cpu",
        "JAX_DISABLE_MOST_OPTIMIZATIONS": unoptimised,
    }
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(SEEDS)], capture_output=True, text=True, env=variables
    )
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)
    assert len(results) == 10
    for name, ways in results.items():
        control = ways.pop("bfloat16")
        assert set(ways) == {"eager", "whole", "fused", "without jit"}
        assert max(ways.values()) <= 1, (name, ways)
        assert control > 1, (name, control)
