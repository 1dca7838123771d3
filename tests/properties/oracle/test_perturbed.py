"""Random rounding leaves a stable algorithm its accuracy, whatever the sizes of its parts."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

from properties.oracle import estimated


@pytest.mark.parametrize("scale", [1.0, 1e7])
def test_the_factors_of_a_decomposition_are_moved_each_in_its_own_size(scale: float) -> None:
    random = np.random.RandomState(0)
    m = (scale * random.standard_normal((3, 3))).astype(np.float32)
    b = random.standard_normal(3).astype(np.float32)
    found = estimated.estimated(jnp.linalg.solve, m, b)(m, b)
    right = np.linalg.solve(m.astype(float), b.astype(float))
    assert np.all(np.abs(found.value - right) <= found.error)
    assert np.max(found.error) < 1e-3 * np.max(np.abs(right))


def test_expm_is_bounded_closely() -> None:
    m = np.random.RandomState(1).standard_normal((3, 3)).astype(np.float32)
    found = estimated.estimated(jax.scipy.linalg.expm, m)(m)
    right = scipy.linalg.expm(m.astype(float))
    assert np.all(np.abs(found.value - right) <= found.error)
    assert np.max(found.error) < 1e-3 * np.max(np.abs(right))


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_an_elementary_function_of_a_narrow_dtype_rounds_once(dtype: str) -> None:
    x = jnp.linspace(0.5, 2.0, 7).astype(dtype)
    found = estimated.estimated(jnp.tanh, x)(x)
    right = np.tanh(np.asarray(x).astype(float))
    away = np.abs(np.asarray(found.value).astype(float) - right)
    assert np.all(away <= found.error)
    # One unit in the operand and one in the result, times what is allowed for safety.
    units = estimated.ROUNDINGS + 2.5 * estimated.SAFETY
    assert np.all(found.error <= units * float(jnp.finfo(dtype).eps) * right)
