"""The scripts that look for false alarms run, each with one subject."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("script", "options"),
    [
        ("false_alarms.py", ["--laws", "mapping.equals-per-example", "--transforms", "jax.vmap"]),
        ("many_values.py", ["--of", "values"]),
    ],
)
def test_a_script_checks_a_sound_subject(script: str, options: list[str], tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    chosen = ["--subjects", "function:clip", "--seeds", "0:2", "--log", str(log)]
    ran = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / script), *chosen, *options],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    if script == "false_alarms.py":
        assert [(line["seed"], line["outcomes"]) for line in lines] == [
            (0, {"holds": 1}),
            (1, {"holds": 1}),
        ]
    else:
        assert [line["agree"] for line in lines] == [2]
