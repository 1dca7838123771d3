"""Models in Linen and NNX as researchers write them, each for one example: none may be misjudged."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from conformance import own


class UNet(nn.Module):
    @nn.compact
    def __call__(self, x: Any) -> Any:
        down = nn.relu(nn.GroupNorm(2)(nn.Conv(4, (3, 3))(x)))
        low = nn.relu(nn.Conv(4, (3, 3), strides=(2, 2))(down))
        up = jax.image.resize(low, (*x.shape[:2], 4), "nearest")
        return nn.Conv(1, (1, 1))(jnp.concatenate([down, up], -1))


class Residual(nn.Module):
    @nn.compact
    def __call__(self, x: Any, train: bool = True) -> Any:
        y = nn.BatchNorm(use_running_average=not train)(nn.Conv(2, (3, 3), use_bias=False)(x))
        return nn.relu(x + y).mean((0, 1))


class VAE(nn.Module):
    @nn.compact
    def __call__(self, x: Any) -> Any:
        hidden = nn.tanh(nn.Dense(5)(x))
        mean, log_var = nn.Dense(2)(hidden), nn.Dense(2)(hidden)
        noise = jax.random.normal(self.make_rng("latent"), mean.shape)
        z = mean + jnp.exp(0.5 * log_var) * noise
        return nn.Dense(x.shape[-1])(nn.tanh(nn.Dense(5)(z))), mean, log_var


class GRUClassifier(nn.Module):
    @nn.compact
    def __call__(self, tokens: Any, length: Any) -> Any:
        x = nn.Embed(9, 4)(tokens)
        states = nn.RNN(nn.GRUCell(5))(x)
        return nn.log_softmax(nn.Dense(3)(states[length - 1]))


class BiLSTM(nn.Module):
    @nn.compact
    def __call__(self, x: Any) -> Any:
        forward, backward = nn.RNN(nn.LSTMCell(3)), nn.RNN(nn.LSTMCell(3), reverse=True)
        return nn.Dense(2)(jnp.concatenate([forward(x), backward(x)], -1).max(0))


class TiedDecoder(nn.Module):
    def setup(self) -> None:
        self.embed = nn.Embed(7, 4)
        self.block = nn.Dense(4)

    def __call__(self, tokens: Any) -> Any:
        return self.embed.attend(nn.gelu(self.block(self.embed(tokens))))


class Scanned(nn.Module):
    """Layers with stacked parameters."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        class Block(nn.Module):
            @nn.compact
            def __call__(self, x: Any, _: Any) -> Any:
                return x + nn.tanh(nn.Dense(x.shape[-1])(x)), None

        layers = nn.scan(Block, variable_axes={"params": 0}, split_rngs={"params": True}, length=3)
        return layers()(x, None)[0]


class Quantised(nn.Module):
    """Keeps the range that it has seen."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        seen = self.variable("range", "most", lambda: jnp.ones(()))
        if not self.is_initializing():
            seen.value = jnp.maximum(0.9 * seen.value, jnp.max(jnp.abs(x)))
        scale = seen.value / 7
        return nn.Dense(3)(jnp.round(x / scale) * scale)


class Experts(nn.Module):
    @nn.compact
    def __call__(self, x: Any) -> Any:
        gates = nn.softmax(nn.Dense(3)(x))
        weights, chosen = jax.lax.top_k(gates, 2)
        kernels = self.param("experts", nn.initializers.lecun_normal(), (3, x.shape[-1], 4))
        self.sow("intermediates", "gates", gates)
        return jnp.einsum("e,ed->d", weights, jnp.einsum("i,eid->ed", x, kernels[chosen]))


class Conditional(nn.Module):
    @nn.compact
    def __call__(self, x: Any) -> Any:
        a, b = nn.Dense(3, name="a"), nn.Dense(3, name="b")
        return jnp.where(x.sum() > 0, a(x), b(x))


class Noisy(nn.Module):
    """Several collections and streams."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        count = self.variable("counters", "calls", lambda: jnp.zeros((), jnp.int32))
        mean = self.variable("moments", "mean", jnp.zeros, (x.shape[-1],))
        if not self.is_initializing():
            count.value = count.value + 1
            mean.value = 0.9 * mean.value + 0.1 * x
        x = nn.Dropout(0.2, deterministic=False)(x - mean.value)
        return nn.Dense(2)(x + 0.1 * jax.random.normal(self.make_rng("noise"), x.shape))


class Half(nn.Module):
    @nn.compact
    def __call__(self, x: Any) -> Any:
        x = nn.gelu(nn.Dense(6, dtype=jnp.bfloat16)(x))
        return nn.LayerNorm(dtype=jnp.float32)(nn.Dense(3, dtype=jnp.bfloat16)(x))


class PerceiverLike(nn.Module):
    @nn.compact
    def __call__(self, x: Any, mask: Any) -> Any:
        latents = self.param("latents", nn.initializers.normal(0.5), (2, 4))
        y = nn.MultiHeadDotProductAttention(2, qkv_features=4)(
            latents, x, mask=jnp.broadcast_to(mask, (2, 2, mask.shape[0]))
        )
        return nn.LayerNorm()(latents + y)


class FourierFeatures(nn.Module):
    @nn.compact
    def __call__(self, x: Any) -> Any:
        b = self.variable(
            "frozen", "b", lambda: jax.random.normal(jax.random.key(3), (x.shape[-1], 4))
        )
        y = x @ b.value
        return nn.Dense(2)(jnp.concatenate([jnp.sin(y), jnp.cos(y)], -1))


class HyperNetwork(nn.Module):
    @nn.compact
    def __call__(self, x: Any, condition: Any) -> Any:
        scale, shift = jnp.split(nn.Dense(2 * x.shape[-1])(condition), 2)
        return nn.swish(x * (1 + scale) + shift)


class Remat(nn.Module):
    @nn.compact
    def __call__(self, x: Any) -> Any:
        for _ in range(2):
            x = nn.remat(nn.Dense)(x.shape[-1])(nn.silu(x))
        return x


LINEN: dict[str, Any] = {
    "unet": (UNet(), [(4, 4, 2)]),
    "residual": (Residual(), [(4, 4, 2)]),
    "vae-model": (VAE(), [("n",)], {"streams": ("params", "latent")}),
    "gru-classifier": (GRUClassifier(), [own.indices(5, below=9), own.integers(low=1, high=6)]),
    "bilstm": (BiLSTM(), [(5, 2)]),
    "tied-decoder": (TiedDecoder(), [own.indices("n", below=7)]),
    "scanned": (Scanned(), [("n",)]),
    "quantised": (Quantised(), [("n",)]),
    "experts": (Experts(), [("n",)]),
    "conditional": (Conditional(), [("n",)]),
    "noisy": (Noisy(), [("n",)], {"streams": ("params", "dropout", "noise")}),
    "half": (Half(), [("n",)]),
    "perceiver": (PerceiverLike(), [(5, 4), own.booleans(5)]),
    "fourier-features": (FourierFeatures(), [(3,)]),
    "hyper-network": (HyperNetwork(), [("n",), (2,)]),
    "remat": (Remat(), [("n",)]),
}


def _stateful() -> tuple[Any, Any]:
    """Classes of NNX modules that remember what they have seen."""
    from flax import nnx

    class Moving(nnx.Module):
        """An exponential average of what it has seen."""

        def __init__(self, rngs: Any) -> None:
            self.linear = nnx.Linear(3, 3, rngs=rngs)
            self.average = nnx.BatchStat(jnp.zeros(3))
            self.steps = nnx.Variable(jnp.zeros((), jnp.int32))

        def __call__(self, x: Any) -> Any:
            y = self.linear(x)
            self.average.value = 0.9 * self.average.value + 0.1 * y
            self.steps.value = self.steps.value + 1
            return y - self.average.value

    class Cached(nnx.Module):
        """A ring of the last inputs."""

        def __init__(self, rngs: Any) -> None:
            self.ring = nnx.Cache(jnp.zeros((3, 2)))
            self.place = nnx.Cache(jnp.zeros((), jnp.int32))
            self.out = nnx.Linear(6, 2, rngs=rngs)

        def __call__(self, x: Any) -> Any:
            self.ring.value = self.ring.value.at[self.place.value % 3].set(x)
            self.place.value = self.place.value + 1
            return self.out(self.ring.value.reshape(-1))

    return Moving, Cached


def _nnx() -> dict[str, Any]:
    """NNX modules, made when asked for: the oldest releases of Flax have others."""
    from flax import nnx

    def listed(layers: list[Any]) -> Any:
        return nnx.List(layers) if hasattr(nnx, "List") else layers

    class Mixer(nnx.Module):
        def __init__(self, rngs: Any) -> None:
            self.tokens = nnx.Linear(4, 4, rngs=rngs)
            self.channels = nnx.Linear(3, 3, rngs=rngs)
            self.norm = nnx.LayerNorm(3, rngs=rngs)

        def __call__(self, x: Any) -> Any:
            x = x + self.tokens(self.norm(x).T).T
            return x + nnx.gelu(self.channels(self.norm(x)))

    class Dropped(nnx.Module):
        def __init__(self, rngs: Any) -> None:
            self.layers = listed([nnx.Linear(4, 4, rngs=rngs) for _ in range(2)])
            self.dropout = nnx.Dropout(0.3, rngs=rngs)

        def __call__(self, x: Any) -> Any:
            for layer in self.layers:
                x = self.dropout(nnx.relu(layer(x)))
            return x

    class Tied(nnx.Module):
        def __init__(self, rngs: Any) -> None:
            self.embed = nnx.Embed(7, 4, rngs=rngs)

        def __call__(self, tokens: Any) -> Any:
            return self.embed.attend(jnp.tanh(self.embed(tokens)))

    rngs = nnx.Rngs(0, dropout=1)
    moving, cached = _stateful()
    return {
        "nnx-mixer": (Mixer(rngs), [(4, 3)]),
        "nnx-dropped": (Dropped(rngs), [(4,)]),
        "nnx-moving": (moving(rngs), [(3,)]),
        "nnx-cached": (cached(rngs), [(2,)]),
        "nnx-tied": (Tied(rngs), [own.indices("n", below=7)]),
        "nnx-conv": (nnx.Conv(2, 3, (3,), strides=2, rngs=rngs), [(6, 2)]),
    }


def names() -> list[str]:
    """The names of all modules."""
    return [*LINEN, *_nnx()]


def subject(name: str) -> Any:
    """The subject of that name."""
    module, inputs, *options = (LINEN | (_nnx() if name.startswith("nnx") else {}))[name]
    return own.module(name, module, inputs, **(options[0] if options else {}))
