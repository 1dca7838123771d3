"""Formulas that students write in place of the right one are told, and their neighbours are not told so."""

from __future__ import annotations

import pytest

from conformance.judge.exercises.nn_vmap_ensemble_forward import EXERCISE as ENSEMBLES
from conformance.judge.exercises.parallel_update import EXERCISE as OVER_DEVICES
from tests.conformance.judge.told_here import diagnosis_of

SQUARE, DOT = "vectorized_square(x)", "vectorized_dot_product(x, y)"
LAYER = "vectorized_linear_layer(weights, biases, inputs)"
ADD = "vectorized_add(a, b, in_axes, out_axes)"
SCALE = "parallel_scale(x, factor)"
NETWORK, LOSS = "neural_network(params, x)", "loss_fn(params, x, y)"
DRAW = "init_params(layer_sizes, key)"
UPDATE = "update(params, x, y, learning_rate)"
PARALLEL = "parallel_update(params, x, y, learning_rate)"
ENSEMBLE = "nn_vmap_ensemble_forward(seed, x, features)"
P = "p = network(params, x)\n    "
G = "g = jax.grad(loss)(params, x, y)\n    "
EACH = "for w, b in params:\n        {}\n    return x"
STEP = "jax.tree_util.tree_map(lambda p, g: {}, params, g)"
RESHAPED = (
    "first = lambda v, axis: v.reshape(np.moveaxis(v, axis, 0).shape)\n"
    "    total = first(a, in_axes[0]) + first(b, in_axes[1])\n"
    "    return {}"
)
BY_HAND = "return [(w - learning_rate * {}, b - learning_rate * {}) for (w, b), (dw, db) in zip(params, g)]"
LAYERS = (
    "pairs = list(zip(layer_sizes, layer_sizes[1:]))\n"
    "    keys = {}\n"
    "    return [({}, jnp.zeros(o)) for k, (i, o) in zip(keys, pairs)]"
)
SPLIT = "jax.random.split(key, len(pairs))"
DRAWN = "jax.random.normal({}, (i, o)){}"
DEVICES = (
    "gs = jax.vmap(jax.grad(loss), in_axes=(None, 0, 0))(params, x, y)\n"
    "    return jax.tree_util.tree_map(lambda p, g: jnp.stack([p - learning_rate * {}] * len(x)), params, gs)"
)
CHAIN = (
    "key, found = key_of(seed), []\n"
    "    for row in x:\n"
    "        {}\n"
    "        layer = nn.Dense(features)\n"
    "        found.append(layer.apply(layer.init({}, row), row))\n"
    "    return jnp.concatenate(found)"
)

TOLD: tuple[tuple[str, str, str | None], ...] = (
    (SQUARE, "return x[:1] ** 2", "first-example-only"),
    (SQUARE, "return np.resize(x ** 2, 3)", "fixed-size"),
    (SCALE, "return x * factor * factor", "factor-applied-twice"),
    (DOT, "return (x * y)[:, -1]", "one-product-only"),
    (DOT, "return (x * y)[:, 0]", "one-product-only"),
    (DOT, "return np.cumsum(x * y, axis=1).ravel()", "one-answer-for-each-product"),
    (DOT, "return x.sum(1) * y.sum(1)", "product-of-sums"),
    (DOT, "return np.einsum('ij,kj->i', x, y)", "every-row-of-y"),
    (DOT, "return (x * y)[:, -2:].sum(1)", None),
    (LAYER, "return (inputs @ weights) * biases", "bias-multiplied"),
    (ADD, RESHAPED.format("np.moveaxis(total, 0, out_axes)"), "reshaped-not-moved"),
    (ADD, RESHAPED.format("total.reshape(np.moveaxis(total, 0, out_axes).shape)"), "reshaped-not-moved"),
    (ADD, "return np.moveaxis(np.moveaxis(a, in_axes[0], 0) + np.moveaxis(b, in_axes[1], 0), 0, 1)",
     "axes-in-another-order"),
    (NETWORK, EACH.format("x = jnp.tan(x @ w + b)"), "another-activation"),
    (NETWORK, EACH.format("h = jnp.tanh(x @ w + b); x = 2 * x + h if len(w) == len(b) else h"), None),
    (NETWORK, EACH.format("h = jnp.tanh(x @ w + b); x = x + h if len(w) == len(b) else h"), "residual-added"),
    (LOSS, P + "return jnp.mean(p - y)", "not-squared"),
    (LOSS, P + "return jnp.mean(y - p)", "not-squared"),
    (LOSS, P + "return jnp.var(p - y)", "variance-taken"),
    (LOSS, P + "return jnp.median((p - y) ** 2)", "median-taken"),
    (LOSS, P + "return jnp.max((p - y) ** 2)", "largest-taken"),
    (LOSS, P + "return jnp.mean(jnp.max((p - y) ** 2, axis=-1))", "largest-taken"),
    (LOSS, P + "return jnp.mean(jnp.min((p - y) ** 2, axis=-1))", None),
    (LOSS, P + "return jnp.mean(((p - y) / y) ** 2)", "relative-error"),
    (LOSS, P + "return jnp.mean(jnp.abs((p - y) / y))", "relative-error"),
    (LOSS, P + "return jnp.mean(((p - y) / (1 + jnp.abs(y))) ** 2)", None),
    (LOSS, P + "return jnp.log(jnp.mean(jnp.square(p - y)))", "logarithm-taken"),
    (LOSS, P + "return jnp.log1p(jnp.mean(jnp.square(p - y)))", "logarithm-taken"),
    (LOSS, P + "return jnp.log(2 + jnp.mean(jnp.square(p - y)))", None),
    (LOSS, P + "return jnp.linalg.norm(p - y)", "norm-taken"),
    (LOSS, P + "return jnp.mean(jnp.linalg.norm(p - y, axis=-1))", "norm-taken"),
    (LOSS, P + "return jnp.mean(jnp.linalg.norm(p - y, axis=-1) ** 3)", None),
    (LOSS, P + "return jnp.mean(jnp.log(jnp.cosh(p - y)))", "log-cosh-taken"),
    (UPDATE, G + BY_HAND.format("db", "dw"), "gradients-swapped"),
    (UPDATE, G + "return " + STEP.format("p - learning_rate * g / (jnp.abs(g) + 1e-8)"), "gradient-signs"),
    (UPDATE, G + "return " + STEP.format("p - learning_rate * jnp.clip(g, -0.1, 0.1)"), "gradient-clipped"),
    (UPDATE, G + "return " + STEP.format("p - learning_rate * jnp.clip(g, -0.2, 0.1)"), None),
    (DRAW, LAYERS.format(SPLIT, DRAWN.format("k", "")), "wrong-key-derivation-and-zero-biases"),
    (DRAW, LAYERS.format(SPLIT, DRAWN.format("k", " * jnp.sqrt(2 / i)")),
     "wrong-key-derivation-and-scaled-and-zero-biases"),
    (DRAW, LAYERS.format(SPLIT, DRAWN.format("jax.random.split(k)[0]", " * jnp.sqrt(2 / i)")),
     "scaled-and-zero-biases"),
    (DRAW, LAYERS.format(SPLIT, DRAWN.format("jax.random.split(k)[0]", "")), "zero-biases"),
    (DRAW, LAYERS.format(SPLIT, DRAWN.format("k", " * i")), None),
    (PARALLEL, DEVICES.format("g.max(0)"), "gradients-extreme"),
    (PARALLEL, DEVICES.format("g.sum(0) / 8"), "divided-by-all-devices"),
    (PARALLEL, DEVICES.format("g.sum(0)"), "gradient-summed"),
    (PARALLEL, DEVICES.format("g.sum(0) / 7"), "step-of-another-length"),
    (ENSEMBLE, CHAIN.format("key, sub = jax.random.split(key)", "sub"), "wrong-key-derivation"),
    (ENSEMBLE, CHAIN.format("key, sub = jax.random.split(key)", "jax.random.split(sub)[0]"), None),
)  # fmt: skip


@pytest.mark.parametrize(("signature", "body", "pitfall"), TOLD)
def test_a_formula_is_told(signature: str, body: str, pitfall: str | None) -> None:
    assert diagnosis_of(signature, body) == pitfall


def test_the_remedies_fit_where_no_map_gives_what_is_returned() -> None:
    words = {each.id: each.fix for each in OVER_DEVICES.pitfalls}
    assert "jnp.stack" in words["params-not-returned-per-device"]
    words = {each.id: each.fix for each in ENSEMBLES.pitfalls}
    assert "`.T`" in words["wrong-out-axes"]
