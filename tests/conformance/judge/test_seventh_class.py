"""What a seventh class wrote is told in its own words, and what is near it is not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from conformance.judge.exercises import load_exercises
from tests.conformance.judge.told_here import diagnosis_of

SHARED, UPDATE = "nn_vmap_forward(seed, x, features)", "update(params, x, y, learning_rate)"
DOT, NETWORK = "vectorized_dot_product(x, y)", "neural_network(params, x)"
EACH = "nn_vmap_ensemble_forward(seed, x, features)"
OF_KEY = "return nn.Dense({1}).apply(nn.Dense({1}).init(key_of({0}), x), x).reshape(-1)"
OF_KEYS = (
    "keys = jax.random.split(key_of({}), len(x))\n"
    "    each = jax.vmap(nn.Dense(features).init)(keys, x)\n"
    "    return jax.vmap(nn.Dense(features).apply)(each, x).reshape(-1)"
)
CHANGED = (
    "g = jax.grad(loss)(list(params), x, y)\n"
    "    g = jax.tree_util.tree_map(lambda d: {}, g)\n"
    "    return [(w - learning_rate * dw, b - learning_rate * db) for (w, b), (dw, db) in zip(params, g)]"
)
AHEAD = (
    "g = jax.grad(loss)(list(params), x, y)\n"
    "    far = [(w - {0} * learning_rate * dw, b - {0} * learning_rate * db)"
    " for (w, b), (dw, db) in zip(params, g)]\n"
    "    g = jax.grad(loss)(far, x, y)\n"
    "    return [(w - learning_rate * dw, b - learning_rate * db) for (w, b), (dw, db) in zip(params, g)]"
)
BY_HAND = (
    "values, new = [x], list(params)\n"
    "    for w, b in params:\n"
    "        values.append(jnp.tanh(values[-1] @ w + b))\n"
    "    d = 2 * (values[-1] - y) / y.size\n"
    "    for k in reversed(range(len(new))):\n"
    "        d = d * (1 - values[k + 1] ** 2)\n"
    "        w, b = new[k]\n"
    "        w, b = w - learning_rate * values[k].T @ d, b - learning_rate * d.sum(0)\n"
    "        new[k] = w, b\n"
    "        d = d @ {}.T\n"
    "    return new"
)
LAYER = "vectorized_linear_layer(weights, biases, inputs)"
ALONG = "z = inputs @ weights\n    return z + (biases[:, None] if {} == len(biases) else biases)"
HALF = "return jnp.dot({}, weights.astype('{}'), preferred_element_type=jnp.float32) + biases"
HALVES = (
    "if x.dtype.kind == 'i':\n        return jnp.sum(x * y, 1)\n"
    "    x, y = (a.astype({}).astype(jnp.float32) for a in map(jnp.asarray, (x, y)))\n"
    "    return jnp.sum(x * y, 1)"
)
LOSS = "loss_fn(params, x, y)"
SQUARES = "p = network(params, x)\n    return jnp.sum((p - y) ** 2) / ({})"
STEPS = (
    "p = list(params)\n    for a, t in zip({}, {}):\n        g = jax.grad(loss)(p, a, t)\n"
    "        p = jax.tree_util.tree_map(lambda v, d: v - learning_rate / {} * d, p, g)\n    return p"
)
MODELS = (
    "keys = jax.random.split(key_of(seed), len(x))\n"
    "    layer = nn.Dense(features)\n"
    "    ys = jnp.stack([layer.apply(layer.init(k, x[0]), x) for k in keys])\n"
    "    return {}.reshape(-1)"
)
LAST = "return network([*params[:-1], *[(w, {}) for w, b in params[-1:]]], x)"
EACH_LAYER = "for w, b in params:\n        x = jnp.tanh(jnp.clip(x @ w + b, {}))\n    return x"

TOLD: tuple[tuple[str, str, str | None], ...] = (
    # keys of another number than the seed
    (SHARED, OF_KEY.format("seed % 1000", "features"), "another-seed"),
    (SHARED, OF_KEY.format("seed % 2", "features"), "another-seed"),
    (SHARED, OF_KEY.format("abs(seed)", "features"), "another-seed"),
    (SHARED, OF_KEY.format("seed % 977", "features"), None),
    (EACH, OF_KEYS.format("seed % 100"), "another-seed"),
    (EACH, OF_KEYS.format("2 * seed"), "another-seed"),
    (EACH, OF_KEYS.format("seed // 3"), None),
    # layers of another size
    (SHARED, OF_KEY.format("seed", "features + 1"), "another-number-of-features"),
    (SHARED, OF_KEY.format("seed", "2 * features"), "another-number-of-features"),
    # gradients that are changed, or taken elsewhere
    (UPDATE, CHANGED.format("d.mean()"), "gradient-averaged"),
    (UPDATE, CHANGED.format("d.mean(0)"), "gradient-averaged"),
    (UPDATE, CHANGED.format("jnp.median(d)"), None),
    (UPDATE, AHEAD.format("0.9"), "gradient-taken-ahead"),
    (UPDATE, AHEAD.format("1.0"), "gradient-taken-ahead"),
    (UPDATE, AHEAD.format("-3.0"), None),
    (UPDATE, BY_HAND.format("w"), "gradient-through-new-weights"),
    (UPDATE, BY_HAND.format("(w + 0.1)"), None),
    # networks
    (NETWORK, "return network(params, jnp.tanh(x))", "inputs-activated"),
    (NETWORK, "return network(params, jnp.tanh(0.3 * x))", None),
    (NETWORK, LAST.format("0 * b"), "bias-missing"),
    (NETWORK, LAST.format("0.3 * b"), None),
    (NETWORK, EACH_LAYER.format("-2.0, 2.0"), "cut-off-before-tanh"),
    (NETWORK, EACH_LAYER.format("-0.3, 0.7"), None),
    (NETWORK, EACH_LAYER.replace("clip", "minimum").format("0.4"), None),
    (
        NETWORK,
        "for w, b in params:\n        x = jax.nn.hard_tanh(x @ w + b)\n    return x",
        "another-activation",
    ),
    # losses and steps
    (LOSS, SQUARES.format("max(len(y) - 1, 1) * y.shape[1]"), "divided-by-one-less"),
    (LOSS, SQUARES.format("max(y.size - 1, 1)"), "divided-by-one-less"),
    (LOSS, SQUARES.format("max(y.size - 2, 1)"), None),
    (UPDATE, STEPS.format("(x, x)", "(y, y)", "2"), "two-steps"),
    (UPDATE, STEPS.format("x", "y", "len(x)"), "step-for-each-example"),
    (EACH, MODELS.format("ys.mean(0)"), "ensemble-averaged"),
    (EACH, MODELS.format("ys.max(0)"), None),
    ("parallel_scale(x, factor)", "return x * abs(factor)", "used-without-its-sign"),
    # layers
    (LAYER, ALONG.format("len(inputs)"), "biases-along-the-examples"),
    (LAYER, HALF.format("inputs.astype(jnp.bfloat16)", "bfloat16"), "not-accurate"),
    (LAYER, HALF.format("inputs.astype(jnp.float16)", "float16"), "not-accurate"),
    (LAYER, HALF.format("jnp.round(inputs)", "bfloat16"), None),
    (DOT, HALVES.format("jnp.bfloat16"), "not-accurate"),
    # products that are cut
    (DOT, "return jnp.trunc(x * y).sum(1).astype(x.dtype)", "made-whole-numbers"),
    (DOT, "return jnp.trunc(jnp.sum(x * y, 1)).astype(x.dtype)", "made-whole-numbers"),
    (DOT, "return jnp.ceil(x * y).sum(1).astype(x.dtype)", None),
)


@pytest.mark.parametrize(("signature", "body", "told"), TOLD)
def test_what_is_told(signature: str, body: str, told: str | None) -> None:
    assert diagnosis_of(signature, body) == told


NUMBER = 16
"""What a file may have as a number where it should ask an argument."""
SO_MANY = {
    "loss_fn": ("examples", "layers"),
    "neural_network": ("examples", "layers"),
    "update": ("examples", "layers"),
    "parallel_update": ("examples",),
    "nn_vmap_forward": ("examples", "inputs", "features"),
    "nn_vmap_ensemble_forward": ("examples", "inputs", "features"),
    "vectorized_add": ("examples", "matrix"),
    "vectorized_dot_product": ("examples", "inputs"),
    "vectorized_linear_layer": ("examples", "inputs", "outputs"),
    "vectorized_square": ("examples",),
}


@pytest.mark.parametrize("name", SO_MANY)
def test_each_size_is_beyond_a_number_that_a_file_may_have(name: str) -> None:
    shapes = load_exercises()[name].shapes
    for size in SO_MANY[name]:
        assert max(np.max(shape[size]) for shape in shapes) > NUMBER, size


@pytest.mark.parametrize("name", ["loss_fn", "neural_network", "update", "parallel_update"])
def test_a_network_has_more_layers_than_a_file_may_have_as_a_number(name: str) -> None:
    layers = [len(shape["layers"]) - 1 for shape in load_exercises()[name].shapes]
    assert max(layers) >= 4


FIRST = {
    "update": (
        "def update(params, x, y, learning_rate):\n"
        "    g = jax.grad(lambda p: jnp.mean((net(p, x[:16]) - y[:16]) ** 2))(params)\n"
        "    return jax.tree_util.tree_map(lambda p, d: p - learning_rate * d, params, g)\n"
    ),
    "loss_fn": "def loss_fn(params, x, y):\n    return jnp.mean((net(params, x)[:16] - y[:16]) ** 2)\n",
    "neural_network": "def neural_network(params, x):\n    return net(params[:4], x)\n",
}
NET = (
    "import jax, jax.numpy as jnp\ndef net(p, x):\n    for w, b in p:\n        x = jnp.tanh(x @ w + b)\n"
    "    return x\n"
)


@pytest.mark.parametrize("name", FIRST)
def test_what_takes_the_first_ones_only_violates(name: str, judge: Callable) -> None:
    (verdict,) = judge(NET + FIRST[name])
    assert verdict.verdict == "violates"
