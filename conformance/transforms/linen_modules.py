"""Which Linen class each module subject is. Every class takes the subject's hyperparameters."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import flax.linen as nn
import jax.numpy as jnp


class Block(nn.Module):
    features: int

    @nn.compact
    def __call__(self, x: Any) -> Any:
        return jnp.tanh(nn.Dense(self.features)(x))


class MLP(nn.Module):
    features: Sequence[int]

    @nn.compact
    def __call__(self, x: Any) -> Any:
        for width in self.features[:-1]:
            x = Block(width)(x)
        return nn.Dense(self.features[-1])(x)


CLASSES: dict[str, Any] = {
    "dense": nn.Dense,
    "mlp": MLP,
    "conv": nn.Conv,
    "layer-norm": nn.LayerNorm,
    "batch-norm": nn.BatchNorm,
    "dropout": nn.Dropout,
    "embed": nn.Embed,
    "self-attention": nn.MultiHeadDotProductAttention,
    "simple-cell": nn.SimpleCell,
    "gru-cell": nn.GRUCell,
}
