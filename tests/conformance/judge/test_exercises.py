"""Each exercise draws the calls it promises, and its pitfalls are wrong."""

from __future__ import annotations

import ast
import inspect
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from conformance.judge.compare import GivenAnswer, compare
from conformance.judge.exercises import load_exercises
from conformance.judge.exercises.exercise import EDGE_SEEDS, Exercise, parameters
from conformance.judge.expected_answers import ExpectedAnswer, compute, draw_calls

EXERCISES = load_exercises()
each_exercise = pytest.mark.parametrize("name", EXERCISES)


def as_given(answer: ExpectedAnswer) -> GivenAnswer:
    arrays = tuple(leaf.value.astype(leaf.dtype) for leaf in answer.leaves)
    dtypes = tuple(leaf.dtype for leaf in answer.leaves)
    return GivenAnswer(answer.spec, arrays, dtypes, (False,) * len(arrays))


def sizes(exercise: Exercise, name: str) -> set[Any]:
    return {shape[name] for shape in exercise.shapes if name in shape}


def test_every_function_of_the_contract_is_an_exercise() -> None:
    assert set(EXERCISES) == {
        "nn_vmap_forward",
        "nn_vmap_ensemble_forward",
        "vectorized_square",
        "vectorized_dot_product",
        "vectorized_add",
        "vectorized_linear_layer",
        "parallel_scale",
        "parallel_compute",
        "neural_network",
        "loss_fn",
        "init_params",
        "update",
        "parallel_update",
    }


@each_exercise
def test_there_are_eight_shapes_with_the_edges(name: str) -> None:
    exercise = EXERCISES[name]
    assert len({repr(shape) for shape in exercise.shapes}) == len(exercise.shapes) >= 8
    for edge in ("examples", "inputs", "features", "outputs", "devices"):
        known = sizes(exercise, edge)
        assert not known or (1 in known and len(known) > 1), edge
    if sizes(exercise, "inputs"):
        squares = [s for s in exercise.shapes if s["examples"] == s["inputs"] != 1]
        assert squares, "a square input hides a transposition"


@pytest.mark.parametrize("name", ["nn_vmap_forward", "nn_vmap_ensemble_forward"])
def test_edge_seeds_come_up_at_several_shapes(name: str) -> None:
    calls = draw_calls(EXERCISES[name], 100, 0)
    for seed in EDGE_SEEDS:
        assert len({call.shape for call in calls if call.arguments["seed"] == seed}) >= 3, seed
    assert len({call.arguments["seed"] for call in calls}) > 40


@each_exercise
def test_two_seeds_draw_different_calls_and_one_the_same(name: str) -> None:
    exercise = EXERCISES[name]
    first, again, other = (draw_calls(exercise, 16, seed) for seed in (0, 0, 1))
    assert repr(first) == repr(again)
    assert repr(first) != repr(other)


@each_exercise
def test_examples_of_a_call_differ(name: str) -> None:
    """Equal slices would hide a map's mistakes."""
    for call in draw_calls(EXERCISES[name], 40, 0):
        arrays = [a for a in call.arguments.values() if isinstance(a, np.ndarray) and a.ndim > 1]
        for size in {len(array) for array in arrays} - {1}:
            mine = [array.reshape(size, -1) for array in arrays if len(array) == size]
            examples = np.concatenate(mine, axis=1)
            if examples.size > 8:
                assert len(np.unique(examples, axis=0)) == size


@each_exercise
def test_the_right_answer_conforms_and_a_nudged_one_does_not(name: str) -> None:
    exercise = EXERCISES[name]
    call = draw_calls(exercise, len(exercise.shapes), 3)[-1]
    answer = compute(exercise.reference, call.arguments)
    given = as_given(answer)
    assert compare(given, answer) is None
    first = given.arrays[0].copy()
    flat = first.reshape(-1)
    place = int(np.argmax(np.abs(flat)))
    if first.dtype.kind == "f":
        flat[place] += np.float32(abs(flat[place]) * 2e-3 + 1e-5)
    else:
        flat[place] += 1
    nudged = GivenAnswer(given.spec, (first, *given.arrays[1:]), given.dtypes, given.weak)
    mismatch = compare(nudged, answer)
    assert mismatch is not None
    assert mismatch.what == "values"


@each_exercise
def test_every_pitfall_is_wrong_somewhere_and_says_what_to_do(name: str) -> None:
    exercise = EXERCISES[name]
    calls = draw_calls(exercise, 2 * len(exercise.shapes), 5)
    for pitfall in exercise.pitfalls:
        assert pitfall.symptom.endswith(".")
        assert pitfall.fix.endswith(".")
        if pitfall.reference is None or pitfall.id == "wrong-key-derivation":
            continue  # some releases derive one key in several ways
        inspect.signature(pitfall.reference).bind(**calls[0].arguments)
        wrong = 0
        for call in calls:
            try:
                answer = compute(pitfall.reference, call.arguments)
            except Exception:  # this way of going wrong fails at this call
                continue
            wrong += (
                compare(as_given(answer), compute(exercise.reference, call.arguments)) is not None
            )
        assert wrong, pitfall.id


@each_exercise
def test_an_exercise_tells_where_to_read_on(name: str) -> None:
    exercise = EXERCISES[name]
    assert exercise.signature.startswith(f"{name}(")
    assert exercise.further_reading
    assert f"def {exercise.signature.split('(')[0]}(" in exercise.solution


def test_signatures_are_parsed_by_one_thread_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python's parser raises a SystemError now and then in several: python/cpython#106905."""
    inside, together, parse = [0], [0], ast.parse

    def slow_parse(text: str) -> ast.AST:
        inside[0] += 1
        together[0] = max(together[0], inside[0])
        time.sleep(0.002)
        inside[0] -= 1
        return parse(text)

    monkeypatch.setattr(ast, "parse", slow_parse)
    signatures = [f"only_in_this_test(x, y{number % 7})" for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(parameters, signatures))
    assert found == [("x", f"y{number % 7}") for number in range(40)]
    assert together == [1]


WIDE = [
    ("vectorized_square", "x"),
    ("vectorized_dot_product", "y"),
    ("vectorized_add", "a"),
    ("vectorized_linear_layer", "inputs"),
    ("parallel_scale", "x"),
    ("parallel_compute", "data"),
    ("neural_network", "x"),
    ("loss_fn", "y"),
    ("update", "x"),
    ("parallel_update", "y"),
    ("nn_vmap_forward", "x_batch"),
    ("nn_vmap_ensemble_forward", "x_batch"),
]


@pytest.mark.parametrize(("name", "argument"), WIDE)
@pytest.mark.parametrize("seed", range(3))
def test_values_far_from_one_are_drawn(name: str, argument: str, seed: int) -> None:
    calls = draw_calls(EXERCISES[name], 100, seed)
    drawn = [call for call in calls if call.arguments[argument].dtype == np.float32]
    largest = [(call.shape, np.abs(call.arguments[argument]).max()) for call in drawn]
    shapes = {call.shape for call in drawn}
    for low, high, count in ((1e10, np.inf, 3), (1e-99, 1e-9, 3), (0.01, 9, len(shapes))):
        assert len({shape for shape, size in largest if low < size < high}) >= count


@each_exercise
def test_no_result_overflows_or_is_unknown(name: str) -> None:
    exercise = EXERCISES[name]
    for call in draw_calls(exercise, 100, 1):
        for leaf in compute(exercise.reference, call.arguments).leaves:
            assert np.all(np.isfinite(leaf.value))
            assert leaf.error is None or np.all(np.isfinite(leaf.error))


SIXTEEN = {
    "vectorized_dot_product": ("x, y", "(x[:, :16] * y[:, :16]).sum(1).astype(x.dtype)"),
    "vectorized_linear_layer": ("w, b, x", "x[:, :16] @ w[:16] + b"),
    "vectorized_add": (
        "a, b, in_axes, out_axes",
        "jax.vmap(lambda p, q: (p + q)[:16, :16], in_axes, out_axes)(a, b)",
    ),
    "nn_vmap_forward": (
        "seed, x, features",
        "(m := nn.Dense(features)).apply(m.init(jax.random.PRNGKey(seed), x), x).reshape(-1)[:80]",
    ),
    "neural_network": (
        "params, x",
        "functools.reduce(lambda h, p: jnp.tanh(h[:, :16] @ p[0][:16] + p[1]), params, x)",
    ),
}


@pytest.mark.parametrize("name", SIXTEEN)
def test_what_is_right_for_few_numbers_only_is_caught(name: str, judge: Callable) -> None:
    arguments, answer = SIXTEEN[name]
    imports = "import functools, jax, jax.numpy as jnp, flax.linen as nn\n"
    source = f"{imports}def {name}({arguments}):\n    return {answer}\n"
    (verdict,) = judge(source, examples=40, patience=20.0)
    assert verdict.verdict == "violates", verdict
    (verdict,) = judge(source.replace("16", "64").replace("80", "800"), examples=40, patience=20.0)
    assert verdict.verdict == "conforms", verdict
