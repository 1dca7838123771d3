"""The second oracle: what it judges, and what it costs."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from conformance.user_subjects import subjects
from properties import compile_stats, oracle
from properties.call import Axes, FunctionCall
from properties.laws.gradients.of_maps import forward_of, gradient_of
from properties.oracle import estimated
from reference.error_bounds.agreement import SLACK, agree
from reference.error_bounds.evaluate import evaluate


def _long_sums(x: Any) -> Any:
    """Two numbers of one array: the bound on the second is far too large, since its terms cancel."""
    big = jnp.sum(jnp.tile(x, 4000) * 1e6) - jnp.sum(jnp.tile(x, 4000) * 1e6)
    return jnp.stack([x[0] * 3.0, big])


def test_an_element_with_a_large_bound_leaves_the_bounds_of_the_others() -> None:
    x = np.float32([1.1, -0.7, 0.3])
    first = evaluate(_long_sums, x)
    with estimated.judges() as judges:
        both = estimated.best(_long_sums, x)(x)
    assert judges == {estimated.FLOAT64, estimated.ESTIMATED}
    assert (both.value[0], both.error[0]) == (first.value[0], first.error[0])
    assert both.error[1] < first.error[1] / 100
    got = np.asarray(jax.jit(_long_sums)(x))
    assert np.all(agree(got, both.value, SLACK * both.error))
    # A fault of ten units in the last place, which the estimate alone would let pass.
    wrong = got * np.float32([1 + 1e-6, 1])
    assert not np.all(agree(wrong, both.value, SLACK * both.error))


@pytest.mark.parametrize("derivative", [gradient_of, forward_of])
def test_a_derivative_is_compiled_once_for_all_calls_of_one_shape(derivative: Any) -> None:
    subject = subjects.function("a-sorted-sum", lambda x: jnp.cumsum(jnp.sort(x)), [("n",)])

    def call(seed: int, batch: int, out: int) -> FunctionCall:
        return FunctionCall(subject.name, {"batch": batch, "n": 6}, (Axes((0,), out),), seed=seed)

    with subjects.registered(subject):
        oracle.of_derivative(call(0, 3, 0), derivative)
        before = compile_stats.so_far()
        for seed, batch, out in ((1, 3, 0), (2, 5, 0), (2, 5, 1)):
            expected = oracle.of_derivative(call(seed, batch, out), derivative)
            assert jax.tree_util.tree_leaves(expected.value)[0].shape[out] == batch
        assert compile_stats.so_far().since(before).compilations == 0


def _solved(x: Any) -> Any:
    return jax.lax.custom_linear_solve(lambda y: 3.0 * y, x, lambda _, b: b / 3.0)


_scaled_forward = jax.custom_jvp(lambda x: x * 1.1)
_scaled_forward.defjvp(lambda primals, tangents: (primals[0] * 1.1, tangents[0] * 1.1))
_scaled_backward = jax.custom_vjp(lambda x: x * 1.1)
_scaled_backward.defvjp(lambda x: (x * 1.1, None), lambda _, given: (given * 1.1,))


@pytest.mark.parametrize(
    "function",
    [
        lambda x: jax.lax.scan(lambda c, y: (c * y + x, c), x, x + jnp.ones((4, 1)))[1],
        lambda x: jax.lax.scan(lambda c, y: (c + x / 3, ()), x, None, length=4)[0],
        lambda x: jax.lax.fori_loop(0, 4, lambda i, c: c * 1.1, x),
        lambda x: jax.lax.while_loop(lambda c: c[0] < 9.1, lambda c: c * 1.1 + 0.3, jnp.abs(x)),
        lambda x: jax.lax.cond(x[0] > 0, lambda y: y * 1.1, lambda y: y / 3, x),
        lambda x: jax.lax.map(lambda y: y * 1.1, x),
        _solved,
        jax.checkpoint(lambda x: x * 1.1),
        jax.jit(lambda x: x * 1.1),
        _scaled_forward,
        _scaled_backward,
    ],
    ids=[
        *("scan", "scan-alone", "fori", "while", "cond", "map", "solve", "checkpoint", "jit"),
        *("custom-jvp", "custom-vjp"),
    ],
)
def test_what_rounds_within_control_flow_is_moved(function: Any) -> None:
    x = np.float32([1.3, -0.7, 0.9])
    estimate = estimated.estimated(function, x)
    result = estimate(x)
    # Without any rounding seen, four units of roundoff are allowed: half of an ulp each.
    least = estimated.ROUNDINGS * np.finfo(np.float32).eps / 2 * np.abs(np.asarray(result.value))
    assert np.max(np.asarray(result.error) - 1.5 * least) > 0
