"""The call shown with a wrong answer is small, is wrong in the same way, and gives no seed away."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from conformance.judge import check, minimize, rerun, worker_run
from conformance.judge import verdict as verdicts
from conformance.judge.attempt import Attempt
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


RAISES = (
    "def vectorized_square(x):\n    if {}:\n        raise ValueError(x.shape)\n    return x * x\n"
)
CHANGES = "def vectorized_square(x):\n    x *= x\n    return x\n"
BATCHED = """\
import jax, flax.linen as nn
def nn_vmap_forward(seed, x_batch, features):
    axes = dict(variable_axes={"params": 0}, split_rngs={"params": False})
    return nn.vmap(nn.Dense, **axes)(features).init_with_output(jax.random.PRNGKey(seed), x_batch)[0].ravel()
"""
KINDS = {  # sources, verdicts, and examples in the call shown
    "raises": (RAISES.format("True"), "error", 1),
    "raises-of-two": (RAISES.format("len(x) == 2"), "error", 2),
    "raises-of-large": (RAISES.format("abs(x).max() > 500"), "error", 1),
    "changes-its-argument": (CHANGES, "violates", 1),
    "changes-two": (CHANGES.replace("x *= x", "x *= x if len(x) > 1 else 1"), "violates", 1),
    "wrong-of-large": (
        "import numpy as np\ndef vectorized_square(x):\n    return np.minimum(x * x, np.float32(1e5))\n",
        "violates",
        1,
    ),
    "not-the-same-twice": (
        "calls = []\ndef vectorized_square(x):\n    calls.append(1)\n    return x * x + len(calls) // 2\n",
        "violates",
        1,
    ),
    "observed": (BATCHED, "violates", 2),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_fault_is_shown_by_a_small_call_that_says_nothing_of_the_seed(
    kind: str, judge: Callable
) -> None:
    source, wanted, examples = KINDS[kind]
    found = []
    for seed in (3, 4):
        (verdict,) = judge(source, seed=seed, patience=20.0)
        assert verdict.verdict == wanted, verdict
        assert verdict.right_calls < verdict.drawn_calls == 16
        assert verdict.calls <= 16
        found.append(verdict.counterexample.arguments)
    one, other = (each.get("x", each.get("x_batch")) for each in found)
    assert len(one) == len(other) == examples
    if "large" not in kind:
        assert np.array_equal(one, other)
        return
    exercise = load_exercises()["vectorized_square"]
    seeds = [[turn, 1, *which] for turn in range(40) for which in ([], [1], [2])]
    draws = [(each[0], np.random.RandomState(each)) for each in seeds]
    known = [exercise.draw({"examples": 1}, random, turn)["x"] for turn, random in draws]
    assert one in known
    assert other in known


def test_an_error_that_is_shown_is_the_same_error(judge: Callable) -> None:
    source = (
        "def vectorized_square(x):\n    if len(x) == 1:\n        raise ValueError('one')\n"
        "    raise ValueError('more')\n"
    )
    (verdict,) = judge(source, patience=20.0)
    at_one = "one" in verdict.message
    assert (len(verdict.counterexample.arguments["x"]) == 1) == at_one, verdict


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


ENDS = (
    "import os, time\ncalls = []\ndef vectorized_square(x):\n    calls.append(x)\n    if {}:\n        {}\n"
    "    return x * x\n"
)
HANGS, EXITS, DIES = "time.sleep(1000)", "os._exit(7)", "os.kill(os.getpid(), 11)"
ENDINGS = {  # sources, verdicts, and examples in the call shown; None for one that stays as drawn
    "hangs": (ENDS.format("True", HANGS), "timeout", 1),
    "hangs-of-two": (ENDS.format("len(x) > 1", HANGS), "timeout", 2),
    "exits": (ENDS.format("True", EXITS), "crashed", 1),
    "dies-of-two": (ENDS.format("len(x) > 1", DIES), "crashed", 2),
    "exits-at-one-value": (ENDS.format("VALUE in x", EXITS), "crashed", None),
    "hangs-at-one-value": (ENDS.format("VALUE in x", HANGS), "timeout", None),
}


@pytest.mark.parametrize("kind", ENDINGS)
def test_a_call_that_ends_its_process_or_hangs_is_shown_small_or_it_is_said_why_not(
    kind: str, judge: Callable
) -> None:
    source, wanted, examples = ENDINGS[kind]
    drawn = draw_calls(load_exercises()["vectorized_square"], 16, 3)
    source = source.replace("VALUE", repr(float(drawn[5].arguments["x"].ravel()[0])))
    (verdict,) = judge(source, seed=3, patience=2.0)
    assert verdict.verdict == wanted, verdict
    size = len(verdict.counterexample.arguments["x"])
    said = [remark for remark in verdict.remarks if "as it was drawn" in remark]
    assert (size, said) == (examples, []) if examples else said
    assert verdict.counterexample.difference == verdict.message


def test_what_all_calls_took_together_is_blamed_on_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_run, "make", lambda *given: time.sleep(0.02) or True)
    exercise = load_exercises()["vectorized_square"]
    calls = draw_calls(exercise, 40, 0)
    run, limits = worker_run.WorkerRun(None), worker_run.Limits(1.0, 0.01)  # type: ignore[arg-type]
    worker_run.work(run, exercise, calls, limits)
    assert run.failure is not None
    assert run.failure.together
    attempt = Attempt(None, "", None, (run,), limits, 0.0, exercise)  # type: ignore[arg-type]
    call = calls[run.failure.call or 0]
    assert rerun.smaller(attempt, run.failure, call) == (run.failure, call, rerun.TOGETHER)


def test_what_took_more_than_its_limits_is_not_started_again() -> None:
    exercise = load_exercises()["vectorized_square"]
    (call,) = draw_calls(exercise, 1, 0)
    run = worker_run.WorkerRun(None, ended={"stopped": "memory", "signal": 9})  # type: ignore[arg-type]
    failure = worker_run.exited(Exception(), run.ended, 0, "during a call")
    limits = worker_run.Limits(1.0, 1.0)
    attempt = Attempt(None, "", None, (run,), limits, 0.0, exercise)  # type: ignore[arg-type]
    assert rerun.smaller(attempt, failure, call) == (failure, call, rerun.NOT_AGAIN)


def test_no_time_is_spent_on_a_smaller_call_where_the_limit_is_long() -> None:
    exercise = load_exercises()["vectorized_square"]
    (call,) = draw_calls(exercise, 1, 0)
    failure = worker_run.Failure(verdicts.TIMEOUT, "a call took more than 100 s", 0)
    limits = worker_run.Limits(100.0, 1.0)
    attempt = Attempt(None, "", None, (), limits, 0.0, exercise)  # type: ignore[arg-type]
    assert rerun.smaller(attempt, failure, call)[:2] == (failure, call)
    assert "as it was drawn" in rerun.smaller(attempt, failure, call)[2]
