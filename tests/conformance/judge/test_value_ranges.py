"""Solutions that are right for numbers of usual size only are noticed, and told so."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import numpy as np
import pytest

from conformance.judge.exercises import load_exercises
from conformance.judge.expected_answers import Call, draw_calls
from conformance.judge.value_ranges import has_large, has_small, is_usual, of_range
from tests.conformance.judge.wrong_answers import IMPORTS


@attrs.frozen
class Partial:
    """A body that is right for numbers of usual size, and what it is told of the others."""

    exercise: str
    body: str
    said: str


FORWARD = "nn_vmap_forward(seed, x_batch, features)"
DOT = "vectorized_dot_product(x, y)"
UPDATE = "update(params, x, y, learning_rate)"
LINEAR = "vectorized_linear_layer(weights, biases, inputs)"

PARTIAL = {
    "clipped": Partial("vectorized_square(x)", "return jnp.clip(x, -1e4, 1e4) ** 2", "very large"),
    "limited": Partial(
        FORWARD, "return right(seed, jnp.clip(x_batch, -1e6, 1e6), features)", "very large"
    ),
    "clipped-floats": Partial(
        DOT,
        "clip = lambda v: jnp.clip(v, -1e6, 1e6) if v.dtype.kind == 'f' else v\n"
        "    return (clip(x) * clip(y)).sum(1)",
        "very large",
    ),
    "small-ones-lost": Partial(
        LINEAR, "return jnp.where(jnp.abs(inputs) < 1e-7, 0, inputs) @ weights + biases", ""
    ),
    "a-little-added": Partial(
        "loss_fn(params, x, y)", "return loss(params, x, y) + 1e-12", "very small"
    ),
    "gradient-clipped": Partial(
        UPDATE,
        "g = jax.grad(loss)(params, x, y)\n    return jax.tree_util.tree_map(lambda p, d: p - "
        "learning_rate * jnp.clip(d, -100, 100), params, g)",
        "",
    ),
}


@pytest.mark.parametrize("name", PARTIAL)
def test_a_solution_for_usual_numbers_only_is_told_so(name: str, judge: Callable) -> None:
    partial = PARTIAL[name]
    source = f"{IMPORTS}\ndef {partial.exercise}:\n    {partial.body}\n"
    (verdict,) = judge(source, examples=100, patience=20.0)
    assert verdict.verdict == "violates", verdict
    assert verdict.diagnosis is not None, verdict
    assert verdict.diagnosis.pitfall == "depends-on-size", verdict
    assert partial.said in verdict.diagnosis.symptom, verdict


def test_one_that_is_wrong_for_usual_numbers_is_not() -> None:
    calls = draw_calls(load_exercises()["vectorized_square"], 100, 0)
    usual = [call for call in calls if is_usual(call)]
    assert of_range([usual[0], *(c for c in calls if has_large(c))], calls) is None
    assert of_range([c for c in calls if has_large(c)], calls[:0]) is None
    assert of_range([c for c in calls if has_large(c)], calls) is not None


def test_sizes_are_of_arrays_of_floats() -> None:
    def call(*values: object) -> Call:
        return Call(0, 0, {"x": [(np.asarray(value), 2**40) for value in values]})

    assert is_usual(call(np.int32(20_000), np.float32([0, 0]), np.float32([1e-4, 1])))
    assert has_large(call(np.float32(1), np.float32(1e6)))
    assert not has_large(call(np.int32(10**6)))
    assert has_small(call(np.float32(1), np.float32([1e-9, 0])))
    assert not has_small(call(np.float32([0, 0])))
