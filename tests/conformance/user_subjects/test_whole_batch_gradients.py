"""Gradients of a function of a whole batch: a rule that mixes examples is noticed, a sound one conforms."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import pytest

from conformance import own
from conformance.testing import assert_conforms
from conformance.user_subjects.pytest_plugin import CHECKED

LAWS = ["mapping.whole-batch", "gradients.whole-batch"]


def with_backward(rule: Callable[[Any], Any]) -> Callable[..., Any]:
    """The identity, whose backward pass changes the gradient by a rule of its own."""
    changed = jax.custom_vjp(lambda x: x)
    changed.defvjp(lambda x: (x, None), lambda kept, g: (rule(g),))
    return changed


@pytest.mark.parametrize(
    "rule",
    [
        lambda g: g / jnp.maximum(jnp.linalg.norm(g), 1.0),
        lambda g: g - g.mean(0, keepdims=True) if g.ndim > 1 else g,
        lambda g: jnp.flip(g, 0) if g.ndim > 1 else g,
    ],
    ids=["norm-of-batch", "centred", "turned-around"],
)
def test_a_backward_rule_that_mixes_the_examples_is_noticed(rule: Callable[[Any], Any]) -> None:
    with pytest.raises(AssertionError, match=r"breaks gradients\.whole-batch") as failed:
        assert_conforms(with_backward(rule), [("n",)], batched=True, laws=LAWS)
    said = " ".join(str(failed.value).split())
    assert "mapping.whole-batch" not in said
    assert "the fault is in how it, or its own rule for derivatives, treats the batch axis" in said


def test_a_gradient_that_only_the_batched_version_stops_is_noticed() -> None:
    def whole(xs: Any, ys: Any) -> Any:
        return jax.lax.stop_gradient(xs) * ys

    with pytest.raises(AssertionError, match=r"breaks gradients\.whole-batch"):
        assert_conforms(lambda x, y: x * y, [("n",), ("n",)], batched=whole, laws=LAWS)


@jax.custom_jvp
def gated(x: Any) -> Any:
    return jnp.where(x > 0, x, 0.0)


gated.defjvp(lambda p, t: (gated(*p), t[0] * jax.nn.sigmoid(4 * p[0])))


@pytest.mark.parametrize(
    ("function", "inputs"),
    [
        (with_backward(lambda g: jnp.clip(g, -1, 1)), [("n",)]),
        (
            with_backward(lambda g: g / jnp.maximum(jnp.linalg.norm(g, axis=-1, keepdims=True), 1)),
            [("n",)],
        ),
        (gated, [("n",)]),
        (lambda q, k: jax.nn.softmax(q @ jnp.swapaxes(k, -1, -2)) @ k, [("t", 3), ("t", 3)]),
        (lambda x: jnp.max(x.reshape(*x.shape[:-1], -1, 2), -1), [(6,)]),
        (lambda x, i: (jax.nn.gelu(x), {"of": i}), [("n",), own.indices(below=3)]),
        (lambda x: jnp.linalg.inv(x @ jnp.swapaxes(x, -1, -2) + 3 * jnp.eye(3)), [(3, 3)]),
    ],
    ids=[
        "clipped",
        "norm-of-each",
        "custom-jvp",
        "attention",
        "pooled",
        "beside-integers",
        "inverse",
    ],
)
def test_a_sound_function_of_a_whole_batch_conforms(
    function: Callable[..., Any], inputs: Any
) -> None:
    for seed in range(3):
        assert_conforms(function, inputs, batched=True, laws=LAWS, seed=seed)


def test_a_batched_version_without_a_gradient_is_not_compared_by_it() -> None:
    def whole(xs: Any) -> Any:
        return jax.lax.while_loop(lambda c: c[0] < 3, lambda c: (c[0] + 1, 2 * c[1]), (0, xs))[1]

    def eightfold(x: Any) -> Any:
        return 8 * x

    assert_conforms(eightfold, [("n",)], batched=whole, laws=LAWS)
    assert "JAX does not differentiate eightfold of a whole batch" in CHECKED.pop()
