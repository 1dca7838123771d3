"""Right values that lack an axis, come with something else, or stand beside others left unchanged."""

from __future__ import annotations

import pytest

from tests.conformance.judge.told_here import diagnosis_of

SQUARE, DOT = "vectorized_square(x)", "vectorized_dot_product(x, y)"
LAYER = "vectorized_linear_layer(weights, biases, inputs)"
NETWORK, LOSS = "neural_network(params, x)", "loss_fn(params, x, y)"
ADD = "vectorized_add(a, b, in_axes, out_axes)"
DRAW = "init_params(layer_sizes, key)"
UPDATE = "update(params, x, y, learning_rate)"
PARALLEL = "parallel_update(params, x, y, learning_rate)"
SHARED = "nn_vmap_forward(seed, x, features)"
ENSEMBLE = "nn_vmap_ensemble_forward(seed, x, features)"
STEP = "jax.tree_util.tree_map(lambda p, g: p - learning_rate * g, params, {})"
ON_EACH = (
    "one = lambda p, x, y: jax.tree_util.tree_map(lambda p, g: p - learning_rate * g, p, "
    "jax.lax.pmean(jax.grad(lost)(p, x, y), 'd'))\n"
    "    return jax.vmap(one, in_axes=(None, 0, 0), axis_name='d')(params, x, y)"
)
CUT = (
    "def lost(params, x, y):\n"
    "        for n, (w, b) in enumerate(params):\n"
    "            x = jnp.tanh({})\n"
    "        return jnp.mean((x - y) ** 2)\n    "
)
STOPPED = "jax.lax.stop_gradient"
INSIDE = (
    "class Net(nn.Module):\n"
    "        @nn.compact\n"
    "        def __call__(self, x):\n"
    "            return nn.Dense(features)(x)\n"
    "    layer = nn.vmap(Net, variable_axes={{'params': {}}}, split_rngs={{'params': {}}})()\n"
    "    return run(layer, key_of(seed), x).reshape(-1)"
)
AROUND = (
    "class Net(nn.Module):\n"
    "        @nn.compact\n"
    "        def __call__(self, x):\n"
    "            return lift(features, params=0, split=True)(x)\n"
    "    return run(Net(), key_of(seed), x).reshape(-1)"
)

TOLD: tuple[tuple[str, str, str | None], ...] = (
    (SQUARE, "return (x[:, None] ** 2).squeeze()", "axis-of-one-dropped"),
    (SQUARE, "return x[0] ** 2 if len(x) == 1 else x**2", "axis-of-one-dropped"),
    (DOT, "return (x * y).sum(1).squeeze()", "axis-of-one-dropped"),
    (LAYER, "return jnp.squeeze(inputs @ weights + biases)", "axis-of-one-dropped"),
    (NETWORK, "return network(params, x).squeeze()", "axis-of-one-dropped"),
    (NETWORK, "y = network(params, x)\n    return y[:, 0] if y.shape[1] == 1 else y",
     "axis-of-one-dropped"),
    (ADD, "return jax.vmap(jnp.add, in_axes, out_axes)(a, b).squeeze()", "axis-of-one-dropped"),
    (SHARED, "return right(seed, x, features).squeeze()", "axis-of-one-dropped"),
    (UPDATE, (f"new = {STEP.format('jax.grad(loss)(params, x, y)')}\n"
     "    return [(w, b.squeeze()) for w, b in new]"), "axis-of-one-dropped"),
    # what is no axis of one
    (SQUARE, "return (x**2).sum()", "collapsed"),
    (SQUARE, "return (2 * x[:, None]).squeeze()", None),
    (SQUARE, "return (x**2)[:, None]", "column-vector"),
    (UPDATE, ("value, g = jax.value_and_grad(loss)(params, x, y)\n"
     f"    return {STEP.format('g')}, value"), "more-returned"),
    (UPDATE, ("value, g = jax.value_and_grad(loss)(params, x, y)\n"
     f"    return value, {STEP.format('g')}"), "more-returned"),
    (UPDATE, ("value, g = jax.value_and_grad(loss)(params, x, y)\n"
     f"    return {{'params': {STEP.format('g')}, 'loss': value}}"), "more-returned"),
    (LOSS, "return loss(params, x, y), network(params, x)", "more-returned"),
    (SQUARE, "return x, x * x", "more-returned"),
    # another number of layers, and something that is not right itself
    (DRAW, ("keys = jax.random.split(key, len(layer_sizes) - 1)\n    out = []\n"
     "    for k, i, o in zip(keys, layer_sizes, layer_sizes[1:]):\n"
     "        a, b = jax.random.split(k)\n"
     "        out.append((jax.random.normal(a, (i, o)), jax.random.normal(b, (o,))))\n"
     "    return out + out[-1:]"), "too-many-parts"),
    (SQUARE, "return x, 5 * x * x", None),
    (UPDATE, CUT.format(f"{STOPPED}(x) @ w + b")
     + f"return {STEP.format('jax.grad(lost)(params, x, y)')}", "last-layer-only"),
    (UPDATE, CUT.format(f"x @ w + {STOPPED}(b)")
     + f"return {STEP.format('jax.grad(lost)(params, x, y)')}", "biases-not-updated"),
    (UPDATE, CUT.format(f"x @ {STOPPED}(w) + b")
     + f"return {STEP.format('jax.grad(lost)(params, x, y)')}", "some-left-unchanged"),
    (UPDATE, CUT.format(f"x @ (w if n else {STOPPED}(w)) + b")
     + f"return {STEP.format('jax.grad(lost)(params, x, y)')}", "some-left-unchanged"),
    (UPDATE, f"g = jax.grad(lambda p: {STOPPED}(loss(p, x, y)))(params)\n    return "
     + STEP.format("g"), "params-unchanged"),
    (UPDATE, "return [(params[0][0], params[0][1] + 1), *params[1:]]", None),
    (PARALLEL, CUT.format(f"{STOPPED}(x) @ w + b") + ON_EACH, "some-left-unchanged"),
    (PARALLEL, CUT.format(f"x @ {STOPPED}(w) + b") + ON_EACH, "some-left-unchanged"),
    (SHARED, INSIDE.format(None, False), "wrong-key-derivation"),
    (ENSEMBLE, INSIDE.format(0, True), "wrong-key-derivation"),
    (ENSEMBLE, AROUND, "wrong-key-derivation"),
)  # fmt: skip


@pytest.mark.parametrize(("signature", "body", "pitfall"), TOLD)
def test_what_is_beside_right_values_is_told(
    signature: str, body: str, pitfall: str | None
) -> None:
    assert diagnosis_of(signature, body) == pitfall
