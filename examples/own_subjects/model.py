"""A small real model: an attention block and a GRU encoder, each written for one sequence."""

from typing import Any

import flax.linen as nn
import jax.numpy as jnp


class AttentionBlock(nn.Module):
    """Pre-norm self-attention and a feed-forward layer: x (length, width) gives (length, width)."""

    width: int
    heads: int = 2

    @nn.compact
    def __call__(self, x: Any) -> Any:
        normed = nn.LayerNorm()(x)
        x = x + nn.MultiHeadDotProductAttention(num_heads=self.heads)(normed, normed)
        hidden = nn.gelu(nn.Dense(2 * self.width)(nn.LayerNorm()(x)))
        return x + nn.Dense(self.width)(hidden)


class GRUEncoder(nn.Module):
    """Tokens (length,) to the last hidden state (features,) of a GRU over their embeddings."""

    vocabulary: int
    features: int

    @nn.compact
    def __call__(self, tokens: Any) -> Any:
        embedded = nn.Embed(self.vocabulary, self.features)(tokens)
        return nn.RNN(nn.GRUCell(self.features))(embedded)[-1]


def similarity(a: Any, b: Any) -> Any:
    """The cosine of the angle between two vectors (n,)."""
    return jnp.dot(a, b) / (jnp.linalg.norm(a) * jnp.linalg.norm(b) + 1e-6)
