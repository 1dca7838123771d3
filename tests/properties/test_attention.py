"""The answers for cuDNN's attention, against JAX's own attention, which runs anywhere."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from properties.subjects.batching_rules.attention import ATTENTION


def plain(q: Any, k: Any, v: Any, bias: Any = None) -> Any:
    return jax.nn.dot_product_attention(q, k, v, bias)


def by_arguments(q: Any, k: Any, v: Any, by: Any) -> Any:
    return jax.grad(lambda *x: jnp.sum(plain(*x) * by), (0, 1, 2))(q, k, v)


def by_bias(q: Any, k: Any, v: Any, by: Any, bias: Any) -> Any:
    return jax.grad(lambda bias: jnp.sum(plain(q, k, v, bias) * by))(bias)


FUNCTIONS: list[Callable[..., Any]] = [plain, plain, plain, by_arguments, by_bias]


@pytest.mark.parametrize(
    ("subject", "function"),
    list(zip(ATTENTION, FUNCTIONS, strict=True)),
    ids=[subject.name for subject in ATTENTION],
)
def test_an_answer_is_that_of_the_formula_and_its_bound_is_tight(
    subject: Any, function: Callable[..., Any]
) -> None:
    if not hasattr(jax.nn, "dot_product_attention"):
        pytest.skip(f"jax {jax.__version__} has no dot_product_attention")
    for seed in range(3):
        drawn = [array.draw(seed + i, {}, "float16") for i, array in enumerate(subject.arguments)]
        with jax.default_matmul_precision("highest"):
            got = function(*(np.asarray(each, np.float32) for each in drawn))
        value, bound = subject.answer(*(each.astype(np.float64) for each in drawn))
        for g, right, error in zip(
            *map(jax.tree_util.tree_leaves, (got, value, bound)), strict=True
        ):
            assert g.shape == right.shape
            # JAX computes in float32 here, where the bound is for float16.
            assert np.all(np.abs(g - right) <= error / 100)
            assert np.all(error <= 0.05 * np.abs(right).max())
