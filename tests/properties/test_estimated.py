"""The second oracle: what it judges, and what it costs."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from conformance.user_subjects import subjects
from properties import compile_stats, oracle
from properties.call import Axes, FunctionCall
from properties.laws.gradients import forward_of, gradient_of
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
