"""Initial values against `jax.nn.initializers`, and against what each distribution promises."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from reference import initializers

jax_initializers = jax.nn.initializers

CASES = [
    (initializers.zeros, jax_initializers.zeros, (3, 4)),
    (initializers.ones, jax_initializers.ones, (5,)),
    (initializers.lecun_normal, jax_initializers.lecun_normal(), (5, 300)),
    (initializers.lecun_normal, jax_initializers.lecun_normal(), (3, 7, 200)),
    (initializers.lecun_normal, jax_initializers.lecun_normal(), (1, 1)),
    *(
        (
            initializers.embedding_normal,
            jax_initializers.variance_scaling(1.0, "fan_in", "normal", out_axis=0),
            shape,
        )
        for shape in [(300, 7), (300, 11), (2, 3), (1, 1)]
    ),
    *(
        (initializers.orthogonal, jax_initializers.orthogonal(), shape)
        for shape in [(4, 4), (5, 3), (3, 5), (1, 1)]
    ),
]


def ulps(a, b):
    """Distance in units in the last place: how many float32 numbers lie between."""
    ordered = [np.asarray(x, np.float32).view(np.int32).astype(np.int64) for x in (a, b)]
    ordered = [np.where(x < 0, -(x & 0x7FFFFFFF), x) for x in ordered]
    return int(np.abs(ordered[0] - ordered[1]).max())


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("ours", "theirs", "shape"), CASES, ids=[f"{case[0].__name__}-{case[2]}" for case in CASES]
)
def test_values_are_jaxs_within_two_ulps(ours, theirs, shape, seed):
    key = jax.random.key(seed)
    drawn, expected = ours(key, shape), theirs(key, shape, jnp.float32)
    assert (drawn.shape, drawn.dtype) == (expected.shape, expected.dtype)
    assert ulps(drawn, expected) <= 2


def test_ulps_counts():
    one = np.float32(1)
    assert ulps(one, np.nextafter(one, np.float32(2))) == 1
    assert ulps(np.float32(-1e-45), np.float32(1e-45)) == 2
    assert ulps(np.float32(-0.0), np.float32(0)) == 0


@pytest.mark.parametrize(
    ("initializer", "shape", "stddev", "limit"),
    [
        # Cut off at two standard deviations of the uncorrected normal.
        (initializers.lecun_normal, (16, 2000), 1 / 4, 2 / 4 / 0.8796256610342398),
        (initializers.lecun_normal, (4, 9, 2000), 1 / 6, 2 / 6 / 0.8796256610342398),
        (initializers.embedding_normal, (2000, 16), 1 / 4, np.inf),
    ],
)
def test_spread(initializer, shape, stddev, limit):
    values = np.asarray(initializer(jax.random.key(0), shape), np.float64)
    assert np.abs(values).max() <= limit * (1 + 1e-6)
    # Five standard errors of the mean and (as for a normal, an upper bound) of the deviation.
    assert abs(values.mean()) <= 5 * stddev / np.sqrt(values.size)
    assert abs(values.std() / stddev - 1) <= 5 / np.sqrt(2 * values.size)


@pytest.mark.parametrize("shape", [(6, 6), (7, 4), (4, 7)])
def test_orthogonal_factor_is_the_unique_one(shape):
    key, size = jax.random.key(5), min(shape)
    q = np.asarray(initializers.orthogonal(key, shape), np.float64)
    q = q if shape[0] >= shape[1] else q.T
    np.testing.assert_allclose(q.T @ q, np.eye(size), atol=1e-6)
    # q is a factor of the draw, and the other one triangular with a positive diagonal.
    draw = np.asarray(jax.random.normal(key, (max(shape), size), jnp.float32), np.float64)
    r = q.T @ draw
    np.testing.assert_allclose(r, np.triu(r), atol=1e-5)
    assert (np.diagonal(r) > 0).all()


def test_flattened_draws_the_flat_shape():
    drawn = initializers.flattened(initializers.lecun_normal, (6, 8))(jax.random.key(0), (6, 2, 4))
    flat = initializers.lecun_normal(jax.random.key(0), (6, 8))
    np.testing.assert_array_equal(drawn, flat.reshape(6, 2, 4))


@pytest.mark.parametrize("initializer", [initializers.lecun_normal, initializers.embedding_normal])
def test_nothing_in_nothing_drawn(initializer):
    assert initializer(jax.random.key(0), (0, 0)).shape == (0, 0)


@pytest.mark.parametrize("shape", [(6, 6), (7, 4), (3, 8), (1, 1)])
def test_q_moves_by_no_more_than_its_draw_times_the_magnification(shape):
    """As where it is computed in float64, and of a draw that was rounded otherwise."""
    rows, columns = shape
    unit = float(jnp.finfo("float32").eps) / 2

    def turned(draw):
        q, r = np.linalg.qr(draw)
        q = q * np.sign(np.diagonal(r))
        return q if rows >= columns else q.T

    for seed in range(40):
        key = jax.random.key(seed)
        draw = jax.random.normal(key, (max(shape), min(shape)), jnp.float32)
        draw = np.asarray(draw, np.float64)
        signs = np.random.RandomState(seed).choice([-1, 1], draw.shape)
        allowed = (
            5 * unit * np.asarray(initializers.magnification(initializers.orthogonal)(key, shape))
        )
        assert allowed.shape == shape
        right = turned(draw)
        for other in (initializers.orthogonal(key, shape), turned(draw * (1 + unit * signs))):
            assert np.all(np.abs(other - right) <= allowed)


def test_other_initialisers_magnify_nothing():
    plain = initializers.magnification(initializers.lecun_normal)
    np.testing.assert_array_equal(plain(jax.random.key(0), (2, 3)), np.ones((2, 3)))
