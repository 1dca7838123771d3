"""A pitfall with an operation on top of it is told as two mistakes, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable

import pytest

SQUARE, DOT = "vectorized_square(x)", "vectorized_dot_product(x, y)"
LAYER = "vectorized_linear_layer(weights, biases, inputs)"
SCALE = "parallel_scale(x, factor)"

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
)


@pytest.mark.parametrize("told", TOLD)
def test_both_mistakes_are_told(judge: Callable, told: dict[str, tuple[str, str | None]]) -> None:
    bodies = "\n".join(f"def {name}:\n    return {body}" for name, (body, _) in told.items())
    verdicts = {v.exercise: v for v in judge(f"import jax, jax.numpy as jnp\n{bodies}\n")}
    for signature, (_, pitfall) in told.items():
        found = verdicts[signature.partition("(")[0]].diagnosis
        assert (None if found is None else found.pitfall) == pitfall, found
