"""What a fifth class wrote is told in its own words, and what is near it is not."""

from __future__ import annotations

import pytest

from conformance.judge.one_operation_off import of_one_operation
from tests.conformance.judge.told_here import diagnosis_of, told_of_error, wrong_answers_of

SQUARE, DOT = "vectorized_square(x)", "vectorized_dot_product(x, y)"
LAYER = "vectorized_linear_layer(weights, biases, inputs)"
ADD = "vectorized_add(a, b, in_axes, out_axes)"
NETWORK, LOSS = "neural_network(params, x)", "loss_fn(params, x, y)"
UPDATE = "update(params, x, y, learning_rate)"
DRAW = "init_params(layer_sizes, key)"
SHARED = "nn_vmap_forward(seed, x, features)"
ENSEMBLE = "nn_vmap_ensemble_forward(seed, x, features)"
P = "p = network(params, x)\n    return "
EACH = "for w, b in params:\n        {}\n    return x"
G = "g = jax.grad(loss)(params, x, y)\n    return "
STEP = "jax.tree_util.tree_map(lambda p, g: {}, list(params), list(g))"
OVER_DEVICES = "parallel_update(params, x, y, learning_rate)"
MAPPED = (
    "def each(p, x, y):\n"
    "        g = jax.lax.pmean(jax.grad(loss)(p, x, y), 'd')\n"
    "        return jax.tree_util.tree_map(lambda p, g: p - learning_rate * {}, p, g)\n"
    "    return jax.vmap(each, in_axes=(None, 0, 0), axis_name='d')(list(params), x, y)"
)
DRAWN = (
    "out = []\n"
    "    for k, i, o in zip(jax.random.split(key, len(layer_sizes) - 1), layer_sizes, layer_sizes[1:]):\n"
    "        a, c = {}\n"
    "        out.append(({}, {}))\n"
    "    return out"
)
W, B = "jax.random.normal(a, (i, o))", "jax.random.normal(c, (o,))"
LIFT = "return run(lift(features, {}), key_of(seed), x).reshape(-1)"
LOOP = (
    "out = jnp.zeros((len(inputs), len(biases)))\n"
    "    for i in range(len(weights)):\n"
    "        out = out + inputs[:, i:i + 1] * weights[i]{}\n"
    "    return out{}"
)

TOLD: tuple[tuple[str, str, str | None], ...] = (
    # some values are right
    (SQUARE, "return jnp.where(x > x.mean(), x * x, x)", "left-in-places"),
    (SQUARE, "return jnp.where(x > x.mean(), x * x, x + 1)", None),
    (SQUARE, "return jnp.clip(x * x, 0.1, 2)", "limited"),
    (NETWORK, "return jnp.minimum(network(params, x), 0.5)", "limited"),
    (NETWORK, "return jnp.maximum(network(params, x), 0)", "activation-added"),
    (SQUARE, "return jnp.where(x * x > 2, 3, x * x)", None),
    (SQUARE, "return jnp.zeros_like(x)", "constant-answer"),
    (SQUARE, "return jnp.where(x > 0, 4.0, 0.0) + 0 * x", None),
    (UPDATE, G + STEP.format("jnp.clip(p - learning_rate * g, -1, 1)"), "limited"),
    (NETWORK, "return network(params, x)[:, 0]", "one-number-of-each"),
    (NETWORK, "return network(params, x)[:, :1] * 1.5", None),
    (NETWORK, "return jnp.max(network(params, x), axis=1)", None),
    # arrays that were changed first
    (SQUARE, "return (x + 1) ** 2", "changed-first"),
    (SQUARE, "return (x + 0.3) ** 2", None),
    (DOT, "return (x * jnp.roll(y, 1, axis=1)).sum(1)", "changed-first"),
    (NETWORK, "return network(params, x / 255.0)", "changed-first"),
    (NETWORK, "return network(params, x / 7.0)", None),
    # layers
    (LAYER, LOOP.format(" + biases", ""), "bias-added-for-each-input"),
    (LAYER, LOOP.format("", " + 1.5 * biases"), None),
    (LAYER, "return (inputs[:, :, None] * weights).mean(1) + biases", "products-averaged"),
    (LAYER, "return inputs @ weights / np.sqrt(len(weights)) + biases", "products-scaled"),
    (LAYER, "return inputs @ weights / 3 + biases", None),
    (LAYER, "return inputs @ (weights + biases)", "biases-meet-the-weights"),
    (ADD, "return jax.vmap(lambda p, q: jnp.sum(p + q), in_axes=in_axes)(a, b)", "collapsed"),
    (ADD, "return jax.vmap(lambda p, q: jnp.sum(p), in_axes=in_axes)(a, b)", None),
    # networks
    (NETWORK, EACH.format("x = 2 * jax.nn.sigmoid(x @ w + b) - 1"), "scaled-in-each-layer"),
    (NETWORK, EACH.format("x = jnp.tanh(x @ w + b) / 2"), "scaled-in-each-layer"),
    (NETWORK, EACH.format("x = jnp.tanh((x @ w + b) / np.sqrt(len(w)))"), "scaled-in-each-layer"),
    (NETWORK, EACH.format("x = jnp.tanh(0.7 * (x @ w + b))"), None),
    (
        NETWORK,
        EACH.format(
            "x = jnp.tanh(x @ w + b); x = (x - x.mean(-1, keepdims=True)) / (x.std(-1, keepdims=True) + 1e-5)"
        ),
        "normalised-in-each-layer",
    ),
    # losses
    (LOSS, f"{P}jnp.mean(jnp.abs(p - y) ** 3)", "another-power"),
    (LOSS, f"{P}jnp.mean(jnp.abs(p - y) ** 2.5)", None),
    (LOSS, f"{P}jnp.mean((p - y) ** 2) + jnp.mean(jnp.abs(p - y))", "absolute-error"),
    (LOSS, f"{P}jnp.mean((p - jnp.tanh(y)) ** 2)", "targets-changed-first"),
    (LOSS, f"{P}jnp.mean((jax.nn.softmax(p) - y) ** 2)", "answers-changed-first"),
    (LOSS, f"{P}jnp.mean((jnp.cos(p) - y) ** 2)", None),
    (LOSS, f"{P}jnp.mean((p - y.mean(0)) ** 2)", "targets-averaged"),
    (LOSS, f"{P}jnp.mean((p - y) ** 2) / jnp.mean(y ** 2)", "relative-error"),
    (LOSS, f"{P}jnp.mean(jnp.maximum(0, 1 - p * y))", "hinge-loss"),
    (
        LOSS,
        "n = max(1, len(x) // 2)\n    return loss(params, x[:n], y[:n])",
        "half-of-the-examples",
    ),
    (LOSS, "n = max(1, len(x) // 3)\n    return loss(params, x[:n], y[:n])", None),
    # steps
    (UPDATE, G + STEP.format("p - learning_rate * abs(g)"), "gradient-made-positive"),
    (UPDATE, G + STEP.format("p - learning_rate * g * g"), "gradient-squared"),
    (UPDATE, G + STEP.format("p - learning_rate"), "gradient-left-out"),
    (UPDATE, G + STEP.format("g - learning_rate * p"), "gradient-and-params-swapped"),
    (UPDATE, G + STEP.format("p - learning_rate * p"), "params-in-the-gradients-place"),
    (OVER_DEVICES, MAPPED.format("abs(g)"), "gradient-made-positive"),
    (OVER_DEVICES, MAPPED.format("jnp.cos(g)"), None),
    # draws
    (DRAW, DRAWN.format("jax.random.split(k, 3)[1:]", W, B), "wrong-key-derivation"),
    (DRAW, DRAWN.format("jax.random.split(k, 3)[1:]", f"0.1 * {W}", B), None),
    (
        DRAW,
        DRAWN.replace("len(layer_sizes) - 1)", "len(layer_sizes) - 1)[::-1]").format(
            "jax.random.split(k)", W, B
        ),
        "wrong-key-derivation",
    ),
    (DRAW, DRAWN.format("jax.random.split(k)", f"{W} + 1", B), "offset"),
    (DRAW, DRAWN.format("jax.random.split(k)", f"{W} + i", B), None),
    (SHARED, LIFT.format("bias_init=nn.initializers.normal()"), "biases-drawn"),
    (SHARED, LIFT.format("bias_init=nn.initializers.normal(0.3)"), None),
    (
        ENSEMBLE,
        LIFT.format("params=0, split=True, bias_init=nn.initializers.normal()"),
        "biases-drawn",
    ),
)


@pytest.mark.parametrize(("signature", "body", "pitfall"), TOLD)
def test_a_mistake_is_told_and_its_neighbour_is_not(
    signature: str, body: str, pitfall: str | None
) -> None:
    assert diagnosis_of(signature, body) == pitfall


def test_zeros_that_were_never_written_are_told_how_to_be() -> None:
    for number, told in (("0.0", True), ("1.0", False)):
        found = of_one_operation(wrong_answers_of(SQUARE, f"return jnp.full_like(x, {number})")[1])
        assert found is not None
        assert ("at[i].set" in found.fix) is told


@pytest.mark.parametrize(
    ("body", "pitfall"),
    [
        ("params[0][0] = 0\n    return params", "tuple-is-immutable"),
        ("x = jnp.asarray(x)\n    x[0] = 0\n    return params", "array-is-immutable"),
        (
            (
                "grads, value = jax.value_and_grad(loss)(params, x, y)\n"
                "    return [(w - dw, b) for (w, b), (dw, db) in zip(params, grads)]"
            ),
            "number-taken-apart",
        ),
    ],
)
def test_an_error_of_plain_python_is_told(body: str, pitfall: str) -> None:
    found = told_of_error(UPDATE, body)
    assert found is not None
    assert found.pitfall == pitfall
