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
