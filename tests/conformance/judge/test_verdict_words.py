"""Verdicts by what was observed, remarks, strictness, troubles with files, and how they read."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from conformance.judge import check_file, feedback

HAND_MADE = """\
import flax.linen as nn, jax
def nn_vmap_forward(seed, x_batch, features):
    layer = nn.Dense(features)
    return layer.apply(layer.init(jax.random.PRNGKey(seed), x_batch), x_batch).reshape(-1)
"""
COPIES = """\
import flax.linen as nn, jax
def nn_vmap_forward(seed, x_batch, features):
    layer = nn.vmap(nn.Dense, in_axes=0, out_axes=0, variable_axes={"params": 0},
                    split_rngs={"params": False})(features)
    return layer.apply(layer.init(jax.random.PRNGKey(seed), x_batch), x_batch).reshape(-1)
"""
SQUARE = "def vectorized_square(x):\n    return x * x\n"


def test_a_solution_without_the_lift_is_remarked_on_and_fails_when_strict(judge: Callable) -> None:
    (verdict,) = judge(HAND_MADE, patience=20.0)
    assert verdict.verdict == "conforms"
    assert "flax.linen.vmap was not called" in verdict.remarks[0]
    (strict,) = judge(HAND_MADE, strict=True, patience=20.0)
    assert strict.verdict == "violates"
    assert strict.observed
    assert "--strict" in strict.message


@pytest.mark.parametrize("spelling", ["flax.linen.vmap", "flax.linen.transforms.vmap"])
def test_the_lift_is_seen_however_it_is_called(spelling: str, judge: Callable) -> None:
    source = HAND_MADE.replace("import flax.linen as nn, jax", "import flax.linen as nn, flax, jax")
    lift = f"{spelling}(nn.Dense, variable_axes={{'params': None}}, split_rngs={{'params': False}})"
    (verdict,) = judge(source.replace("nn.Dense(", f"{lift}("), strict=True, patience=20.0)
    assert verdict.verdict == "conforms", verdict
    assert verdict.remarks == ()
    assert verdict.lift.startswith("nn.vmap(Dense, variable_axes={'params': None}")


def test_digits_that_differ_within_the_bound_are_a_remark(judge: Callable) -> None:
    source = (
        "import os, numpy as np, jax.numpy as jnp\n"
        "def neural_network(params, x):\n"
        "    for w, b in params: x = jnp.tanh(jnp.dot(x, w) + b)\n"
        "    y = np.asarray(x)\n"
        "    return np.nextafter(y, np.float32(0)) if os.urandom(1)[0] < 128 else y\n"
    )
    (verdict,) = judge(source, examples=40, patience=20.0)
    assert verdict.verdict == "conforms", verdict
    assert "differ in their last digits" in verdict.remarks[0]


def test_identical_copies_violate_the_sharing_law_though_the_answer_is_right(
    judge: Callable,
) -> None:
    (verdict,) = judge(COPIES, patience=20.0)
    assert verdict.verdict == "violates"
    assert verdict.law == "sharing.no-batch-axis"
    assert verdict.observed
    assert "observed" in feedback.text(verdict)
    assert "kernel of shape (2, 1, 1)" in verdict.message
    assert "shared it has shape (1, 1)" in verdict.message
    assert "observed: nn.vmap(Dense, in_axes=0" in feedback.text(verdict)


def test_forged_observations_never_help(judge: Callable) -> None:
    forged = (
        "import sys\n"
        "lie = {'vmaps': [{'target': 'Dense'}], 'inits': [{'params/kernel': [1, 1]}]}\n"
        "sys.modules['sandbox.observe'].take = lambda: lie\n"
        "def nn_vmap_forward(seed, x_batch, features):\n"
        "    return x_batch[:, :1].repeat(features, 1).reshape(-1)\n"
    )
    (verdict,) = judge(forged)
    assert verdict.verdict == "violates"
    assert not verdict.observed


@pytest.mark.parametrize(
    "noise", ["None", "[]", "'x'", "{'inits': 3}", "{'inits': [{'kernel': 'x'}], 'vmaps': 7}"]
)
def test_nonsense_for_observations_changes_nothing(noise: str, judge: Callable) -> None:
    source = f"import sys\nsys.modules['sandbox.observe'].take = lambda: {noise}\n{SQUARE}"
    (verdict,) = judge(source)
    assert verdict.verdict == "conforms"


@pytest.mark.parametrize(
    ("content", "verdict", "says"),
    [
        (b"def f(:\n", "error", "SyntaxError"),
        (b"import os\nimport jax.not_there\n", "error", "ModuleNotFoundError"),
        (b"import a_package_that_nobody_has\n", "error", "ModuleNotFoundError"),
        (b"", "missing", "the file is empty, and defines none of"),
        (b" \n\n", "missing", "the file is empty, and defines none of"),
        (b"# def f(x):\n\n", "missing", "the file has comments alone, and defines none of"),
        (b"x = 1\n", "missing", "the file defines none of"),
        (b"vectorized_square = 7\n", "missing", "vectorized_square is int, not a function"),
        (b"\x00\x01\xff\xfe" * 100, "error", ""),
        (b"\x7fELF" + bytes(range(256)), "error", ""),
        (b"(" * 100_000, "error", ""),
        (b"#" * (2**20 + 1), "error", "larger than"),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_a_file_that_is_no_solution(
    content: bytes, verdict: str, says: str, judge: Callable
) -> None:
    (result,) = judge(content)
    assert result.verdict == verdict, result
    assert says in result.message
    assert result.exercise is None


def unreadable(tmp_path: Path, kind: str) -> Path:
    path = tmp_path / "odd.py"
    if kind == "directory":
        path.mkdir()
    elif kind == "symlink-loop":
        path.symlink_to(path)
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "dangling":
        path.symlink_to(tmp_path / "nowhere")
    return path


@pytest.mark.parametrize("kind", ["directory", "symlink-loop", "pipe", "dangling"])
def test_a_path_that_is_no_file(
    kind: str, tmp_path: Path, sessions: Callable, best_level: str
) -> None:
    (verdict,) = check_file.check_file(sessions(best_level), unreadable(tmp_path, kind))
    assert verdict.verdict == "error"
    assert "file" in verdict.message


def test_a_file_without_permission(
    tmp_path: Path, sessions: Callable, best_level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root may read anything, so the refusal is the system call's here."""
    path = tmp_path / "closed.py"
    path.write_text(SQUARE)

    def refuse(*arguments: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("conformance.judge.submissions.os.open", refuse)
    (verdict,) = check_file.check_file(sessions(best_level), path)
    assert verdict.verdict == "error"
    assert "Permission denied" in verdict.message


def test_an_error_shows_the_candidates_own_lines_and_the_call(judge: Callable) -> None:
    source = "import jax\n\ndef helper(x):\n    return jax.numpy.dot(x, x[:-1])\n\n"
    (verdict,) = judge(source + "def vectorized_square(x):\n    return helper(x)\n")
    assert verdict.verdict == "error"
    assert [frame[1] for frame in verdict.error["frames"]] == ["vectorized_square", "helper"]
    text = feedback.text(verdict)
    assert "line 4 in helper: return jax.numpy.dot(x, x[:-1])" in text
    assert "site-packages" not in text
    assert "x = [" in text


def test_a_violation_shows_the_smallest_call_expected_and_got(judge: Callable) -> None:
    (verdict,) = judge("def vectorized_square(x):\n    return x * 2\n")
    assert verdict.counterexample.arguments["x"].shape == (1,)
    text = feedback.text(verdict)
    for part in (
        "task: vectorized_square(x): square",
        "expected",
        "got",
        "read next",
    ):
        assert part in text
    assert "mapping.equals-per-example" not in text
    assert "law: mapping.equals-per-example" in feedback.text(verdict, verbose=True)


def test_a_file_with_several_functions_gets_a_verdict_for_each(judge: Callable) -> None:
    source = SQUARE + "def vectorized_dot_product(x, y):\n    return (x * y).sum(0)\n"
    found = {each.exercise: each.verdict for each in judge(source)}
    assert found == {"vectorized_square": "conforms", "vectorized_dot_product": "violates"}


def test_every_verdict_says_which_isolation_held(judge: Callable, best_level: str) -> None:
    (verdict,) = judge(SQUARE)
    assert verdict.isolation == best_level
    assert bool(verdict.lacks) == (best_level != "namespaces")
