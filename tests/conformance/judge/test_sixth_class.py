"""What a sixth class wrote is told in its own words, and what is near it is not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conformance.judge.exercises import load_exercises
from tests.conformance.judge.told_here import diagnosis_of, told_of_error

SQUARE, DOT = "vectorized_square(x)", "vectorized_dot_product(x, y)"
LAYER = "vectorized_linear_layer(weights, biases, inputs)"
ADD = "vectorized_add(a, b, in_axes, out_axes)"
NETWORK, UPDATE = "neural_network(params, x)", "update(params, x, y, learning_rate)"
PAIRS = "return jax.vmap(lambda p, q: {}, in_axes, out_axes)(a, b)"
WITH_EACH = (
    "q = jnp.moveaxis(b, in_axes[1], 0)\n"
    "    return jax.vmap(lambda p: p + q, in_axes[0], out_axes)(a)"
)
EACH = "for w, b in params:\n        x = {}\n    return x"
BIASES = "return network([(w, {}) for n, (w, b) in enumerate(params)], x)"
STEPPED = (
    "g = jax.grad(loss)(list(params), x, y)\n"
    "    return [(w - learning_rate * dw, {}) for (w, b), (dw, db) in zip(params, g)]"
)

SLICES, LOSS = "parallel_compute(data)", "loss_fn(params, x, y)"
DRAW, SHARED = "init_params(layer_sizes, key)", "nn_vmap_forward(seed, x, features)"
H, P = "h = network(params, x)\n    ", "p = network(params, x)\n    "
LAYERS = (
    "out = []\n"
    "    for k, i, o in zip(jax.random.split(key, len(layer_sizes) - 1), layer_sizes, layer_sizes[1:]):\n"
    "        a, b = jax.random.split(k)\n"
    "        out.append((jax.random.normal(a, (i, o)), {}))\n"
    "    return out"
)
MEAN = (
    "v = jax.vmap(nn.Dense(features).init)(jax.random.split(key_of(seed), len(x)), x)\n"
    "    v = jax.tree_util.tree_map(lambda a: {}, v)\n"
    "    return nn.Dense(features).apply(v, x).reshape(-1)"
)

TOLD: tuple[tuple[str, str, str | None], ...] = (
    # the numbers that were squared were others
    (SQUARE, "return jnp.floor(x) ** 2", "changed-first"),
    (SQUARE, "return jnp.round(x) ** 2", "changed-first"),
    (SQUARE, "return jnp.floor(x) ** 2 + jnp.where(x > 1, 0.3 * x, 0)", None),
    (SQUARE, "return jnp.abs(x) ** 2.5", "another-power"),
    (SQUARE, "return jnp.abs(x) ** 2.2", None),
    (SQUARE, "return x ** x", "another-power"),
    (SQUARE, "return x * x.mean()", "another-power"),
    (SQUARE, "return jnp.sqrt(jnp.abs(x))", "another-power"),
    # products
    (DOT, "return jnp.mean(x * y, axis=1)", "averaged-not-summed"),
    (DOT, "return jnp.sqrt(jnp.sum(x * y, axis=1))", "root-taken"),
    (DOT, "return jnp.sqrt(jnp.sum(jnp.abs(x * y), axis=1))", "root-taken"),
    (DOT, "return jnp.sqrt(2 * jnp.abs(jnp.sum(x * y, axis=1)))", None),
    (DOT, "return jnp.sum(x * y, axis=1) / jnp.linalg.norm(x, axis=1)", "divided-by-a-length"),
    (DOT, "return jnp.sum((x * y)[:, ::2], axis=1)", "every-second-product"),
    (DOT, "return jnp.sum((x * y)[:, ::3], axis=1)", None),
    # a layer
    (LAYER, "return jax.nn.softplus(inputs @ weights + biases)", "activation-added"),
    (LAYER, "return inputs @ weights.reshape(weights.T.shape).T + biases", "weights-reshaped"),
    # pairs of matrices
    (ADD, PAIRS.format("jnp.concatenate([p, q])"), "another-operation"),
    (ADD, PAIRS.format("jnp.concatenate([q, p])"), None),
    (ADD, PAIRS.format("(p + q)[None]"), "too-many-axes"),
    (ADD, PAIRS.format("(2 * p + q)[None]"), None),
    (
        ADD,
        PAIRS.format("p + (q.T if q.shape[0] == q.shape[1] else q)"),
        "another-operation",
    ),
    (ADD, WITH_EACH, "another-operation"),
    # networks
    (NETWORK, BIASES.format("b if n else 0 * b"), "bias-missing"),
    (NETWORK, BIASES.format("b.mean()"), "biases-averaged"),
    (NETWORK, BIASES.format("b[::-1]"), "biases-in-reverse-order"),
    (NETWORK, BIASES.format("0.7 * b"), None),
    (NETWORK, EACH.format("jnp.tanh(jax.nn.relu(x @ w + b))"), "activation-added"),
    (NETWORK, EACH.format("jnp.tanh(jnp.minimum(x @ w + b, 0.3))"), None),
    # steps: a factor of the largest numbers alone is none of all
    (UPDATE, STEPPED.format("b + learning_rate * db"), "step-of-another-length"),
    (LAYER, "return jnp.einsum('bi,jo->bo', inputs, weights) + biases", "sums-multiplied"),
    (SLICES, "return jax.vmap(lambda d: d * d.mean())(data)", "joined-over-a-slice"),
    (SLICES, "return jax.vmap(lambda d: d * d.mean() + d)(data)", None),
    (NETWORK, H + "return h / h.sum(1, keepdims=True)", "normalised"),
    (NETWORK, H + "return h / (1 + h.sum(1, keepdims=True))", None),
    (NETWORK, H + "return jax.nn.one_hot(jnp.argmax(h, -1), h.shape[1])", "one-hot"),
    (NETWORK, H + "return jnp.argmax(h, -1)", "argmax-taken"),
    (NETWORK, H + "return jnp.argmin(h, -1)", None),
    (LOSS, P + "return jnp.max(jnp.mean((p - y) ** 2, 1))", "largest-taken"),
    (LOSS, P + "return jnp.exp(jnp.mean(jnp.log((p - y) ** 2)))", "geometric-mean-taken"),
    (
        LOSS,
        P + "return 1 - jnp.sum(p * y) / jnp.linalg.norm(p) / jnp.linalg.norm(y)",
        "cosine-taken",
    ),
    (
        LOSS,
        P + "return jnp.mean((p - y) ** 2 * jnp.arange(len(y))[:, None])",
        "weighted-by-the-place",
    ),
    (LOSS, P + "return jnp.mean((p - y) ** 2 * jnp.arange(2, 2 + len(y))[:, None])", None),
    (DRAW, LAYERS.format("jax.random.normal(b, (1,)) * jnp.ones(o)"), "one-bias-for-all"),
    (SHARED, MEAN.format("a.mean(0)"), "ensemble-averaged"),
    (SHARED, MEAN.format("a.max(0)"), None),
    # of one example, less the mean of all, nothing is left that says how it was normalised
    (NETWORK, H + "return h + 0.3 * jnp.arange(h.shape[1]) if h.shape == (1, 2) else h", None),
    # a wider dtype holds all digits, so that other values are no matter of it
    (SQUARE, "return np.float64(x) ** 2", "wrong-dtype"),
    (SQUARE, "return np.float64(x) ** 2 + 0.004 * x", None),
)


@pytest.mark.parametrize(("signature", "body", "told"), TOLD)
def test_what_is_told(signature: str, body: str, told: str | None) -> None:
    assert diagnosis_of(signature, body) == told


def test_in_axes_that_are_built_otherwise_are_told() -> None:
    body = "return jax.vmap(jnp.add, in_axes=(in_axes, out_axes))(a, b)"
    found = told_of_error(ADD, body)
    assert found is not None
    assert found.pitfall == "in-axes-built-otherwise"


SKIPPED = (
    "import jax.numpy as jnp\n"
    "def neural_network(params, x):\n"
    "    for n, (w, b) in enumerate(params):\n"
    "        before = params[max(n - 1, 0)]\n"
    "        if n == len(params) - 1 and before[0].shape == w.shape:\n"
    "            w, b = before\n"
    "        x = jnp.tanh(x @ w + b)\n"
    "    return x\n"
)


@pytest.mark.parametrize("name", ["neural_network", "parallel_update", "update", "loss_fn"])
def test_two_layers_of_the_same_shape_follow_each_other_in_some_calls(name: str) -> None:
    """A layer that is taken for the one before it fits there, and nowhere else."""
    layers = [shape["layers"] for shape in load_exercises()[name].shapes]
    assert any(len(sizes) > 2 and len(set(sizes)) == 1 for sizes in layers)


def test_the_layer_before_in_place_of_one_is_wrong(judge: Callable) -> None:
    (verdict,) = judge(SKIPPED)
    assert verdict.verdict == "violates"


@pytest.mark.parametrize(
    ("condition", "where"),
    [
        ("x.shape[0] == 1", "Where there is one example: every answer is the number itself."),
        ("x.shape[0] == 3", "Where there are 3 examples: every answer is the number itself."),
        ("x.shape[0] > 3", "In some calls: every answer is the number itself."),
        ("True", "Every answer is the number itself."),
    ],
)
def test_what_is_so_in_some_calls_only_is_said_of_them(
    condition: str, where: str, judge: Callable
) -> None:
    (verdict,) = judge(f"def vectorized_square(x):\n    return x if {condition} else x * x\n")
    assert verdict.diagnosis.symptom == where
