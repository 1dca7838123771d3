"""Frequent wrong formulas that are named, and those beside them that must not be named so."""

from __future__ import annotations

import pytest

from tests.conformance.judge.told_here import diagnosis_of

ADD = "vectorized_add(a, b, in_axes, out_axes)"
DOT = "vectorized_dot_product(x, y)"
LAYER = "vectorized_linear_layer(weights, biases, inputs)"
SQUARE = "vectorized_square(x)"
SCALE = "parallel_scale(x, factor)"
NETWORK = "neural_network(params, x)"
LOSS = "loss_fn(params, x, y)"
UPDATE = "update(params, x, y, learning_rate)"
PARALLEL = "parallel_update(params, x, y, learning_rate)"
DRAW = "init_params(layer_sizes, key)"
SHARED = "nn_vmap_forward(seed, x, features)"
ENSEMBLE = "nn_vmap_ensemble_forward(seed, x, features)"
P = "p = network(params, x)\n    "
G = "g = jax.grad(loss)(params, x, y)\n    "
STEP = "jax.tree_util.tree_map(lambda p, g: {}, params, {})"
LESS = "p - learning_rate * g"
LOOP = "for w, b in params:\n        x = {}\n    return x"
DRAWN = (
    "out = []\n"
    "    for k, i, o in zip(jax.random.split(key, len(layer_sizes) - 1), layer_sizes, layer_sizes[1:]):\n"
    "        a, c = jax.random.split(k)\n"
    "        w, b = jax.random.normal(a, (i, o)), jax.random.normal(c, (o,))\n"
    "        out.append({})\n"
    "    return {}"
)
KEYS = (
    "n = len(layer_sizes) - 1\n"
    "    k = jax.random.split(key, 2 * n)\n"
    "    sizes = list(zip(layer_sizes, layer_sizes[1:]))\n"
    "    return [(jax.random.normal(k[{}], s), jax.random.normal(k[{}], s[1:])) for i, s in enumerate(sizes)]"
)
MEMBERS = (
    "layer = nn.Dense(features)\n"
    "    v = jax.vmap(layer.init)(jax.random.split(key_of(seed), len(x)), x)\n    "
)

TOLD: tuple[tuple[str, str, str | None], ...] = (
    (LOSS, P + "return jnp.mean(p - y) ** 2", "averaged-before-squaring"),
    (LOSS, P + "return jnp.abs(jnp.mean(p - y))", None),
    (LOSS, P + "return jnp.mean((p.reshape(-1, 1) - y.reshape(-1)) ** 2)", "targets-of-every-example"),
    (LOSS, P + "return jnp.mean((p[:, None] - y) ** 2)", "targets-of-every-example"),
    (LOSS, P + "return jnp.mean((p - y[:, None]) ** 2)", "targets-of-every-example"),
    (LOSS, P + "return jnp.mean((p[:, None] + y) ** 2)", None),
    (LOSS, P + "return jnp.sum((p - y) ** 2) / len(params)", "divided-by-the-layers"),
    (LOSS, P + "return jnp.mean((p - y) ** 2) / len(params)", "divided-by-the-layers"),
    (LOSS, P + "return jnp.mean((p - y) ** 2) / (1 + len(params))", None),
    (LOSS, P + "return jnp.mean((p - y) ** 2) / len(x)", "averaged-twice"),
    (LOSS, P + "return jnp.mean((p - y) ** 2) / y.shape[-1]", "averaged-twice"),
    (LOSS, P + "return -jnp.mean(jnp.sum(y * jax.nn.log_softmax(p), axis=-1))", "cross-entropy-taken"),
    (LOSS, P + "return jnp.mean(jnp.sum(y * jax.nn.log_softmax(p), axis=-1))", None),
    (LOSS, P + "return jnp.sum(jnp.abs(p - y))", "absolute-error"),
    (LOSS, P + "return jnp.round(jnp.mean((p - y) ** 2), 3)", "rounded"),
    (NETWORK, "return jnp.round(network(params, x), 2)", "rounded"),
    (NETWORK, "return jnp.sign(network(params, x))", None),
    (SQUARE, "return 2.0**x", "another-power"),
    (SQUARE, "return 2.0 ** jnp.abs(x)", None),
    (SQUARE, "return jnp.exp(x)", "another-power"),
    (SQUARE, "return jnp.sqrt(x)", "another-power"),
    (SQUARE, "return (jnp.asarray(x) ** 2).astype(int)", "cut-to-whole-numbers"),
    (SQUARE, "return jnp.floor(x * x)", "cut-to-whole-numbers"),
    (SQUARE, "return jnp.round(x * x)", "rounded"),
    (SQUARE, "return jnp.round(x * x, 2)", "rounded"),
    (SQUARE, "return jnp.ceil(x * x)", None),
    (SQUARE, "return jnp.round(x, 2) ** 2", None),
    (SQUARE, "return x * x + 3e-5", "offset"),
    (DOT, "return jnp.vdot(x, y)", "collapsed"),
    (DOT, "return jnp.vdot(x, -y)", None),
    (DOT, "return (x * y).max(1)", "one-product-only"),
    (DOT, "return x.max(1) * y.max(1)", None),
    (DOT, "return jnp.prod(x * y, axis=1)", "products-multiplied"),
    (LAYER, "return jax.vmap(lambda x: x @ weights + biases[:, None])(inputs)", "bias-as-a-column"),
    (LAYER, "return jax.vmap(lambda x: x @ weights - biases[:, None])(inputs)", None),
    (ADD, "return jax.vmap(lambda u, v: u + u, in_axes=in_axes, out_axes=out_axes)(a, b)",
     "another-operation"),
    (ADD, "return jax.vmap(lambda u, v: 3 * u, in_axes=in_axes, out_axes=out_axes)(a, b)", None),
    (LOSS, P + "return jnp.mean((p + y) ** 2)", "added-not-subtracted"),
    (LOSS, P + "return jnp.mean((p[0] - y[0]) ** 2)", "first-example-only"),
    (LOSS, P + "return jnp.mean((p[-1] - y[-1]) ** 2)", "last-example-only"),
    (LOSS, P + "return jnp.mean((p[-1] - y[0]) ** 2)", None),
    (UPDATE, "g = jax.grad(lambda p: jnp.mean(network(p, x) - y) ** 2)(params)\n    return "
     + STEP.format(LESS, "g"), "averaged-before-squaring"),
    (UPDATE, G + "return " + STEP.format("-learning_rate * g", "g"), "step-returned"),
    (UPDATE, G + "return " + STEP.format("p - learning_rate * g - 0.1 * p", "g"), "term-of-an-argument"),
    (UPDATE, G + "return " + STEP.format("p - learning_rate / len(x) * g", "g"),
     "step-divided-by-the-examples"),
    (UPDATE, G + "return " + STEP.format("p - learning_rate * p * g", "g"), "step-times-the-params"),
    (UPDATE, G + "return " + STEP.format("p + 0.1 * g", "g"), "gradient-added-and-learning-rate-ignored"),
    (UPDATE, G + "return " + STEP.format("p + 0.3 * g", "g"), None),
    (PARALLEL, "g = jax.grad(loss)(params, x.mean(0), y.mean(0))\n    new = " + STEP.format(LESS, "g")
     + "\n    return jax.tree_util.tree_map(lambda p: jnp.stack([p] * len(x)), new)", "data-averaged"),
    (PARALLEL, "g = jax.grad(loss)(params, x.mean(0), y[0])\n    new = " + STEP.format(LESS, "g")
     + "\n    return jax.tree_util.tree_map(lambda p: jnp.stack([p] * len(x)), new)", None),
    (NETWORK, LOOP.format("jnp.tanh(jnp.tanh(x @ w + b))"), "activation-applied-twice"),
    (NETWORK, LOOP.format("jnp.tanh(x @ w - b)"), "bias-subtracted"),
    (NETWORK, LOOP.format("jnp.tanh(x @ w + b[0])"), "first-bias-only"),
    (NETWORK, LOOP.format("jnp.tanh(jnp.tanh(jnp.tanh(x @ w + b)))"), None),
    (NETWORK, LOOP.format("jnp.tanh(x @ w - 2 * b)"), None),
    (LAYER, "return inputs @ weights + biases[0]", "first-bias-only"),
    (LAYER, "return inputs @ weights + biases[-1]", "changed-first"),
    (LAYER, "return inputs @ weights + biases.sum()", "biases-summed"),
    (LAYER, "return jax.vmap(lambda x, w, b: x @ w + b, in_axes=(None, None, 0))(weights, biases, inputs)",
     "arguments-in-another-order"),
    (LAYER, "return inputs[0] @ weights + biases", "first-example-only"),
    (LAYER, "return inputs[-1] @ weights + biases", "last-example-only"),
    (LAYER, "return inputs[0] @ weights - biases", None),
    (DOT, "return jnp.dot(x[0], y[0])", "first-example-only"),
    (DOT, "return jax.vmap(lambda a, b: (a * b).mean().astype(a.dtype))(x, y)", "averaged-not-summed"),
    (DOT, "return jax.vmap(jnp.dot)(x, x)", "one-array-with-itself"),
    (DOT, "return jax.vmap(jnp.dot)(y, y)", "one-array-with-itself"),
    (DOT, "return (x * y)[:, 1:].sum(1)", "one-product-missing"),
    (DOT, "return (x * y)[:, 2:].sum(1)", None),
    (DOT, ("return jnp.array([jnp.dot(x[min(i, len(x) - 1)], y[min(i, len(x) - 1)]) "
     "for i in range(x.shape[1])])"), "as-many-answers-as-columns"),
    (SQUARE, "return jnp.sort(x**2)", "sorted"),
    (SQUARE, "return jnp.sort(x)", None),
    (SQUARE, "return x[:, None] * x[None, :]", "outer-product"),
    (SQUARE, "return x[:, None] + x[None, :]", None),
    (SQUARE, "return jnp.abs(x)", "another-power"),
    (SQUARE, "return jnp.sqrt(jnp.abs(x))", "another-power"),
    (SQUARE, "return jnp.cbrt(jnp.abs(x))", None),
    (SQUARE, "return x[0] ** 2", "first-example-only"),
    (SCALE, "return x * np.float32(2.5)", "factor-ignored"),
    (SCALE, "return x", "factor-ignored"),
    (SCALE, "return x * np.float32(factor) * np.float32(2)", "scaled"),
    (DRAW, DRAWN.format("(0.1 * w, b)", "out"), "scaled"),
    (DRAW, DRAWN.format("(w, -b)", "out"), "scaled"),
    (DRAW, DRAWN.format("(0.1 * w, 3 * b)", "out"), None),
    (DRAW, DRAWN.format("(w + 1, b)", "out"), "offset"),
    (DRAW, DRAWN.format("(w + i, b)", "out"), None),
    (DRAW, DRAWN.format("(w, jnp.ones(o))", "out"), "constant-biases"),
    (DRAW, DRAWN.format("(w, jax.random.normal(c, (i,)))", "out"), "biases-as-wide-as-inputs"),
    (DRAW, DRAWN.format("(jax.random.normal(a, (o, i)).T, b)", "out"), "weights-transposed"),
    (DRAW, DRAWN.format("(w, b)", "out[:-1]"), "too-few-parts"),
    (DRAW, DRAWN.format("(w, 2 * b)", "out[:-1]"), None),
    (DRAW, KEYS.format("2 * i", "2 * i + 1"), "wrong-key-derivation"),
    (DRAW, KEYS.format("i", "n + i"), "wrong-key-derivation"),
    (SHARED, "return right(seed, x, features).reshape(-1, features).squeeze()", "squeezed-not-flattened"),
    (SHARED, "return right(seed, x, features).reshape(-1, features)", "not-flattened"),
    (ENSEMBLE, MEMBERS + "return jax.vmap(layer.apply, in_axes=(0, None))(v, x).reshape(-1)",
     "every-member-on-every-example"),
    (ENSEMBLE, MEMBERS + "return layer.apply(jax.tree_util.tree_map(lambda p: p[0], v), x).reshape(-1)",
     "first-member-only"),
    (ENSEMBLE, MEMBERS + "return layer.apply(jax.tree_util.tree_map(lambda p: p[-1], v), x).reshape(-1)",
     None),
)  # fmt: skip


@pytest.mark.parametrize(("signature", "body", "pitfall"), TOLD)
def test_a_frequent_formula_is_told(signature: str, body: str, pitfall: str | None) -> None:
    assert diagnosis_of(signature, body) == pitfall
