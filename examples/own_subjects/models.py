"""Models of the usual kinds, each written for one example."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax


class CNN(nn.Module):
    """An image (height, width, channels) to three logits."""

    @nn.compact
    def __call__(self, image: Any) -> Any:
        x = nn.max_pool(nn.relu(nn.Conv(4, (3, 3))(image)), (2, 2), (2, 2))
        return nn.Dense(3)(x.reshape(*image.shape[:-3], -1))


class Transformer(nn.Module):
    """Tokens (length,) and a padding mask (length,) to logits (length, vocabulary)."""

    vocabulary: int = 9
    width: int = 4

    @nn.compact
    def __call__(self, tokens: Any, mask: Any, *, train: bool) -> Any:
        x = nn.Embed(self.vocabulary, self.width)(tokens)
        y = nn.LayerNorm()(x)
        x = x + nn.MultiHeadDotProductAttention(num_heads=2)(y, y, mask=mask[None, None, :])
        x = nn.Dropout(0.1, deterministic=not train)(x)
        return nn.Dense(self.vocabulary)(nn.gelu(x))


class RNN(nn.Module):
    """A sequence (length, features) to the last hidden state of a GRU."""

    @nn.compact
    def __call__(self, xs: Any) -> Any:
        return nn.RNN(nn.GRUCell(4))(xs)[..., -1, :]


def make_classifier() -> Any:
    """An NNX classifier with batch statistics and dropout, in training."""
    from flax import nnx

    class Classifier(nnx.Module):
        def __init__(self, rngs: Any) -> None:
            self.linear = nnx.Linear(4, 5, rngs=rngs)
            self.norm = nnx.BatchNorm(5, use_running_average=False, rngs=rngs)
            self.dropout = nnx.Dropout(0.5, deterministic=False, rngs=rngs)

        def __call__(self, x: Any) -> Any:
            return self.dropout(nnx.relu(self.norm(self.linear(x))))

    return Classifier(nnx.Rngs(0, dropout=1))


def train_step(params: Any, x: Any, y: Any) -> Any:
    """One step of Adam on a linear model: params {"w": (n, m), "b": (m,)}, x (n,), y (m,)."""
    optimizer = optax.adam(1e-2)

    def loss(params: Any) -> Any:
        return jnp.mean((x @ params["w"] + params["b"] - y) ** 2)

    gradient = jax.grad(loss)(params)
    updates, _ = optimizer.update(gradient, optimizer.init(params), params)
    return optax.apply_updates(params, updates)


def make_equinox_mlp() -> Any:
    """An Equinox MLP of three features to two."""
    import equinox as eqx

    return eqx.nn.MLP(3, 2, 8, depth=1, key=jax.random.key(0))
