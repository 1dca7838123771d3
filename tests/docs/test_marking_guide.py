"""The teacher's guide, followed word for word; and the example for Gradescope."""

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.docs.test_code_blocks import ROOT, blocks

PAGE = (ROOT / "docs" / "marking-a-class.md").read_text(encoding="utf-8")
EXAMPLE = ROOT / "examples" / "gradescope"


def environment(place: Path) -> dict[str, str]:
    """With `vmap-conformance` of this checkout on the path."""
    tools = place / "tools"
    tools.mkdir()
    command = tools / "vmap-conformance"
    run = f'exec {sys.executable} -c "from conformance.cli import main; main()" "$@"'
    command.write_text(f"#!/bin/sh\n{run}\n")
    command.chmod(0o755)
    path = f"{tools}:{os.environ['PATH']}"
    return {**os.environ, "PYTHONPATH": str(ROOT), "PATH": path}


def submissions() -> dict[str, str]:
    return {
        str(block.note): block.code
        for block in blocks(PAGE, "python")
        if (block.note or "").startswith("submissions/")
    }


def test_the_guide_leads_to_a_marks_table(tmp_path: Path) -> None:
    variables, course = environment(tmp_path), tmp_path / "course"
    for name, code in submissions().items():
        (course / name).parent.mkdir(parents=True)
        (course / name).write_text(code)
    (toml,) = blocks(PAGE, "toml")
    (course / "exercises.toml").write_text(toml.code)
    judge, again = (block for block in blocks(PAGE, "sh") if block.kind is None)
    done = subprocess.run(
        ["bash", "-c", judge.code], cwd=course, env=variables, capture_output=True, text=True
    )
    assert done.returncode == 1, done.stdout + done.stderr
    shown = [line.split() for line in done.stdout.splitlines()]
    promised = PAGE.partition("```\nmarks\n")[2].partition("```")[0]
    for line in promised.splitlines():
        assert line.split() in shown, done.stdout
    first = (course / "marks.csv").read_text()
    assert [row["points"] for row in csv.DictReader(first.splitlines())] == ["7", "0"]
    assert len(list((course / "feedback" / "students").iterdir())) == 2
    (course / "exercises.toml").write_text(toml.code.replace("points = 4", "points = 10"))
    done = subprocess.run(
        ["bash", "-c", again.code], cwd=course, env=variables, capture_output=True, text=True
    )
    assert done.returncode == 1, done.stdout + done.stderr
    second = (course / "marks.csv").read_text()
    assert [row["max_points"] for row in csv.DictReader(second.splitlines())] == ["12", "12"]
    assert "12" in (course / "feedback" / "index.html").read_text()


def test_the_example_for_gradescope_writes_its_results(tmp_path: Path) -> None:
    variables, grader = environment(tmp_path), tmp_path / "grader"
    shutil.copytree(EXAMPLE, grader / "source")
    (grader / "results").mkdir()
    (grader / "submission").mkdir()
    (grader / "submission" / "hw3.py").write_text(submissions()["submissions/ada/hw3.py"])
    done = subprocess.run(
        [str(EXAMPLE / "run_autograder")],
        env={**variables, "AUTOGRADER": str(grader)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads((grader / "results" / "results.json").read_text())
    assert {t["name"]: (t["score"], t["max_score"]) for t in results["tests"]} == {
        "vectorized_square": (2.0, 2.0),
        "vectorized_linear_layer": (4.0, 4.0),
        "vectorized_dot_product": (1.0, 0.0),
    }
