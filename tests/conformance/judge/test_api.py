"""`conformance.judge.check`, as an autograder of one's own calls it."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

import conformance.judge
from conformance.judge import InvalidExercise, check

ROOT = Path(__file__).resolve().parents[3]
SQUARE = "def vectorized_square(x):\n    return x * x\n"


def test_a_directory_gets_its_verdicts(tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text(SQUARE)
    (tmp_path / "wrong.py").write_text(SQUARE.replace("*", "+"))
    (tmp_path / "other.py").write_text("def another(x):\n    return x\n")
    found = check(tmp_path, exercises=["vectorized_square"], examples=8)
    names = [Path(each.candidate).name for each in found]
    assert names == ["good.py", "other.py", "wrong.py"]
    assert [each.verdict for each in found] == ["conforms", "missing", "violates"]
    assert [each.exercise for each in found] == ["vectorized_square"] * 3
    assert [each.conforms for each in found] == [True, False, False]


def test_an_exercise_of_ones_own_is_judged(tmp_path: Path) -> None:
    own = ROOT / "examples" / "exercises" / "vectorized_norm.py"
    source = (
        "import numpy as np\ndef vectorized_norm(rows):\n    return np.linalg.norm(rows, axis=1)\n"
    )
    (tmp_path / "norm.py").write_text(source)
    (verdict,) = check(tmp_path / "norm.py", exercises=[own], examples=8, seed=3)
    assert (verdict.exercise, verdict.verdict) == ("vectorized_norm", "conforms")


@pytest.mark.parametrize("name", ["vectorized_norm", "dense_relu"])
def test_the_solution_of_an_example_conforms_and_its_first_pitfall_is_named(
    name: str, tmp_path: Path
) -> None:
    own = ROOT / "examples" / "exercises" / f"{name}.py"
    solution = runpy.run_path(str(own))["EXERCISE"].solution
    (tmp_path / "right.py").write_text(solution)
    wrong = solution.replace("jax.nn.relu", "").replace(
        "jax.vmap(jnp.linalg.norm)", "jnp.linalg.norm"
    )
    assert wrong != solution
    (tmp_path / "wrong.py").write_text(wrong)
    right, other = check(tmp_path, exercises=[own], examples=16, seed=3)
    assert right.conforms, right
    assert other.diagnosis is not None
    assert other.diagnosis.pitfall in ("activation-missing", "norm-of-everything")


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="does not exist"):
        check(tmp_path / "nowhere.py")
    (tmp_path / "good.py").write_text(SQUARE)
    with pytest.raises(InvalidExercise, match="no exercise is called 'no_such': there are"):
        check(tmp_path, exercises=["no_such"])


def test_settings_of_jax_that_change_answers_are_refused(tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text(SQUARE)
    script = (
        "import jax; jax.config.update('jax_enable_x64', True)\n"
        "from conformance.judge import check, JudgeFailure\n"
        f"try: check({str(tmp_path)!r})\n"
        "except JudgeFailure as problem: print(problem)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT)
    assert "set jax_enable_x64=False" in done.stdout, done.stderr


def test_everything_public_is_there_and_importing_it_is_cheap() -> None:
    for name in conformance.judge.__all__:
        assert getattr(conformance.judge, name).__doc__, name
    for module in ("conformance.judge", "conformance.cli.check"):  # whose server starts first
        script = f"import sys, {module}; print({{'jax', 'numpy'}} & set(sys.modules))"
        command = [sys.executable, "-c", script]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
        assert done.stdout == "set()\n", done.stderr
