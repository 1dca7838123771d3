"""The example workflow and the action: limits, least rights, no hole for a title, and steps that run."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.conftest import ENVIRONMENT
from tests.conformance.logs import EventLog

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "ci" / "vmap-conformance.yml"
WORKFLOWS = [EXAMPLE, *sorted((ROOT / ".github" / "workflows").glob("*.yml"))]


def script(name: str, text: str) -> str:
    """The block of the step with that name, as the shell gets it."""
    found = re.search(
        rf"- name: {re.escape(name)}\n(?:(?!      - ).*\n)*?        run: \|\n((?:          .*\n)+)",
        text,
    )
    assert found, f"there is no step {name!r} with a block"
    return re.sub("^ {10}", "", found[1], flags=re.MULTILINE)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_every_job_has_a_timeout_and_the_workflow_says_its_rights(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("timeout-minutes:") == text.count("runs-on:")
    assert re.search(r"^permissions:\n  contents: read$", text, re.MULTILINE)


def scripts(text: str) -> list[str]:
    """Every shell script of a workflow, a line or a block."""
    found: list[str] = []
    depth = None
    for line in text.splitlines():
        key = re.match(r"^( *)(- )?run: (.*)$", line)
        if key:
            depth = len(key[1]) + len(key[2] or "")
            found.append("" if key[3] == "|" else key[3])
        elif depth is not None and line.startswith(" " * (depth + 1)):
            found[-1] += f"{line}\n"
        else:
            depth = None
    return found


@pytest.mark.parametrize("path", [EXAMPLE, ROOT / "action.yml"], ids=["example", "action"])
def test_no_script_has_an_expression_in_it(path: Path) -> None:
    found = scripts(path.read_text(encoding="utf-8"))
    assert len(found) >= 2
    assert not [each for each in found if "${{" in each]


@pytest.fixture
def commands(tmp_path: Path) -> dict[str, str]:
    """An environment in which `vmap-conformance` is this checkout's."""
    folder = tmp_path / "bin"
    folder.mkdir()
    command = folder / "vmap-conformance"
    command.write_text(
        f'#!/bin/sh\nexec {sys.executable} -c "from conformance.cli import main; main()" "$@"\n'
    )
    command.chmod(0o755)
    paths = {"PATH": f"{folder}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    return {**os.environ, **paths, "XDG_CACHE_HOME": str(tmp_path / "cache")}


def log(path: Path, shard: int, outcome: str) -> None:
    run: dict[str, Any] = {"suite": "0.1.0", "profile": "ci", "seed": 7, "command": ["run"]}
    written = EventLog(path)
    written.write("header", schema=1, environment=ENVIRONMENT, shard=(shard, 2), **run)
    detail = {"reason": "the process died", "output": ""} if outcome == "crashed" else None
    spent = {"examples": 1, "seconds": 1.0, "compilations": 0}
    names = {"law": "mapping.concatenates", "transform": "jax.vmap", "subject": f"square{shard}"}
    written.write("result", **names, outcome=outcome, detail=detail, **spent)
    written.finish()


@pytest.mark.parametrize(
    ("shards", "status"),
    [({1: "holds", 2: "holds"}, 0), ({1: "holds", 2: "crashed"}, 1), ({1: "holds"}, 3)],
)
def test_the_step_that_joins_shards_runs(
    tmp_path: Path, commands: dict[str, str], shards: dict[int, str], status: int
) -> None:
    for shard, outcome in shards.items():
        log(tmp_path / f"log-{shard}.jsonl", shard, outcome)
    step = script(
        "Join the shards' logs; the exit status is that of the whole", EXAMPLE.read_text()
    )
    done = subprocess.run(
        ["bash", "-e", "-c", step],
        cwd=tmp_path,
        env={**commands, "GITHUB_ACTIONS": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status, done.stderr
    assert ("::error title=vmap-conformance::" in done.stdout) == (status > 1)
    annotated = "::error title=vmap-conformance%3A square2::the process dies" in done.stderr
    assert annotated == (status == 1)
    assert (tmp_path / "summary.md").stat().st_size < 1_000_000
    assert (tmp_path / "report.html").exists()
