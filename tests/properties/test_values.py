"""Values are the same bits for a seed in every release, and no two slices of them are alike."""

import itertools
import zlib

import numpy as np
import pytest

from properties.values import SPECIAL, draw, indices


@pytest.mark.parametrize(
    ("drawn", "checksum"),
    [
        (lambda: draw(7, (3, 4), "float32"), 1108773997),
        (lambda: draw(7, (3, 4), "int32"), 1410950854),
        (lambda: draw(7, (40,), "float32", edge_values=True), 954812869),
        (lambda: indices(7, (3, 4), 5), 2442789675),
    ],
    ids=["float32", "int32", "special", "indices"],
)
def test_a_seed_means_the_same_bits_in_every_release(drawn, checksum: int) -> None:
    assert zlib.crc32(np.ascontiguousarray(drawn()).tobytes()) == checksum


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "int8", "int32", "uint8"])
@pytest.mark.parametrize("shape", [(), (0, 3), (1,), (8, 9, 9), (300,)])
def test_shape_and_dtype_are_as_asked(dtype: str, shape: tuple[int, ...]) -> None:
    drawn = draw(3, shape, dtype)
    assert drawn.shape == shape
    assert drawn.dtype.name == dtype


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int32", "uint8"])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("axis", [0, 1])
def test_slices_are_pairwise_different(dtype: str, seed: int, axis: int) -> None:
    slices = np.moveaxis(draw(seed, (8, 5), dtype).astype(np.float64), axis, 0)
    for one, other in itertools.combinations(slices, 2):
        assert not np.array_equal(one, other)


@pytest.mark.parametrize("dtype", ["int32", "int8", "uint8"])
def test_integers_do_not_repeat_while_they_last(dtype: str) -> None:
    drawn = draw(1, (60,), dtype)
    assert len(set(drawn.tolist())) == 60
    assert (drawn.min() < 0) == (dtype[0] == "i")


def test_seeds_give_other_values() -> None:
    assert not np.array_equal(draw(0, (5,), "float32"), draw(1, (5,), "float32"))


def test_special_values_all_come_and_are_float32s_own() -> None:
    drawn = draw(0, (400,), "float32", edge_values=True)
    bits = set(drawn.view(np.uint32).tolist())
    with np.errstate(over="ignore"):
        assert set(SPECIAL.astype(np.float32).view(np.uint32).tolist()) <= bits
    assert np.isfinite(drawn).mean() > 0.5


def test_indices_are_in_range_and_all_come() -> None:
    assert set(indices(0, (100,), 4).tolist()) == {0, 1, 2, 3}
    assert indices(0, (2,), 4).dtype == np.int32


@pytest.mark.parametrize("dtype", ["float32", "complex64", "complex128"])
def test_positive_definite_matrices_are_so_in_every_dtype(dtype: str) -> None:
    for matrix in draw(7, (3, 4, 4), dtype, kind="positive-definite"):
        assert np.array_equal(matrix, matrix.conj().T)
        assert np.any(matrix.imag) == np.iscomplexobj(matrix)
        assert np.min(np.linalg.eigvalsh(matrix)) > 0
