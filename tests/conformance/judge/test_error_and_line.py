"""Errors are read with the line that raised them, and those near them are told otherwise."""

from __future__ import annotations

import pytest

from conformance.judge.diagnosis import of_error
from tests.conformance.judge.told_here import told_of_error

SQUARE, DOT = "vectorized_square(x)", "vectorized_dot_product(x, y)"
ADD = "vectorized_add(a, b, in_axes, out_axes)"
LAYER = "vectorized_linear_layer(weights, biases, inputs)"
SCALE = "parallel_scale(x, factor)"
COMPUTE = "parallel_compute(data)"
NETWORK = "neural_network(params, x)"
DRAW = "init_params(layer_sizes, key)"
UPDATE = "update(params, x, y, learning_rate)"
SHARED = "nn_vmap_forward(seed, x, features)"
ENSEMBLE = "nn_vmap_ensemble_forward(seed, x, features)"
STEP = "return jax.tree_util.tree_map(lambda p, g: p - learning_rate * g, params, {})"
LINEAR = "jax.vmap(lambda w, b, x: x @ w + b{})({})"
ALL = "weights, biases, inputs"

TOLD: tuple[tuple[str, str, str | None], ...] = (
    (SQUARE, "import math\n    return jax.vmap(lambda v: math.pow(v, 2))(x)", "math-on-a-traced-value"),
    (SQUARE, "return jax.vmap(lambda v: float(v) ** 2)(x)", "branch-on-a-traced-value"),
    (SQUARE, "return jax.vmap(lambda v: v * v)(*x)", "array-taken-apart"),
    (SQUARE, "return jax.vmap(jax.vmap(lambda v: v * v))(x)", "one-map-too-many"),
    (SQUARE, "f = jax.vmap(lambda v: v * v)\n    return jax.vmap(f)(x)", "one-map-too-many"),
    (SQUARE, "return jax.vmap(lambda v: v * v)(x[0])", "one-map-too-many"),
    (SCALE, "f = jax.vmap(jnp.multiply)\n    return jax.vmap(f)(x, x * factor)", "scalar-not-broadcast"),
    (ADD, "return jax.vmap(lambda p, q: p + q.T, in_axes, out_axes)(a, b)", "axes-swapped"),
    (ADD, "return jax.vmap(lambda p, q: p + q[:-1], in_axes, out_axes)(a, b)", "shapes-do-not-fit"),
    (SHARED, ("layer = lift(features)\n    v = layer.init(key_of(seed), jnp.ones((len(x), features)))\n"
     "    return layer.apply(v, x).reshape(-1)"), "initialised-with-other-inputs"),
    (UPDATE, ("g = jax.grad(loss, argnums=1)(params, x, y)\n"
     "    return jax.tree_util.tree_map(lambda p: p - learning_rate * g, params)"), "gradient-by-the-data"),
    (UPDATE, ("g = jnp.ones((2, 7, 9))\n"
     "    return jax.tree_util.tree_map(lambda p: p - learning_rate * g, params)"), "shapes-do-not-fit"),
    (COMPUTE, "return jax.pmap(lambda d: d * d, static_broadcasted_argnums='d')(data)", None),
    (COMPUTE, "return jax.pmap(lambda d: d * d, in_axes=1)(data)", "axis-not-there"),
    (COMPUTE, "return jax.pmap(lambda d: d * d, in_axes=0)(data.shape[3])", None),
    (COMPUTE, "return jax.pmap(lambda d: d * d, static_argnums=1)(data)", "misspelt-option"),
    (SCALE, "both = (x, factor)\n    return jax.vmap(jnp.multiply)(*both)", "scalar-not-broadcast"),
    (SCALE, "return jax.vmap(lambda v, factor: v * factor)(x, factor=factor)", "keyword-is-mapped"),
    (SCALE, "f = jax.vmap(lambda v, k: v * k, in_axes=0)\n    return f(x, k=factor)", "keyword-is-mapped"),
    (SCALE, "return jax.vmap(jnp.multiply)(x, jnp.asarray(factor, dtype=x.dtype))",
     "scalar-not-broadcast"),
    (ADD, "return jax.vmap(jnp.add)(a, b, in_axes, out_axes)", "map-options-to-the-function"),
    (LAYER, "return " + LINEAR.format("", f"{ALL}, in_axes=(None, None, 0)"),
     "map-options-to-the-function"),
    (ADD, "return jax.vmap(jnp.add, in_axes=in_axes, out_axes=in_axes)(a, b)", "out-axes-built-otherwise"),
    (LAYER, "return " + LINEAR.format(", in_axes=(None, 0)", ALL), "in-axes-of-another-length"),
    (DOT, "return jax.vmap(lambda a, b: a @ b)((x, y))", "arguments-in-a-tuple"),
    (DOT, "return jax.vmap(lambda a, b, c: a @ b)(x, y)", None),
    (SQUARE, "return [x[i] ** 2 for i in range(x)]", "range-of-an-array"),
    (SQUARE, "rows = [1, 2]\n    return rows[jnp.asarray(x)]", None),
    (SQUARE, "return jax.vmap(lambda v: v * v, in_axes=1)(x)", "axis-not-there"),
    (LAYER, "return jnp.concatenate([row @ weights for row in inputs], axis=1)", "axis-not-there"),
    (LAYER, "return jax.vmap(lambda x: x @ weights, in_axes=None)(inputs)", "nothing-mapped"),
    (DRAW, "return jax.random.normal(key, layer_sizes[0], 3)", "shape-in-several-arguments"),
    (DRAW, "return jax.random.normal((2, 3), key)", "key-goes-first"),
    (DRAW, "return key.split(2)", "no-such-method"),
    (SHARED, "return lift(features).init(x, key_of(seed))", "key-goes-first"),
    (SHARED, "return nn.Dense(features).init(jax.random.split(key_of(seed), 3), x)", None),
    (ENSEMBLE, ("keys = jax.random.split(key_of(seed), features)\n"
     "    return jax.vmap(nn.Dense(features).init)(keys, x)"), "as-many-keys-as-examples"),
    (UPDATE, "g, value = jax.value_and_grad(loss)(params, x, y)\n    " + STEP.format("g"),
     "one-array-as-gradient"),
    (UPDATE, "g = jax.grad(loss, argnums=1)(params, x, y)\n    " + STEP.format("g"), "one-array-as-gradient"),
    (UPDATE, "g = jax.grad(loss)(params, x, y)\n    " + STEP.format("[*g, 1]"), "trees-differ"),
)  # fmt: skip


@pytest.mark.parametrize(("signature", "body", "pitfall"), TOLD)
def test_a_call_is_told_by_its_line(signature: str, body: str, pitfall: str | None) -> None:
    found = told_of_error(signature, body)
    assert (None if found is None else found.pitfall) == pitfall, found


def test_layers_in_reverse_are_told_of_their_order() -> None:
    body = "for w, b in reversed(params):\n        x = jnp.tanh(x @ w + b)\n    return x"
    found = told_of_error(NETWORK, body)
    assert found is not None
    assert "no `reversed`" in found.fix


@pytest.mark.parametrize(
    ("line", "pitfall"),
    [
        ("```python", "markdown-in-the-file"),
        (">>> import jax", "prompt-in-the-file"),
        ("Here is the solution:", "prose-in-the-file"),
        ("Here's a solution, which uses `vmap`.", "prose-in-the-file"),
        ("Return x if x else y", None),
        ("import jax as", None),
        ("X y", None),
        ("return (x", None),
        ("Model = lambda x y: x", None),
    ],
)
def test_what_is_no_python_is_told(line: str, pitfall: str | None) -> None:
    error = {"type": "SyntaxError", "message": "invalid syntax", "frames": [["1", "", line]]}
    found = of_error(error, None)
    assert (None if found is None else found.pitfall) == pitfall, found


@pytest.mark.parametrize(
    "body",
    [
        "for b, w in params:\n        x = jnp.tanh(x @ w + b)\n    return x",
        "for x, b in params:\n        x = jnp.tanh(x @ x + b)\n    return x",
    ],
)
def test_a_pair_in_another_order_is_named_among_the_causes(body: str) -> None:
    found = told_of_error(NETWORK, body)
    assert found is not None
    assert found.pitfall in ("factors-do-not-fit", "layers-do-not-follow")
    assert "(weights, biases), in this order" in found.fix
