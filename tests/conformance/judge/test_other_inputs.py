"""Inputs that were changed first, steps of another length and other formulas are told; no neighbour is."""

from __future__ import annotations

import pytest

from tests.conformance.judge.told_here import diagnosis_of

SQUARE, DOT = "vectorized_square(x)", "vectorized_dot_product(x, y)"
LAYER = "vectorized_linear_layer(weights, biases, inputs)"
ADD = "vectorized_add(a, b, in_axes, out_axes)"
COMPUTE = "parallel_compute(data)"
NETWORK, LOSS = "neural_network(params, x)", "loss_fn(params, x, y)"
UPDATE = "update(params, x, y, learning_rate)"
SHARED = "nn_vmap_forward(seed, x, features)"
ENSEMBLE = "nn_vmap_ensemble_forward(seed, x, features)"
P = "p = network(params, x)\n    "
STEP = "g = jax.grad(loss)(params, x, y)\n    return [{} for (w, b), (dw, db) in zip(params, g)]"
EACH = "for w, b in params:\n        {}\n    return x"
SPLIT = "for w, b in params[:-1]:\n        x = {}(x @ w + b)\n    w, b = params[-1]\n    return {}(x @ w + b)"
NORMALISED = "(x - x.mean(0)) / (x.std(0) + 1e-8)"
LONGER = "{0} * (1 + jnp.abs({0}).max())"
MATRICES = (
    "a, b = np.moveaxis(a, in_axes[0], 0), np.moveaxis(b, in_axes[1], 0)\n"
    "    return np.moveaxis({}, 0, out_axes)"
)

TOLD: tuple[tuple[str, str, str | None], ...] = (
    # arrays that were changed before the right answers were computed
    (NETWORK, f"return network(params, {NORMALISED})", "changed-first"),
    (NETWORK, "return network(params, x / jnp.linalg.norm(x, axis=1, keepdims=True))", "changed-first"),
    (NETWORK, "return network(params, jnp.sin(x))", None),
    (DOT, "return (x * y[:, ::-1]).sum(1)", "changed-first"),
    (DOT, "return ((x - x.mean(0)) * y).sum(1)", "changed-first"),
    (DOT, "return (x * jnp.roll(y, 2, axis=1)).sum(1)", None),
    (LAYER, "return inputs[::-1] @ weights[::-1] + biases", None),
    (COMPUTE, "return jnp.stack([(d / jnp.abs(d).max()) ** 2 for d in data])", "changed-first"),
    (COMPUTE, "return jnp.stack([(d - d.mean()) ** 2 for d in data])", "changed-first"),
    (COMPUTE, "return jnp.stack([(d - d.min() / 2) ** 2 for d in data])", None),
    (LOSS, f"return loss(params, {NORMALISED}, y)", "changed-first"),
    (ENSEMBLE, "return ensemble(seed, x[::-1], features)", "changed-first"),
    (SHARED, "return right(seed, jnp.maximum(x, 0), features)", "changed-first"),
    # steps of another length
    (UPDATE, STEP.format("(w - 0.3 * learning_rate * dw, b - 0.3 * learning_rate * db)"),
     "step-of-another-length"),
    (UPDATE, STEP.format("(w - dw, b)"), "step-of-another-length"),
    (UPDATE, STEP.format(f"(w - learning_rate * {LONGER.format('dw')}, "
                         f"b - learning_rate * {LONGER.format('db')})"), "step-of-another-length"),
    (UPDATE, STEP.format("(w - learning_rate * dw * dw, b - learning_rate * db)"), None),
    # the order of the answers, and what was subtracted from them
    (COMPUTE, "return jnp.roll(data, 1, axis=0) ** 2", "in-another-order"),
    (COMPUTE, "return jnp.roll(data, 1, axis=0) * data", None),
    (LAYER, "z = inputs @ weights + biases\n    return z - z.mean(0)", "mean-subtracted"),
    (LAYER, "z = inputs @ weights + biases\n    return z - z[:1] / 2", None),
    # other networks
    (NETWORK, SPLIT.format("jax.nn.relu", "jnp.tanh"), "another-activation"),
    (NETWORK, SPLIT.format("jnp.tanh", "jax.nn.sigmoid"), "another-activation"),
    (NETWORK, SPLIT.format("jnp.cos", "jnp.tanh"), None),
    (NETWORK, EACH.format("z = x @ w + b; x = jnp.tanh(z - z.mean(-1, keepdims=True))"),
     "normalised-in-each-layer"),
    (NETWORK, EACH.format("z = x @ w + b; x = jnp.tanh(z - z.mean(0))"), "normalised-in-each-layer"),
    (NETWORK, EACH.format("x = jnp.tanh((x + b[:1]) @ w)"), "biases-meet-the-inputs"),
    (NETWORK, EACH.format("x = jnp.tanh((x + b[:1]) @ w + b)"), None),
    # other formulas
    (SQUARE, "return jnp.where(x > 0, x * x, 0.0)", "another-power"),
    (SQUARE, "return jnp.where(x > 0.5, x * x, 0.0)", None),
    (LAYER, "return (inputs + biases[:1]) @ weights", "biases-meet-the-inputs"),
    (LAYER, "return (inputs + biases[-1:]) @ weights + biases[-1:]", None),
    (LAYER, "return np.einsum('io,bi->b', weights, inputs)[:, None] + biases", "products-summed"),
    (LAYER, "return np.resize((inputs @ weights + biases).T, (3, len(inputs))).T", "fixed-size"),
    (LAYER, "return jnp.ones((len(biases), 3))", None),
    (DOT, "return (x[:1] * y).sum(1)", "row-zero-broadcast"),
    (ADD, MATRICES.format("a + b[:1]"), "another-operation"),
    (ADD, MATRICES.format("a + b[-1:]"), None),
    (ADD, MATRICES.format("a + 2 * b"), "changed-first"),
    (ADD, MATRICES.format("a + 3 * b"), None),
    (LOSS, P + "return jnp.max((p - y) ** 2)", "largest-taken"),
    (LOSS, P + "return jnp.min((p - y) ** 2)", None),
    (LOSS, P + "e = abs(p - y)\n    return jnp.mean(jnp.where(e < 1, 0.5 * e**2, e - 0.5))", "huber-loss"),
    (LOSS, P + "e = jnp.abs(p - y)\n    return jnp.mean(jnp.where(e < 2, 0.5 * e**2, 2 * e - 2))", None),
    (NETWORK, ("acts = [x]\n    for w, b in params:\n        acts.append(jnp.tanh(acts[-1] @ w + b))\n"
     "    return acts"), "more-returned"),
    (NETWORK, "return [x, network(params, x) * 2]", None),
    (NETWORK, "return tuple(network(params[: n + 1], x) for n in range(len(params)))", "more-returned"),
    # neighbours of what is told already
    (LOSS, P + "return jnp.sum(jnp.abs(p - y)) / 3", None),
    (LOSS, P + "return jnp.mean(jnp.abs(p - y) ** 1.5)", None),
    (DOT, "return jnp.prod(x + y, axis=1)", None),
    (SHARED, "return right(seed + 2, x, features)", None),
    (ENSEMBLE, "return ensemble(seed + 2, x, features)", None),
)  # fmt: skip


@pytest.mark.parametrize(("signature", "body", "pitfall"), TOLD)
def test_what_was_done_is_told_and_its_neighbour_is_not(
    signature: str, body: str, pitfall: str | None
) -> None:
    assert diagnosis_of(signature, body) == pitfall
