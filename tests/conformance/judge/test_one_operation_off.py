"""Answers that one operation would make right are told which; others, and chance, are not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from conformance.judge.compare import GivenAnswer, Mismatch
from conformance.judge.diagnosis import WrongAnswer
from conformance.judge.expected_answers import Call, ExpectedAnswer, Leaf
from conformance.judge.one_operation_off import of_one_operation
from tests.conformance.judge.wrong_answers import IMPORTS

SHAPES = ((2, 3), (1, 4), (3, 3), (5, 2))
RIGHT = [np.random.RandomState(n).normal(0, 2, shape) for n, shape in enumerate(SHAPES)]


def _wrong(given: np.ndarray, right: np.ndarray, number: int) -> WrongAnswer:
    answer = ExpectedAnswer({"array": None}, (Leaf(right, np.zeros(right.shape), "float32"),))
    what = "values" if given.shape == right.shape else "shape"
    given = np.asarray(given, np.float32)
    sent = GivenAnswer({"array": None}, (given,), ("float32",), (False,))
    return WrongAnswer(Call(number, number, {}), answer, sent, Mismatch(what, ""))


def _found(change: Callable[[np.ndarray, int], np.ndarray]) -> tuple[str, str]:
    wrong = [_wrong(np.asarray(change(right, n)), right, n) for n, right in enumerate(RIGHT)]
    found = of_one_operation(wrong)
    return ("", "") if found is None else (found.pitfall, found.symptom)


@pytest.mark.parametrize(
    ("change", "pitfall", "word"),
    [
        (lambda x, n: 0.01 * x, "scaled", "0.01 times"),
        (lambda x, n: -x, "sign-reversed", "opposite sign"),
        (lambda x, n: x / x.size / (n + 1), "scaled-in-each-call", "another one from call to call"),
        (lambda x, n: np.maximum(x, 0), "activation-added", "relu"),
        (lambda x, n: np.tanh(x), "activation-added", "tanh"),
        (lambda x, n: x.sum(0), "summed", "axis 0"),
        (lambda x, n: x.mean(1), "summed", "averaged over axis 1"),
        (lambda x, n: x.sum(), "summed", "axes 0, 1"),
        (lambda x, n: np.stack([x / 4, x / 2, x / 4]), "not-summed", "terms of a sum"),
        (lambda x, n: np.stack([x / 2, x * 1.5]), "not-averaged", "terms of a mean"),
        (lambda x, n: 0 * x, "constant-answer", "is 0, whatever"),
        (lambda x, n: np.ones_like(x), "constant-answer", "is 1, whatever"),
        (lambda x, n: x + 1, "offset", "1 more than"),
        (lambda x, n: x - 0.25, "offset", "0.25 less than"),
        (lambda x, n: x * np.arange(len(x))[:, None], "changed-by-the-place", "multiplied by"),
        (lambda x, n: x + np.arange(1, 1 + x.shape[1]), "changed-by-the-place", "axis -1"),
        (lambda x, n: x[:, None, :], "wrong-shape", "shape"),
        (lambda x, n: x.ravel(), "wrong-shape", "shape"),
    ],
)
def test_the_operation_is_named(change: Callable, pitfall: str, word: str) -> None:
    found, happened = _found(change)
    assert found == pitfall
    assert word in happened


@pytest.mark.parametrize(
    "change",
    [
        lambda x, n: 0.01 * x if n else 0.02 * x + 1,
        lambda x, n: x + n,
        lambda x, n: x * np.arange(len(x))[:, None] ** 2,
        lambda x, n: x * np.nan,
        lambda x, n: np.maximum(x, 0) if n else np.tanh(x),
        lambda x, n: x.sum(0) if n else x.sum(0) + 1,
        lambda x, n: x[::-1].ravel(),
        lambda x, n: np.zeros((0, 3)),
        lambda x, n: np.ones((2, 2, 2, 2, 2)),
    ],
)
def test_what_no_operation_explains_in_every_call_is_not_explained(change: Callable) -> None:
    assert _found(change) == ("", "")


def test_one_number_in_each_call_has_no_factor_of_its_own() -> None:
    wrong = [_wrong(np.float32(n + 2) * np.ones(()), np.ones(()), n) for n in range(9)]
    assert of_one_operation(wrong) is None
    two = [_wrong(np.float32(2 * n + 2) * np.ones(()), np.asarray(n + 1.0), n) for n in range(9)]
    assert of_one_operation(two) is not None


ONES = (
    "layer = lift(features, kernel_init=nn.initializers.ones)\n"
    "    return run(layer, key_of(seed), x_batch).reshape(-1)"
)
SUM = (
    "g = jax.grad(lambda p: jnp.sum((network(p, x) - y) ** 2))(params)\n"
    "    return jax.tree_util.tree_map(lambda p, g: p - learning_rate * g, params, g)"
)
EACH_LAYER = "    for i, o in zip(layer_sizes, layer_sizes[1:]):\n        {}\n    return out"
INIT = "init_params(layer_sizes, key)"
DRAWS = "out.append((jax.random.normal(a, (i, o)), jax.random.normal(b, (o,))))"
SCALED = (
    "def layer(k, i, o):\n"
    "        a, b = jax.random.split(k)\n"
    "        return {}\n"
    "    keys = jax.random.split(key, len(layer_sizes) - 1)\n"
    "    return [layer(*each) for each in zip(keys, layer_sizes, layer_sizes[1:])]"
)
FORWARD = "nn_vmap_forward(seed, x_batch, features)"
BODIES = {
    "one-key-after-another": (
        INIT,
        "out = []\n"
        + EACH_LAYER.format(
            f"key, a = jax.random.split(key); key, b = jax.random.split(key); {DRAWS}"
        ),
        "wrong-key-derivation",
    ),
    "chained-and-reused": (
        INIT,
        "out = []\n" + EACH_LAYER.format(f"key, a = jax.random.split(key); b = a; {DRAWS}"),
        "wrong-key-derivation",
    ),
    "he": (
        INIT,
        SCALED.format("jnp.sqrt(2 / i) * jax.random.normal(a, (i, o)), jax.random.normal(b, (o,))"),
        "weights-scaled",
    ),
    "uniform": (
        INIT,
        SCALED.format("jax.random.uniform(a, (i, o)), jax.random.uniform(b, (o,))"),
        "drawn-uniformly",
    ),
    "small": (
        INIT,
        SCALED.format("0.1 * jax.random.normal(a, (i, o)), 0.1 * jax.random.normal(b, (o,))"),
        "scaled",
    ),
    "relu": (
        "neural_network(params, x)",
        "for w, b in params:\n        x = jax.nn.relu(x @ w + b)\n    return x",
        "another-activation",
    ),
    "softmax": (
        "neural_network(params, x)",
        "for w, b in params:\n        x = jax.nn.softmax(x @ w + b)\n    return x",
        "another-activation",
    ),
    "relu-then-linear": (
        "neural_network(params, x)",
        (
            "for w, b in params[:-1]:\n        x = jax.nn.relu(x @ w + b)\n"
            "    return x @ params[-1][0] + params[-1][1]"
        ),
        "another-activation",
    ),
    "linear": (
        "neural_network(params, x)",
        "for w, b in params:\n        x = x @ w + b\n    return x",
        "no-activation",
    ),
    "softmax-over-the-batch": (
        "neural_network(params, x)",
        "for w, b in params:\n        x = jax.nn.softmax(x @ w + b, axis=0)\n    return x",
        "another-activation",
    ),
    "gradient": (
        "update(params, x, y, learning_rate)",
        "return jax.grad(loss)(params, x, y)",
        "gradient-returned",
    ),
    "sum": (
        "update(params, x, y, learning_rate)",
        SUM,
        "summed-not-averaged",
    ),
    "a-rate-of-its-own": (
        "update(params, x, y, learning_rate)",
        SUM.replace("learning_rate * g", "0.01 * g").replace("jnp.sum", "jnp.mean"),
        "learning-rate-ignored",
    ),
    "a-key-of-its-own": (
        INIT,
        "key = jax.random.PRNGKey(0)\n    "
        + SCALED.format("jax.random.normal(a, (i, o)), jax.random.normal(b, (o,))"),
        "key-ignored",
    ),
    # With inputs of zeros the answer is 1 whatever the seed, which is no fault of the seed's.
    "one-more-and-no-bias": (
        FORWARD,
        "return run(lift(features, use_bias=False), key_of(seed), x_batch).reshape(-1) + 1",
        "offset",
    ),
    "ones": (
        FORWARD,
        ONES,
        "another-initializer",
    ),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_wrong_solution_is_told_what_it_did(name: str, judge: Callable) -> None:
    exercise, body, pitfall = BODIES[name]
    (verdict,) = judge(
        f"{IMPORTS}\ndef {exercise}:\n    {body}\n", examples=60, patience=20.0, seed=5
    )
    assert verdict.verdict == "violates", verdict
    assert (verdict.diagnosis and verdict.diagnosis.pitfall) == pitfall, verdict
