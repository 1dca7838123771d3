"""Answers with an example missing, repeated or of no call are told so, and those near them otherwise."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.conformance.judge.told_here import diagnosis_of

SQUARE, DOT = "vectorized_square(x)", "vectorized_dot_product(x, y)"
LAYER = "vectorized_linear_layer(weights, biases, inputs)"
COMPUTE, SCALE = "parallel_compute(data)", "parallel_scale(x, factor)"
NETWORK, LOSS = "neural_network(params, x)", "loss_fn(params, x, y)"
UPDATE = "update(params, x, y, learning_rate)"
DRAW = "init_params(layer_sizes, key)"
STEP = "jax.tree_util.tree_map(lambda p, g: p - learning_rate * {}, params, gradients)"
EACH = "gradients = jax.vmap(jax.grad(loss), (None, 0, 0))(params, x, y)\n    return "
DRAWN = (
    "out = []\n"
    "    keys = jax.random.split(key, len(layer_sizes) - 1)\n"
    "    for k, i, o in zip(keys, layer_sizes, layer_sizes[1:]):\n"
    "        a, b = jax.random.split(k)\n"
    "        new = (jax.random.normal(a, (i, o)), jax.random.normal(b, (o,)))\n"
    "        out = {}\n"
    "    return out"
)

TOLD: tuple[tuple[str, str, str | None], ...] = (
    (SQUARE, "return x[:-1] ** 2", "last-example-missing"),
    (SQUARE, "return x[1:] ** 2", "first-example-missing"),
    (LAYER, "return (inputs @ weights + biases)[:-1]", "last-example-missing"),
    (SQUARE, "return 5 * x[:-1] ** 2", None),
    (SQUARE, "return (x ** 2)[:1]", "first-example-only"),
    (SCALE, "return jnp.stack([x, x]) * factor", "repeated"),
    (LAYER, "return jnp.stack([inputs @ weights + biases] * 3, axis=1)", "repeated"),
    (UPDATE, (f"gradients = jax.grad(loss)(params, x, y)\n    new = {STEP.format('g')}\n"
     "    return jax.tree_util.tree_map(lambda p: jnp.stack([p, p]), new)"), "repeated"),
    (SCALE, "return jnp.stack([x * factor, 2 * x * factor])", None),
    (SQUARE, "return (x ** 2)[:, None]", "column-vector"),
    (UPDATE, EACH + STEP.format("g"), "not-averaged"),
    (UPDATE, EACH + STEP.format("g.sum(0)"), "summed-not-averaged"),
    (UPDATE, EACH + STEP.format("(g ** 3)"), None),
    (DOT, "return np.sum(np.ones((3, 2)) * [[1, 2], [3, 4], [5, 7]], 1).astype(np.float32)",
     "arguments-ignored"),
    (SQUARE, "return x ** 5", None),
    (DRAW, DRAWN.format("[new]"), "too-few-parts"),
    (SQUARE, "return jnp.exp(2 * jnp.log(x))", "not-a-number"),
    (SQUARE, "return jnp.sqrt(x)", "another-power"),
    (SQUARE, "return jnp.sqrt(x) / 3", None),
    (SQUARE, "return (x * x) ** 2", "another-power"),
    (COMPUTE, "return (data * data) ** 2", "another-power"),
    (LOSS, "p = network(params, x)\n    return jnp.mean(p**2 - y**2)",
     "squared-before-subtracting"),
    (LOSS, "p = network(params, x)\n    return jnp.mean((p[:, 0] - y[:, 0]) ** 2)",
     "first-output-only"),
    (LOSS, "p = network(params, x)\n    return jnp.mean((p[:1] - y[:1]) ** 2)",
     "first-example-only"),
)  # fmt: skip


@pytest.mark.parametrize(("signature", "body", "pitfall"), TOLD)
def test_which_examples_came_is_told(signature: str, body: str, pitfall: str | None) -> None:
    assert diagnosis_of(signature, body) == pitfall


NO_NUMBERS: dict[str, tuple[str, str | None]] = {
    f"def {SQUARE}:\n    return map(lambda v: v * v, x)": ("map", "not-computed-yet"),
    f"def {SQUARE}:\n    return [str(v * v) for v in x]": ("text", "text-returned"),
    f"def {SQUARE}:\n    return (v * v for v in x)": ("generator", "yields-its-answer"),
    "class vectorized_square:\n    def __init__(self, x):\n        self.y = x * x": (
        "class",
        "object-returned",
    ),
    f"def {SQUARE}:\n    return object()": ("object", None),
}


@pytest.mark.parametrize("source", NO_NUMBERS)
def test_what_is_no_number_is_told(judge: Callable, source: str) -> None:
    (verdict,) = judge(f"{source}\n")
    assert verdict.verdict == "violates"
    found = verdict.diagnosis
    assert (None if found is None else found.pitfall) == NO_NUMBERS[source][1], verdict
