"""The module subjects that are not recurrent, each as a plain function of a scope and one example.

Each mirrors the Linen module its docstring names, at Linen's defaults: the same parameters under
the same names, asked for in the same order (source: `flax/linen/{linear,normalization,stochastic,
attention}.py`). All arrays are float32 unless said otherwise.
"""

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp

from reference.initializers import (
    Initializer,
    embedding_normal,
    flattened,
    lecun_normal,
    ones,
    zeros,
)
from reference.scope import Scope


def dense(
    scope: Scope,
    x: jax.Array,
    *,
    features: int,
    use_bias: bool = True,
    kernel_init: Initializer = lecun_normal,
) -> jax.Array:
    """`nn.Dense(features)`: x (..., in) gives x @ kernel + bias, of shape (..., features).

    Parameters: kernel (in, features), bias (features,).
    """
    kernel = scope.param("kernel", kernel_init, (x.shape[-1], features))
    y = jnp.dot(x, kernel)
    return _plus(y, scope.param("bias", zeros, (features,))) if use_bias else y


def mlp(scope: Scope, x: jax.Array, *, features: Sequence[int]) -> jax.Array:
    """Dense layers with tanh between them: x (..., in) gives (..., features[-1]).

    Mirrors `MLP(features)` of

        class Block(nn.Module):
            features: int

            @nn.compact
            def __call__(self, x):
                return jnp.tanh(nn.Dense(self.features)(x))

        class MLP(nn.Module):
            features: Sequence[int]

            @nn.compact
            def __call__(self, x):
                for width in self.features[:-1]:
                    x = Block(width)(x)
                return nn.Dense(self.features[-1])(x)

    Parameters: Block_0/Dense_0, Block_1/Dense_0, ... and Dense_0, each with kernel and bias.
    """
    for i, width in enumerate(features[:-1]):
        x = jnp.tanh(dense(scope.child(f"Block_{i}").child("Dense_0"), x, features=width))
    return dense(scope.child("Dense_0"), x, features=features[-1])


def conv(
    scope: Scope, x: jax.Array, *, features: int, kernel_size: int | Sequence[int]
) -> jax.Array:
    """`nn.Conv(features, (kernel_size,))`: one example x (length, in) gives (length, features).

    Output i is the sum over j of x[i + j - (kernel_size - 1) // 2] @ kernel[j], plus bias, with
    zeros beyond the ends: "SAME" padding, the odd zero at the end; the kernel is not turned round
    (https://openxla.org/xla/operation_semantics#conv_convolution).
    Parameters: kernel (kernel_size, in, features), bias (features,).
    Raises ValueError when x or the window does not have one spatial axis.
    """
    (size,) = (kernel_size,) if isinstance(kernel_size, int) else kernel_size
    length, width = x.shape
    kernel = scope.param("kernel", lecun_normal, (size, width, features))
    before = (size - 1) // 2
    left, right = (jnp.zeros((n, width), x.dtype) for n in (before, size - 1 - before))
    padded = jnp.concatenate([left, x, right])
    y = jnp.dot(padded[:length], kernel[0])
    for j in range(1, size):
        y = y + jnp.dot(padded[j : j + length], kernel[j])
    return _plus(y, scope.param("bias", zeros, (features,)))


def layer_norm(scope: Scope, x: jax.Array) -> jax.Array:
    """`nn.LayerNorm()`: x (..., features) normalised over its last axis, same shape.

    (x - mean) / sqrt(var + 1e-6) * scale + bias (Ba et al., https://arxiv.org/abs/1607.06450), var
    being the mean square deviation. Parameters: scale (features,), bias (features,).
    """
    return _normalize(scope, x, *_moments(x, (x.ndim - 1,)), epsilon=1e-6)


def batch_norm(
    scope: Scope, x: jax.Array, *, use_running_average: bool = False, momentum: float = 0.99
) -> jax.Array:
    """`nn.BatchNorm(use_running_average)`: x (n, features) normalised over all axes but the last.

    (x - mean) / sqrt(var + 1e-5) * scale + bias (Ioffe & Szegedy, https://arxiv.org/abs/1502.03167).
    mean and var are those of x, and the stored ones become momentum * stored + (1 - momentum) *
    new, except while initialising; with `use_running_average` they are the stored ones, unchanged.

    Parameters: scale (features,), bias (features,). In "batch_stats": mean (features,), zeros, and
    var (features,), ones, which does not correct for n - 1. Raises ValueError when they are to be
    updated and "batch_stats" is not mutable.
    """
    shape = x.shape[-1:]
    stored = {
        "mean": scope.variable("batch_stats", "mean", lambda: jnp.zeros(shape, jnp.float32)),
        "var": scope.variable("batch_stats", "var", lambda: jnp.ones(shape, jnp.float32)),
    }
    if use_running_average:
        mean, var = stored["mean"], stored["var"]
    else:
        mean, var = _moments(x, tuple(range(x.ndim - 1)))
        if not scope.initializing:
            for name, new in (("mean", mean), ("var", var)):
                value = momentum * stored[name] + (1 - momentum) * new.reshape(shape)
                scope.update("batch_stats", name, value)
    return _normalize(scope, x, mean, var, epsilon=1e-5)


def dropout(scope: Scope, x: jax.Array, *, rate: float, deterministic: bool = False) -> jax.Array:
    """`nn.Dropout(rate, deterministic=...)`: elements of x are zeroed with probability `rate`.

    The others are divided by 1 - rate (Srivastava et al., JMLR 15, 2014, section 10). One draw from
    the stream "dropout" decides; none is made when `deterministic` or when rate is 0 or 1.
    """
    if deterministic or rate == 0.0:
        return x
    if rate == 1.0:
        return jnp.zeros_like(x)
    keep = jax.random.bernoulli(scope.make_rng("dropout"), 1.0 - rate, x.shape)
    return jnp.where(keep, x / (1.0 - rate), jnp.zeros_like(x))


def key_probe(scope: Scope, x: jax.Array) -> jax.Array:
    """Parameters that are the keys they would be drawn from, as words: compared to the bit.

    Mirrors a module whose `__call__(x)` asks for `first`, then `second`, both with
    `jax.random.key_data`, and adds their lowest bits to x.
    """
    first, second = (
        scope.variable("params", name, lambda: jax.random.key_data(scope.make_rng("params")))
        for name in ("first", "second")
    )
    bits: jax.Array = (first[..., 0] & 1) + (second[..., 0] & 1)
    return x + bits.astype(x.dtype)


def embed(scope: Scope, ids: jax.Array, *, num_embeddings: int, features: int) -> jax.Array:
    """`nn.Embed(num_embeddings, features)`: integer ids (...) give their rows, (..., features).

    -1 is the last row, and an id out of range gives NaN, as `jnp.take` has it. With a single row,
    Linen does otherwise, and not the same in each release. Parameter: embedding
    (num_embeddings, features). Raises ValueError when ids are not integers.
    """
    if not jnp.issubdtype(ids.dtype, jnp.integer):
        raise ValueError(f"ids must be integers, got {ids.dtype}")
    table = scope.param("embedding", embedding_normal, (num_embeddings, features))
    return jnp.take(table, ids, axis=0, mode="fill")


def self_attention(scope: Scope, x: jax.Array, *, num_heads: int) -> jax.Array:
    """`nn.MultiHeadDotProductAttention(num_heads)(x)`: x (length, features), same shape out.

    Each head sees query, key and value projections of features / num_heads columns and gives
    softmax(query @ key.T / sqrt(columns)) @ value; the heads' outputs are projected and summed
    (Vaswani et al., https://arxiv.org/abs/1706.03762, section 3.2).

    Parameters: query, key and value, each with kernel (features, num_heads, columns) and bias
    (num_heads, columns), and out, with kernel (num_heads, columns, features) and bias (features,).
    Raises ValueError when num_heads does not divide features.
    """
    features = x.shape[-1]
    if features % num_heads:
        raise ValueError(f"num_heads={num_heads} does not divide features={features}")
    columns = features // num_heads

    def projection(name: str) -> tuple[jax.Array, jax.Array]:
        child, flat = scope.child(name), flattened(lecun_normal, (features, features))
        kernel = child.param("kernel", flat, (features, num_heads, columns))
        return kernel, child.param("bias", zeros, (num_heads, columns))

    projections = [projection(name) for name in ("query", "key", "value")]
    out = scope.child("out")
    flat = flattened(lecun_normal, (features, features))
    out_kernel = out.param("kernel", flat, (num_heads, columns, features))

    y = jnp.zeros(x.shape, x.dtype)
    for head in range(num_heads):
        query, key, value = (
            _plus(jnp.dot(x, kernel[:, head]), bias[head]) for kernel, bias in projections
        )
        weights = _softmax(jnp.dot(query / math.sqrt(columns), key.T))
        y = y + jnp.dot(jnp.dot(weights, value), out_kernel[head])
    return _plus(y, out.param("bias", zeros, (features,)))


def _plus(y: jax.Array, bias: jax.Array) -> jax.Array:
    # Spelt out, because the suite runs with silent rank promotion forbidden.
    return y + jnp.broadcast_to(bias, y.shape)


def _softmax(x: jax.Array) -> jax.Array:
    # Taking the largest off leaves the quotient, and its derivative, as they are, and keeps exp from
    # overflowing.
    powers = jnp.exp(x - jnp.max(jax.lax.stop_gradient(x), axis=-1, keepdims=True))
    return powers / jnp.sum(powers, axis=-1, keepdims=True)


def _moments(x: jax.Array, axes: tuple[int, ...]) -> tuple[jax.Array, jax.Array]:
    # Mean of squares less square of mean, as Linen: the same number as the mean square deviation,
    # but with the cancellation that an error bound computed from these very steps must allow for.
    mean = jnp.mean(x, axes, keepdims=True)
    return mean, jnp.maximum(0.0, jnp.mean(x * x, axes, keepdims=True) - mean * mean)


def _normalize(
    scope: Scope, x: jax.Array, mean: jax.Array, var: jax.Array, *, epsilon: float
) -> jax.Array:
    shape = x.shape[-1:]
    weight = jnp.broadcast_to(scope.param("scale", ones, shape), x.shape)
    mean, factor = (jnp.broadcast_to(a, x.shape) for a in (mean, jax.lax.rsqrt(var + epsilon)))
    return _plus((x - mean) * (factor * weight), scope.param("bias", zeros, shape))
