"""The call shown with a wrong answer is small, is wrong in the same way, and gives no seed away."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from conformance.judge import check, minimize
from conformance.judge.exercises import load_exercises
from conformance.judge.expected_answers import Call, draw_calls

LAYER = (
    "def vectorized_linear_layer(weights, biases, inputs):\n    return inputs @ weights {} biases\n"
)
PAIRS_ONLY = (
    "import jax.numpy as jnp\ndef vectorized_square(x):\n"
    "    return jnp.where(jnp.arange(len(x)) == 1, x, x * x)\n"
)


def shown(judge: Callable, source: str, seed: int = 0) -> dict[str, np.ndarray]:
    (verdict,) = judge(source, seed=seed, patience=20.0)
    assert verdict.verdict == "violates", verdict
    found: dict[str, np.ndarray] = verdict.counterexample.arguments
    return found


def test_what_is_wrong_everywhere_is_shown_by_one_number_of_each(judge: Callable) -> None:
    found = shown(judge, LAYER.format("-"))
    assert [found[name].size for name in ("weights", "biases", "inputs")] == [1, 1, 1]


def test_what_needs_two_examples_is_shown_by_two(judge: Callable) -> None:
    assert shown(judge, PAIRS_ONLY)["x"].shape == (2,)


def test_the_call_says_nothing_of_the_seed(judge: Callable) -> None:
    one, other = (shown(judge, PAIRS_ONLY, seed=seed) for seed in (3, 4))
    assert np.array_equal(one["x"], other["x"])
    exercise = load_exercises()["vectorized_square"]
    for seed in (3, 4):
        drawn = [call.arguments["x"].tobytes() for call in draw_calls(exercise, 16, seed)]
        assert one["x"].tobytes() not in drawn


def test_no_more_calls_are_made_than_the_budget_has() -> None:
    exercise = load_exercises()["vectorized_linear_layer"]
    call = draw_calls(exercise, 16, 0)[7]
    tried: list[Call] = []
    kept, failing = minimize.minimize(exercise, call, "first", lambda each: tried.append(each))
    assert (kept, failing) == (call, "first")
    assert 0 < len(tried) <= minimize.MAX_TRIES
    known = {(each["examples"], each["inputs"], each["outputs"]) for each in exercise.shapes}
    sizes = [{shape[place] for shape in known} for place in range(3)]
    for each in tried:
        weights, inputs = each.arguments["weights"], each.arguments["inputs"]
        assert len(inputs) in sizes[0]
        assert weights.shape[0] in sizes[1]
        assert weights.shape[1] in sizes[2]


PAIRS = """\
from conformance.judge import Exercise, draw_floats
import numpy as np
def draw(shape, random, turn):
    return {{name: draw_floats(random, turn, size, 4) for name, size in shape.items()}}
EXERCISE = Exercise(
    name="pairs", signature="pairs(x, y)", task="every pair", law="mapping.equals-per-example",
    shapes=({{"x": 1, "y": 1}}, {{"x": 3, "y": 2}}, {{"x": 2, "y": 5}}),
    draw=draw, reference=lambda x, y: (np.abs(x[:, None] - y) > 1).{}(-1).astype(np.int32),
)
"""


def told(own: str, tmp_path: Path) -> str:
    (tmp_path / "own.py").write_text(own)
    source = (
        "import numpy as np\ndef pairs(x, y):\n    return np.full((len(x), len(y)), 9, np.int32)\n"
    )
    (tmp_path / "hw.py").write_text(source)
    (verdict,) = check(tmp_path / "hw.py", exercises=[tmp_path / "own.py"], examples=12)
    assert verdict.verdict == "violates", verdict
    return " ".join(verdict.remarks)


def test_the_two_rows_of_a_wrong_pair_are_named(tmp_path: Path) -> None:
    said = told(PAIRS.format("sum"), tmp_path)
    assert "the first wrong value, [0, 0], is of the rows x[0] = [" in said
    assert " and y[0] = [" in said


@pytest.mark.parametrize(
    ("changed", "into"),
    [
        (".sum(-1)", ".sum(-1)[:, :1] + np.zeros((1, 2), int)"),  # (N, 2)
        ("size, 4) for", "size, 4)[:, 0] for"),
    ],
)
def test_where_no_rows_are_paired_none_are_named(changed: str, into: str, tmp_path: Path) -> None:
    own = PAIRS.format("sum")
    assert changed in own
    own = own.replace(changed, into)
    if "[:, 0]" in into:
        own = own.replace("(np.abs(x[:, None] - y) > 1).sum(-1)", "(x[:, None] > y)")
    assert told(own, tmp_path) == ""
