"""A run of a user's own module: its header, and the case and the script of a violation, which work."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from conformance.events.reader import read
from conformance.events.records import Header

MODULE = """
import jax
import jax.numpy as jnp

from conformance import own


def moved(function, in_axes=0, out_axes=0, **options):
    mapped = jax.vmap(function, in_axes, out_axes, **options)
    return lambda *given, **named: jnp.roll(mapped(*given, **named), 1, 0)


SUBJECTS = [own.function("mine", jnp.tanh, [("n",)])]
TRANSFORMS = [own.transform("moved-vmap", moved)]
"""
CHOSEN = ("--law", "mapping.equals-per-example", "--transform", "moved-vmap", "--subject", "mine")


def test_the_case_and_the_script_of_a_users_map_work_where_the_run_did(
    ran: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "my_subjects.py").write_text(MODULE)
    page = tmp_path / "page.html"
    got = ran(
        "run", *CHOSEN, "--subjects", "my_subjects", "--log", "run.jsonl", "--html", page, "-n", 1
    )
    assert got.status == 1
    header = next(e for e in read(tmp_path / "run.jsonl") if isinstance(e, Header))
    assert header.subjects
    assert {name: each.module for name, each in header.subjects.items()} == {"mine": "my_subjects"}
    text = page.read_text()
    assert 'id="own"' in text
    assert "vmap-conformance run --subjects my_subjects --law" in text
    assert "it imports your module" in text
    (case,) = (tmp_path / "run-violations").glob("*.json")
    assert f"replay run-violations/{case.name}" in got.out
    again = ran("replay", f"run-violations/{case.name}")
    assert (again.status, "values differ" in again.out) == (1, True)
    (script,) = (tmp_path / "run-violations").glob("*.py")
    assert "The map is the user's own: this imports the module my_subjects" in script.read_text()
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    shown = subprocess.run(
        [sys.executable, script],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (shown.returncode, shown.stdout.splitlines()[-1]) == (1, "they differ"), shown.stderr


def test_a_case_that_names_no_modules_is_refused(ran: Callable[..., Any], tmp_path: Path) -> None:
    case = {"law": "mapping.equals-per-example", "transform": "jax.vmap", "call": {}}
    for modules, said in (("mine", "must be a list of modules"), (["no_such"], "No module named")):
        (tmp_path / "case.json").write_text(json.dumps({**case, "subjects": modules}))
        got = ran("replay", "case.json")
        assert (got.status, got.out) == (2, "")
        assert said in got.err
