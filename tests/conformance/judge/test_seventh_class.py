"""What a seventh class wrote is told in its own words, and what is near it is not."""

from __future__ import annotations

import pytest

from tests.conformance.judge.told_here import diagnosis_of

SHARED, UPDATE = "nn_vmap_forward(seed, x, features)", "update(params, x, y, learning_rate)"
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
)


@pytest.mark.parametrize(("signature", "body", "told"), TOLD)
def test_what_is_told(signature: str, body: str, told: str | None) -> None:
    assert diagnosis_of(signature, body) == told
