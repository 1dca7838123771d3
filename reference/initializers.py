"""Initial values: Linen's default initialisers, from `jax.random`'s draws and nothing else.

Each is called with a key and a shape and returns float32, as `jax.nn.initializers` would (source:
`jax/_src/nn/initializers.py`, read in JAX 0.4.30 and 0.12.0). Releases multiply the factors of a
normal draw in different orders, so values agree to 2 units in the last place rather than exactly.
"""

import math
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp

from reference.keys import Key

Initializer = Callable[[Key, Sequence[int]], jax.Array]

# The standard deviation of a standard normal cut off at -2 and 2.
TRUNCATED_STDDEV = 0.87962566103423978


def zeros(key: Key, shape: Sequence[int]) -> jax.Array:
    """Zeros of `shape`; the key goes unused."""
    return jnp.zeros(tuple(shape), jnp.float32)


def ones(key: Key, shape: Sequence[int]) -> jax.Array:
    """Ones of `shape`; the key goes unused."""
    return jnp.ones(tuple(shape), jnp.float32)


def lecun_normal(key: Key, shape: Sequence[int]) -> jax.Array:
    """Kernels of shape (..., in, out): a truncated normal of variance 1 / fan-in.

    The fan-in is the product of all axes but the last, that is, in times the window of a
    convolution. LeCun et al., Efficient BackProp (1998), section 4.6; the truncation at two
    standard deviations and its correction are Keras' and JAX's.
    """
    draw: jax.Array = jax.random.truncated_normal(key, -2, 2, tuple(shape), jnp.float32)
    return draw * (_stddev(math.prod(shape[:-1])) / TRUNCATED_STDDEV)


def embedding_normal(key: Key, shape: Sequence[int]) -> jax.Array:
    """Tables of shape (num_embeddings, features): a normal of variance 1 / features.

    This is `variance_scaling(1.0, "fan_in", "normal", out_axis=0)`, `nn.Embed`'s default: with the
    first axis as both in and out, features is the window and the whole of the fan-in.
    """
    return jax.random.normal(key, tuple(shape), jnp.float32) * _stddev(shape[-1])


def orthogonal(key: Key, shape: Sequence[int]) -> jax.Array:
    """Matrices of shape (rows, columns) with orthonormal rows or columns, whichever are fewer.

    The Q of a normal matrix' QR decomposition, each column turned so that R's diagonal is positive:
    that makes it uniform over such matrices and the decomposition unique (Mezzadri, How to generate
    random matrices from the classical compact groups, 2007, https://arxiv.org/abs/math-ph/0609050).
    """
    rows, columns = shape
    q, r = _decomposed(key, shape)
    q = q * jnp.broadcast_to(jnp.sign(jnp.diagonal(r)), q.shape)
    return q if rows >= columns else q.T


def magnification(initializer: Initializer) -> Initializer:
    """By how much an initialiser may magnify the rounding of its normal draws, elementwise.

    One, but for `orthogonal`: the Q of a matrix A moves by no more than a small multiple of the
    condition number of A times what A moves by, relatively (Higham, Accuracy and Stability of
    Numerical Algorithms, 2nd ed., section 19.9). Given is |R| |R^-1| in the Frobenius norm, which
    is no less.
    """
    if initializer is not orthogonal:
        return ones

    def condition(key: Key, shape: Sequence[int]) -> jax.Array:
        _, r = _decomposed(key, shape)
        inverse = jax.lax.linalg.triangular_solve(r, jnp.eye(len(r), dtype=r.dtype), left_side=True)
        return jnp.broadcast_to(jnp.linalg.norm(r) * jnp.linalg.norm(inverse), tuple(shape))

    return condition


def _decomposed(key: Key, shape: Sequence[int]) -> tuple[jax.Array, jax.Array]:
    """The QR decomposition of a normal matrix of that shape, or of its transpose's."""
    draw = jax.random.normal(key, (max(shape), min(shape)), jnp.float32)
    q, r = jnp.linalg.qr(draw)
    return q, r


def flattened(initializer: Initializer, flat_shape: Sequence[int]) -> Initializer:
    """`initializer` drawing `flat_shape`, reshaped: how Linen treats kernels of many axes."""
    return lambda key, shape: initializer(key, flat_shape).reshape(tuple(shape))


def _stddev(fan_in: int) -> jax.Array:
    # Without inputs there is nothing to draw; a variance of zero spares the division.
    return jnp.sqrt(jnp.float32(1.0 / fan_in if fan_in else 0.0))
