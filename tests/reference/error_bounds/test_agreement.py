"""One policy for what agrees, in closed cases: NaN, infinities, zeros, bounds, and every kind of dtype."""

import subprocess
import sys
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from reference.error_bounds.agreement import agree, is_real_float, share_of_allowed, ulps, widest

INF, NAN = np.inf, np.nan
FLOATS = [np.float16, np.float32, np.float64, ml_dtypes.bfloat16]
every_float = pytest.mark.parametrize("dtype", FLOATS, ids=lambda dtype: np.dtype(dtype).name)


@every_float
@pytest.mark.parametrize(
    ("got", "expected", "allowed", "agrees"),
    [
        # NaN agrees with NaN, and with nothing else.
        (NAN, NAN, 0, True),
        (NAN, NAN, 1, True),
        (NAN, 1, 0, False),
        (NAN, 1, 1e30, False),
        (1, NAN, 0, False),
        (1, NAN, 1e30, False),
        (NAN, INF, 1e30, False),
        # An infinity agrees with the infinity of its sign.
        (INF, INF, 0, True),
        (-INF, -INF, 1, True),
        (INF, -INF, 0, False),
        (INF, -INF, 1e30, False),
        (INF, 1, 1e30, False),
        (1, INF, 1e30, False),
        # Nothing is known where the bound is infinite.
        (NAN, 1, INF, True),
        (1, NAN, INF, True),
        (INF, -INF, INF, True),
        (-3, 5, INF, True),
        # A bound that is no number allows nothing but equality.
        (1, 1, NAN, True),
        (1, 2, NAN, False),
        # The sign of a zero counts where nothing is allowed.
        (0.0, -0.0, 0, False),
        (-0.0, 0.0, 0, False),
        (-0.0, -0.0, 0, True),
        (0.0, -0.0, 1e-30, True),
        # A number within the bound, on it, and outside.
        (1.5, 1, 0, False),
        (1.5, 1, 0.49, False),
        (1.5, 1, 0.5, True),
        (0.5, 1, 0.5, True),
        (-1, 1, 1.99, False),
    ],
)
def test_agreement_of_real_numbers(
    dtype: Any, got: float, expected: float, allowed: float, agrees: bool
) -> None:
    for shape in ((), (1,), (2, 1)):
        arrays = np.full(shape, got, dtype), np.full(shape, expected, dtype)
        result = agree(*arrays, np.full(shape, allowed, np.float64))
        assert result.dtype == bool
        assert result.shape == shape
        assert np.all(result == agrees)
        assert np.all(agree(*arrays, float(allowed)) == agrees)


@every_float
def test_the_sign_of_a_zero_in_a_wider_dtype_is_not_compared(dtype: Any) -> None:
    wider = np.float64 if dtype is not np.float64 else np.longdouble
    assert agree(np.array(-0.0, dtype), np.array(0.0, wider), 0.0)


@every_float
def test_one_unit_in_the_last_place_is_a_difference_where_nothing_is_allowed(dtype: Any) -> None:
    one, more = np.ones((), dtype), np.ones((), dtype) + np.spacing(np.ones((), dtype))
    assert not agree(more, one, 0.0)
    assert not agree(widest(more), widest(one), 0.0)
    assert ulps(more, widest(one)) == 1


def test_each_element_has_its_own_bound() -> None:
    got, expected = np.array([5.0, 2.5, NAN, INF]), np.array([1.0, 2.0, 1.0, INF])
    result = agree(got, expected, np.array([4.0, 0.0, 0.0, 0.0]))
    assert result.tolist() == [True, False, False, True]


@pytest.mark.parametrize("dtype", ["int8", "int32", "uint32", "int64", "bool"])
def test_integers_and_booleans_are_exact(dtype: str) -> None:
    zero, one = np.zeros(2, dtype), np.ones(2, dtype)
    assert agree(zero, zero, 0.0).all()
    assert not agree(zero, one, 0.0).any()
    assert agree(zero, one, 1.0).all()
    assert not agree(zero, one, 0.5).any()


def test_large_integers_are_not_rounded_to_floats() -> None:
    assert not agree(np.int32(2**24), np.int32(2**24 + 1), 0.0)
    assert not agree(np.int64(2**60), np.int64(2**60 + 1), 0.0)
    assert not agree(np.uint32(0), np.uint32(2**32 - 1), 0.0)
    assert not agree(np.uint32(0), np.uint32(2**32 - 1), 1.0)


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_complex_numbers_are_compared_by_the_modulus_of_their_difference(dtype: Any) -> None:
    one = np.array(1 + 1j, dtype)
    assert agree(one, one, 0.0)
    assert not agree(one, np.conj(one), 0.0)
    assert agree(one, np.array(4 + 5j, dtype), 5.0)
    assert not agree(one, np.array(4 + 5j, dtype), 4.9)
    not_a_number = np.array(complex(NAN, 0), dtype)
    assert agree(not_a_number, not_a_number, 0.0)
    assert not agree(not_a_number, one, 1e30)
    assert agree(np.array(complex(INF, 1), dtype), np.array(complex(INF, 1), dtype), 1.0)
    assert not agree(np.array(complex(INF, 1), dtype), np.array(complex(-INF, 1), dtype), 1e30)
    assert agree(np.array(complex(0.0, -0.0), dtype), np.array(complex(-0.0, 0.0), dtype), 0.0)


@pytest.mark.parametrize("allowed", [0.0, 1.0, np.zeros((0, 3))])
def test_empty_arrays_agree(allowed: Any) -> None:
    empty = np.zeros((0, 3), np.float32)
    assert agree(empty, empty, allowed).shape == (0, 3)
    assert ulps(empty, empty).shape == (0, 3)


@pytest.mark.parametrize(
    ("got", "expected", "distance"),
    [
        (np.float32(1 + 2**-23), 1.0, 1),
        (np.float32(1 - 2**-24), 1.0, 0.5),
        (np.float32(-1.5), 1.0, 2.5 * 2**23),
        (np.float32(1e-45), 0.0, 2**-23 * 2**23),
        (ml_dtypes.bfloat16(1 + 2**-7), 1.0, 1),
        (np.float32(NAN), NAN, 0),
        (np.float32(INF), INF, 0),
        (np.float32(NAN), 1.0, INF),
        (np.float32(1), NAN, INF),
        (np.float32(INF), 1.0, INF),
        (np.float32(INF), -INF, INF),
        (np.float32(0.0), np.float32(-0.0), 0),
        (np.int32(7), np.int32(3), 4),
        (np.bool_(True), np.bool_(False), 1),
    ],
)
def test_ulps_are_spacings_of_the_results_dtype(got: Any, expected: Any, distance: float) -> None:
    np.testing.assert_allclose(ulps(got, expected), distance, rtol=0.01)


def test_narrow_floats_are_floats() -> None:
    assert all(map(is_real_float, [*FLOATS, ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2]))
    assert not any(map(is_real_float, [np.int32, bool, np.complex64, ml_dtypes.int4, "V8"]))


def test_no_jax_is_imported() -> None:
    code = "import reference.error_bounds.agreement, sys; sys.exit('jax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


@pytest.mark.parametrize(
    ("got", "expected", "allowed", "share"),
    [
        (1.5, 1, 1, 0.5),
        (1, 1, 0, 0),
        (NAN, NAN, 0, 0),
        (INF, INF, 1, 0),
        (0.0, -0.0, 0, 0),
        (3, 1, INF, 0),
        (NAN, 1, 1, INF),
        (1, INF, 1, INF),
        (1.5, 1, 0.25, 2),
    ],
)
def test_share_of_allowed_is_at_most_one_where_the_elements_agree(
    got: float, expected: float, allowed: float, share: float
) -> None:
    assert share_of_allowed(np.float32(got), np.float32(expected), allowed) == share


def test_a_difference_where_nothing_is_allowed_is_a_large_share() -> None:
    assert share_of_allowed(np.float32(1.5), np.float32(1), 0.0) > 1e300
