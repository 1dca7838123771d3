"""The same models with a mistake each, which shows where they take a whole batch: `batched=True` notices."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp


class LeakingCNN(nn.Module):
    """Its statistics are those of all examples together."""

    @nn.compact
    def __call__(self, image: Any) -> Any:
        x = nn.BatchNorm(use_running_average=False)(nn.Conv(4, (3, 3))(image))
        x = nn.max_pool(nn.relu(x), (2, 2), (2, 2))
        return nn.Dense(3)(x.reshape(*image.shape[:-3], -1))


class WrongAxisTransformer(nn.Module):
    """It takes the mean over axis 0, which is the batch, instead of over the length."""

    @nn.compact
    def __call__(self, tokens: Any) -> Any:
        x = nn.Embed(9, 4)(tokens)
        x = x + nn.MultiHeadDotProductAttention(num_heads=2)(x, x)
        return nn.Dense(9)(x - x.mean(axis=0))


class RememberingRNN(nn.Module):
    """It stores a state for each example in what all of them share."""

    @nn.compact
    def __call__(self, xs: Any) -> Any:
        hidden = nn.RNN(nn.GRUCell(4))(xs)[..., -1, :]
        last = self.variable("memory", "last", jnp.zeros_like, hidden)
        if not self.is_initializing():
            last.value = hidden
        return hidden


def make_leaking_classifier() -> Any:
    """An NNX classifier whose batch statistics are those of all examples together."""
    from flax import nnx

    class Classifier(nnx.Module):
        def __init__(self, rngs: Any) -> None:
            self.linear = nnx.Linear(4, 5, rngs=rngs)
            self.norm = nnx.BatchNorm(5, use_running_average=False, rngs=rngs)

        def __call__(self, x: Any) -> Any:
            return nnx.relu(self.norm(self.linear(x)))

    return Classifier(nnx.Rngs(0))


def clipped_step(weights: Any, gradient: Any) -> Any:
    """A step that clips the gradient by its norm over axis 0 instead of over the last."""
    norm = jnp.linalg.norm(gradient, axis=0, keepdims=True)
    return weights - 0.1 * gradient / jnp.maximum(1.0, norm)


def make_normalising_mlp() -> Any:
    """An Equinox MLP applied to rows, whose input is normalised over axis 0 instead of over the last."""
    import equinox as eqx

    mlp = eqx.nn.MLP(3, 2, 8, depth=1, key=jax.random.key(0))

    def applied(rows: Any) -> Any:
        normal = rows / (1e-3 + jnp.linalg.norm(rows, axis=0, keepdims=True))
        flat = [mlp(row) for row in normal.reshape(-1, 3)]
        return jnp.stack(flat).reshape(*rows.shape[:-1], 2)

    return applied
