"""What students compute in place of the task is named; what is something else again is not.

The answers are computed in this process: how a candidate's process gives them is tested elsewhere.
"""

from __future__ import annotations

import numpy as np
import pytest

from conformance.judge.exercises.rounded import roughly
from tests.conformance.judge.told_here import diagnosis_of

LOSS = "loss_fn(params, x, y)"
NETWORK = "neural_network(params, x)"
UPDATE = "update(params, x, y, learning_rate)"
DRAW = "init_params(layer_sizes, key)"
DOT = "vectorized_dot_product(x, y)"
SQUARE = "vectorized_square(x)"
LAYER = "vectorized_linear_layer(weights, biases, inputs)"
ADD = "vectorized_add(a, b, in_axes, out_axes)"
COMPUTE = "parallel_compute(data)"
SCALE = "parallel_scale(x, factor)"
SHARED = "nn_vmap_forward(seed, x, features)"
ENSEMBLE = "nn_vmap_ensemble_forward(seed, x, features)"

LOOP = "for w, b in params:\n        x = {}\n    return x"
STEPPED = "return [(w - {rate} * dw, b - {rate} * db) for (w, b), (dw, db) in zip({old}, {new})]"
ONE = STEPPED.format(rate="learning_rate", old="params", new="g")
GRADIENT = "g = jax.grad(loss)(params, x, y)\n    "
DRAWN = (
    "out = []\n"
    "    for k, i, o in zip(jax.random.split(key, len(layer_sizes) - 1), layer_sizes, layer_sizes[1:]):\n"
    "        a, b = jax.random.split(k)\n"
    "        w, b = jax.random.normal(a, (i, o)), jax.random.normal(b, (o,))\n"
    "        out.append({})\n"
    "    return {}"
)
LIFT = "return run(lift({}), key_of(seed), x).reshape(-1)"

NAMED: tuple[tuple[str, str, str], ...] = (
    (NETWORK, LOOP.format("jnp.tanh(x @ w) + b"), "bias-outside-activation"),
    (NETWORK, LOOP.format("jnp.tanh(x @ w + 2 * b)"), "bias-added-twice"),
    (NETWORK, LOOP.format("jnp.tanh(x) @ w + b"), "activation-before-layer"),
    (NETWORK, LOOP.format("jax.nn.softmax(x @ w + b, axis=0)"), "another-activation"),
    (
        NETWORK,
        LOOP.format("x @ w + b").replace("return x", "return jnp.tanh(x)"),
        "activation-at-the-end-only",
    ),
    (NETWORK, LOOP.format("jnp.tanh(x @ w + b)\n        return x"), "first-layer-only"),
    (NETWORK, "return network(params[:-1], x)", "last-layer-missing"),
    (LOSS, "return jnp.sqrt(loss(params, x, y))", "root-taken"),
    (LOSS, "return (network(params, x) - y) ** 2", "not-averaged"),
    (
        LOSS,
        "return jnp.mean((network([(w, 2 * b) for w, b in params], x) - y) ** 2)",
        "bias-added-twice",
    ),
    (LOSS, "return jnp.mean(jnp.log(network(params, x) - 2))", "not-a-number"),
    (
        UPDATE,
        (
            "g = jax.grad(loss)(params, x, y)\n"
            "    return list(params[:-1]) + [(params[-1][0] - learning_rate * g[-1][0],"
            " params[-1][1] - learning_rate * g[-1][1])]"
        ),
        "last-layer-only",
    ),
    (
        UPDATE,
        (
            "for n in range(len(params)):\n"
            "        g = jax.grad(loss)(params, x, y)\n"
            "        (w, b), (v, c), rest = params[n], g[n], params[n + 1:]\n"
            "        params = [*params[:n], (w - learning_rate * v, b - learning_rate * c), *rest]\n"
            "    return params"
        ),
        "layer-after-layer",
    ),
    (
        UPDATE,
        (
            "for n in reversed(range(len(params))):\n"
            "        g = jax.grad(loss)(params, x, y)\n"
            "        (w, b), (v, c), rest = params[n], g[n], params[n + 1:]\n"
            "        params = [*params[:n], (w - learning_rate * v, b - learning_rate * c), *rest]\n"
            "    return params"
        ),
        "layer-after-layer",
    ),
    (
        UPDATE,
        "for _ in range(2):\n        g = jax.grad(loss)(params, x, y)\n        params = "
        + ONE.removeprefix("return ")
        + "\n    return params",
        "two-steps",
    ),
    (
        UPDATE,
        "for a, c in zip(x, y):\n        g = jax.grad(loss)(params, a, c)\n        params = "
        + ONE.removeprefix("return ")
        + "\n    return params",
        "step-for-each-example",
    ),
    (UPDATE, "g = jax.grad(loss)(params, x[:1], y[:1])\n    " + ONE, "first-example-only"),
    (
        UPDATE,
        "g = jax.grad(lambda p: jnp.mean(abs(network(p, x) - y)))(params)\n    " + ONE,
        "absolute-error",
    ),
    (
        UPDATE,
        "g = jax.tree_util.tree_map(lambda g: jnp.clip(g, -1, 1), jax.grad(loss)(params, x, y))\n    "
        + ONE,
        "gradient-clipped",
    ),
    (
        UPDATE,
        "g = jax.tree_util.tree_map(jnp.sign, jax.grad(loss)(params, x, y))\n    " + ONE,
        "gradient-signs",
    ),
    (DRAW, DRAWN.format("{'w': w, 'b': b}", "out"), "other-containers"),
    (DRAW, DRAWN.format("(b, w)", "out"), "other-containers"),
    (DRAW, DRAWN.format("(w, b[None])", "out"), "wrong-shape"),
    (DRAW, DRAWN.format("(w, b)", "out + out[-1:]"), "too-many-parts"),
    (DRAW, DRAWN.format("(w, b)", "out[:1]"), "too-few-parts"),
    (
        DRAW,
        DRAWN.replace("normal(a, (i, o))", "truncated_normal(a, -2, 2, (i, o))").format(
            "(w, b)", "out"
        ),
        "draws-cut-off",
    ),
    (DOT, "return jax.vmap(jnp.outer)(x, y)", "outer-product"),
    (DOT, "return (x + y).sum(1)", "added-not-multiplied"),
    (DOT, "return ((x - y) ** 2).sum(1)", "squared-distance"),
    (
        DOT,
        "return (x * y).sum(1) / np.linalg.norm(x, axis=1) / np.linalg.norm(y, axis=1)",
        "divided-by-the-lengths",
    ),
    (SQUARE, "return {'squares': x * x}", "other-containers"),
    (DOT, "return [jnp.dot(a, b) for a, b in zip(x, y)]", "in-parts"),
    (SQUARE, "return 2 * x", "another-power"),
    (SQUARE, "return x * abs(x)", "another-power"),
    (SQUARE, "return x**3", "another-power"),
    (SQUARE, "return x**4", "another-power"),
    (LAYER, "return inputs @ weights + 2 * biases", "bias-added-twice"),
    (LAYER, "return inputs @ weights - biases", "bias-subtracted"),
    (LAYER, "return jax.nn.softmax(inputs @ weights + biases, axis=0)", "activation-added"),
    (
        LAYER,
        (
            "w = weights.T if weights.shape[0] == weights.shape[1] else weights\n"
            "    return inputs @ w + biases"
        ),
        "weights-transposed",
    ),
    (SCALE, "return x + np.float32(factor)", "added-not-multiplied"),
    (SCALE, "return x / np.float32(factor)", "divided-not-multiplied"),
    (SCALE, "return x * np.float32(np.trunc(factor))", "factor-cut-to-an-integer"),
    (SCALE, "return x * np.float32(round(factor))", "factor-cut-to-an-integer"),
    (
        SCALE,
        "return np.broadcast_to((x * np.float32(factor)).mean(), x.shape)",
        "joined-over-an-axis",
    ),
    (
        COMPUTE,
        "return jax.vmap(lambda v: jax.lax.psum(v**2, 'i'), axis_name='i')(data)",
        "joined-over-an-axis",
    ),
    (
        COMPUTE,
        "return jax.vmap(lambda v: jax.lax.pmax(v**2, 'i'), axis_name='i')(data)",
        "joined-over-an-axis",
    ),
    (COMPUTE, "return data + data", "another-power"),
    (COMPUTE, "return data**4", "another-power"),
    (COMPUTE, "return data[::-1] ** 2", "in-reverse-order"),
    (SQUARE, "return jnp.cumsum(x**2)", "running-sum"),
    (ADD, "return jax.vmap(jnp.subtract, in_axes, out_axes)(a, b)", "another-operation"),
    (ADD, "return jax.vmap(lambda a, b: b - a, in_axes, out_axes)(a, b)", "another-operation"),
    (ADD, "return jax.vmap(jnp.multiply, in_axes, out_axes)(a, b)", "another-operation"),
    (ADD, "return jax.vmap(lambda a, b: a, in_axes, out_axes)(a, b)", "another-operation"),
    (ENSEMBLE, "return ensemble(seed, x, features).reshape(-1, features).mean(0)", "summed"),
    (ENSEMBLE, "return ensemble(seed, x, features).reshape(-1, features).mean(1)", "summed"),
    (SHARED, "return right(seed, x, features).reshape(-1, features).mean(0)", "summed"),
    (SHARED, LIFT.format("x.shape[1]"), "another-number-of-features"),
    (SHARED, LIFT.format("len(x)"), "another-number-of-features"),
    (SHARED, LIFT.format("8"), "another-number-of-features"),
    (ENSEMBLE, LIFT.format("x.shape[1], params=0, split=True"), "another-number-of-features"),
    (SHARED, LIFT.format("features, bias_init=nn.initializers.ones"), "offset"),
    (
        SHARED,
        LIFT.format("features, kernel_init=nn.initializers.xavier_uniform()"),
        "another-initializer",
    ),
    (SHARED, LIFT.format("features, kernel_init=nn.initializers.normal()"), "another-initializer"),
    (SHARED, LIFT.format("features, kernel_init=nn.initializers.zeros"), "another-initializer"),
    (
        ENSEMBLE,
        LIFT.format("features, params=0, split=True, kernel_init=nn.initializers.he_normal()"),
        "another-initializer",
    ),
    *(
        (
            UPDATE,
            GRADIENT
            + f"g = jax.tree_util.tree_map(lambda a, b: a + {term}, g, list(params))\n    "
            + ONE,
            "term-of-an-argument",
        )
        for term in ("0.01 * b", "1e-3 * b", "0.1 * b * (b.ndim > 1)")
    ),
    (
        UPDATE,
        (
            "g = jax.grad(loss)(params, x, y)\n    return "
            "[(0.999 * w - learning_rate * dw, 0.999 * b - learning_rate * db) "
            "for (w, b), (dw, db) in zip(params, g)]"
        ),
        "term-of-an-argument",
    ),
    (
        UPDATE,
        "penalised = lambda p, x, y: loss(p, x, y) + 0.05 * sum(jnp.sum(w**2) for w, b in p)\n"
        "    g = jax.grad(penalised)(list(params), x, y)\n    " + ONE,
        "term-of-an-argument",
    ),
    (SCALE, "return x * np.float32(factor) + x", "term-of-an-argument"),
    (
        LOSS,
        "p = network(params, x)\n    if p.shape[1] == 1: p = p.squeeze(1)\n    return jnp.mean((p - y)**2)",
        "targets-of-every-example",
    ),
    (
        UPDATE,
        "squeezed = lambda p, x, y: jnp.mean((network(p, x).squeeze(1) - y) ** 2) "
        "if y.shape[1] == 1 else loss(p, x, y)\n"
        "    g = jax.grad(squeezed)(list(params), x, y)\n    " + ONE,
        "targets-of-every-example",
    ),
    (
        LOSS,
        "return loss(params, x, y) + 1e-3 * sum(jnp.sum(w**2) for w, b in params)",
        "penalty-added",
    ),
    (
        LOSS,
        "return loss(params, x, y) + 1e-2 * sum(jnp.sum(w**2) + jnp.sum(b**2) for w, b in params)",
        "penalty-added",
    ),
    (
        LOSS,
        "return loss(params, x, y) + 1e-2 * sum(jnp.sum(jnp.abs(w)) for w, b in params)",
        "penalty-added",
    ),
    (
        NETWORK,
        "x = network(params, x)\n    return (x - x.mean(0)) / (x.std(0) + 1e-5)",
        "normalised",
    ),
    (
        NETWORK,
        "x = network(params, x)\n    return (x - x.mean(0)) / jnp.sqrt(x.var(0) + 1e-5)",
        "normalised",
    ),
    (
        NETWORK,
        "return jax.nn.standardize(network(params, x), axis=-1)",
        "normalised",
    ),
)
SOMETHING_ELSE: tuple[tuple[str, str], ...] = (
    (NETWORK, LOOP.format("jnp.tanh(x @ w) + 1.01 * b")),
    (NETWORK, LOOP.format("jnp.tanh(x @ w + 1.5 * b)")),
    (NETWORK, "return network([*params[:-1], (params[-1][0], params[-1][0][0])], x)"),
    (
        UPDATE,
        "g = jax.tree_util.tree_map(lambda g: jnp.clip(g, -0.3, 0.5),"
        " jax.grad(loss)(params, x, y))\n    " + ONE,
    ),
    (
        UPDATE,
        "g = jax.grad(loss)(params, x, y)\n    "
        "g = jax.tree_util.tree_map(lambda a, b: a + 0.01 * b * b, g, list(params))\n    " + ONE,
    ),
    (LOSS, "return loss(params, x, y) + 0.01 * sum(jnp.sum(w**3) for w, b in params)"),
    (LOSS, "return loss(params, x, y) + 0.01 * jnp.sum(params[0][0] ** 2)"),
    (DRAW, DRAWN.format("(w, b + 1)", "{'layers': out}")),
    (DRAW, DRAWN.format("(w, 2 * b)", "out + out[-1:]")),
    (DOT, "return [jnp.dot(a, b) + n for n, (a, b) in enumerate(zip(x, y))]"),
    (SQUARE, "return x**5"),
    (COMPUTE, "return data**5"),
    (COMPUTE, "return np.broadcast_to((data**2).prod(0), data.shape)"),
    (ADD, "return jax.vmap(lambda a, b: a + 3 * b, in_axes, out_axes)(a, b)"),
    (ENSEMBLE, "return ensemble(seed, x, features).reshape(-1, features).max(0)"),
    (SHARED, LIFT.format("features + 2")),
    (ENSEMBLE, LIFT.format("x.shape[1]")),
    (SCALE, "return (x + 1.5) * np.float32(factor)"),
    (LAYER, "return inputs @ weights + 1.5 * biases"),
    (SCALE, "return x * np.float32(factor) + x * x"),
    (SHARED, LIFT.format("features, kernel_init=nn.initializers.normal(0.5)")),
    (SHARED, LIFT.format("features, bias_init=nn.initializers.normal(0.2)")),
)


@pytest.mark.parametrize(("signature", "body", "pitfall"), NAMED)
def test_another_formula_is_named(signature: str, body: str, pitfall: str) -> None:
    assert diagnosis_of(signature, body) == pitfall


@pytest.mark.parametrize(("signature", "body"), SOMETHING_ELSE)
def test_what_is_something_else_again_has_no_name(signature: str, body: str) -> None:
    assert diagnosis_of(signature, body) is None


def test_a_rough_error_is_finite_where_the_values_are_not() -> None:
    rough = roughly([np.asarray([np.inf, 2.0, np.nan]), np.asarray([np.nan]), np.zeros(0)])
    assert [error.tolist() for error in rough.error] == [[2e-4] * 3, [0.0], []]
