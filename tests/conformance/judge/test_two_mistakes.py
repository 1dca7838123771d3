"""A pitfall with an operation on top of it is told as two mistakes, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.conformance.judge.wrong_answers import IMPORTS

SQUARE, DOT = "vectorized_square(x)", "vectorized_dot_product(x, y)"
LAYER = "vectorized_linear_layer(weights, biases, inputs)"
SCALE = "parallel_scale(x, factor)"
ADD = "vectorized_add(a, b, in_axes, out_axes)"
PARALLEL = "parallel_update(params, x, y, learning_rate)"
SHARED = "nn_vmap_forward(seed, x_batch, features)"
COMPUTE = "parallel_compute(data)"
HELPERS = """
def summed(params, x, y, learning_rate):
    def step(params, x, y):
        g = jax.lax.psum(jax.grad(loss)(params, x, y), "d")
        return jax.tree.map(lambda p, g: p - learning_rate * g, params, g)
    return jax.pmap(step, axis_name="d", in_axes=(None, 0, 0))(params, x, y)
def shared(seed, x, features, init):
    return run(lift(features, kernel_init=init), key_of(seed), x).reshape(-1)
"""

TOLD: tuple[dict[str, tuple[str, str | None]], ...] = (
    {
        LAYER: ("jax.nn.relu(inputs @ weights)", "bias-missing-and-activation-added"),
        SQUARE: ("(x * x * x)[:, None]", "another-power-and-column-vector"),
    },
    {
        LAYER: ("jax.nn.relu(3 * (inputs @ weights) + biases)", "some-values-are-zero"),
        SQUARE: ("jnp.cos(x * x * x)", None),
        SCALE: ("jax.nn.relu(x * factor)", "activation-added"),
        DOT: ("(x + y).sum(1)", "added-not-multiplied"),
    },
    {
        LAYER: ("(inputs @ weights)[None]", "bias-missing-and-too-many-axes"),
        ADD: (
            "jax.vmap(jnp.subtract, in_axes)(a, b)",
            "another-operation-and-axes-in-another-order",
        ),
        PARALLEL: (
            "jax.tree.map(lambda p: p[0], summed(params, x, y, learning_rate))",
            "gradient-summed-and-params-not-returned-per-device",
        ),
        SHARED: (
            "shared(seed, x_batch, features, nn.initializers.normal(0.5))",
            "another-initializer",
        ),
        COMPUTE: (
            "jax.pmap(lambda s: jax.lax.psum(s**3, 'd'), axis_name='d')(data)",
            "another-power-and-joined-over-an-axis",
        ),
    },
    {
        ADD: ("jax.vmap(jnp.hypot, in_axes)(a, b)", None),
        PARALLEL: ("jax.tree.map(lambda p: p[0] + 0.1, summed(params, x, y, learning_rate))", None),
        SHARED: ("shared(seed, x_batch, features, nn.initializers.normal(0.5)) + 1", None),
        COMPUTE: (
            "jax.pmap(lambda s: jax.lax.psum(jnp.cos(s), 'd'), axis_name='d')(data)",
            "depends-on-other-examples",
        ),
    },
)


@pytest.mark.parametrize("told", TOLD)
def test_both_mistakes_are_told(judge: Callable, told: dict[str, tuple[str, str | None]]) -> None:
    bodies = "\n".join(f"def {name}:\n    return {body}" for name, (body, _) in told.items())
    verdicts = {v.exercise: v for v in judge(f"{IMPORTS}{HELPERS}{bodies}\n")}
    for signature, (_, pitfall) in told.items():
        found = verdicts[signature.partition("(")[0]].diagnosis
        assert (None if found is None else found.pitfall) == pitfall, found
