"""Modules as Flax's users write them, each for one example: none may be misjudged."""

import types
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from conformance import own


class CNN(nn.Module):
    @nn.compact
    def __call__(self, x: Any) -> Any:
        x = nn.max_pool(nn.relu(nn.Conv(4, (3, 3))(x)), (2, 2), (2, 2))
        return nn.Dense(3)(x.reshape(-1))


class Steps(nn.Module):
    @nn.compact
    def __call__(self, x: Any) -> Any:
        count = self.variable("state", "count", lambda: jnp.zeros((), jnp.int32))
        count.value = count.value + 1
        return nn.Dense(2)(x)


class Table(nn.Module):
    """Sinusoidal positions as a constant collection."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        place = jnp.arange(x.shape[0])[:, None] / 10.0 ** jnp.arange(x.shape[1])
        table = self.variable("constants", "table", lambda: jnp.sin(place))
        return nn.Dense(3)(x + table.value)


class TrainEval(nn.Module):
    @nn.compact
    def __call__(self, x: Any, *, train: bool, scale: Any = None) -> Any:
        x = nn.BatchNorm(use_running_average=not train)(nn.Dense(4)(x))
        x = nn.Dropout(0.3, deterministic=not train)(x)
        return x if scale is None else x * scale


class Encoder(nn.Module):
    """A method other than `__call__`, and `setup`."""

    def setup(self) -> None:
        self.embed = nn.Embed(7, 4)
        self.out = nn.Dense(3)

    def encode(self, tokens: Any) -> Any:
        return self.embed(tokens).mean(0)

    def __call__(self, tokens: Any) -> Any:
        return self.out(self.encode(tokens))


class Shared(nn.Module):
    def setup(self) -> None:
        self.inner = nn.Dense(4)
        nn.share_scope(self, self.inner)

    def __call__(self, x: Any) -> Any:
        return jnp.tanh(self.inner(x))


class Spectral(nn.Module):
    @nn.compact
    def __call__(self, x: Any) -> Any:
        return nn.SpectralNorm(nn.Dense(3))(x, update_stats=True)


class Noise(nn.Module):
    @nn.compact
    def __call__(self, x: Any) -> Any:
        return x + jax.random.normal(self.make_rng("noise"), x.shape)


class Wrapper(nn.Module):
    layers: Any

    def __call__(self, x: Any) -> Any:
        for layer in self.layers:
            x = nn.relu(layer(x))
        return x


class Transformer(nn.Module):
    @nn.compact
    def __call__(self, tokens: Any, mask: Any) -> Any:
        x = nn.Embed(9, 4)(tokens) + self.param("pos", nn.initializers.normal(), (len(tokens), 4))
        y = nn.LayerNorm()(x)
        x = x + nn.MultiHeadDotProductAttention(num_heads=2)(y, y, mask=mask[None, None, :])
        return nn.Dense(9)(nn.gelu(nn.Dense(8)(nn.LayerNorm()(x))) @ jnp.ones((8, 4)))


class RunningStatistics(nn.Module):
    @nn.compact
    def __call__(self, x: Any) -> Any:
        mean = self.variable("stats", "mean", jnp.zeros, x.shape)
        var = self.variable("stats", "var", jnp.ones, x.shape)
        if not self.is_initializing():
            mean.value = 0.9 * mean.value + 0.1 * x
            var.value = 0.9 * var.value + 0.1 * (x - mean.value) ** 2
        return (x - mean.value) / jnp.sqrt(var.value + 1e-5)


class InSetup(nn.Module):
    """Makes its parameter in `setup`, not in a submodule."""

    def setup(self) -> None:
        self.scale = self.param("scale", nn.initializers.normal(), (3,))

    def __call__(self, x: Any) -> Any:
        return x * self.scale


def _partitioned() -> Any:
    draw = nn.initializers.lecun_normal()
    return nn.Dense(3, kernel_init=nn.with_partitioning(draw, ("in", "out")))


LINEN: dict[str, Any] = {
    "batch-norm-eval": (nn.BatchNorm(use_running_average=True), [("n",)]),
    "batch-norm-train": (nn.BatchNorm(use_running_average=False), [("m", "n")]),
    "cnn": (CNN(), [(6, 6, 2)]),
    "steps": (Steps(), [("n",)]),
    "table": (Table(), [("m", "n")]),
    "train": (
        TrainEval(),
        [("m", "n")],
        {"keywords": {"train": True}, "streams": ("params", "dropout")},
    ),
    "eval": (TrainEval(), [("m", "n")], {"keywords": {"train": False, "scale": (4,)}}),
    "encode": (Encoder(), [own.indices(5, below=7)]),
    "method": (Encoder(), [own.indices(5, below=7)], {"method": "encode"}),
    "share-scope": (Shared(), [("n",)]),
    "spectral": (Spectral(), [("n",)]),
    "noise": (Noise(), [("n",)], {"streams": ("params", "noise")}),
    "wrapper": (Wrapper([nn.Dense(4), nn.Dense(3)]), [("n",)]),
    "transformer": (Transformer(), [own.indices(5, below=9), own.booleans(5)]),
    "statistics": (RunningStatistics(), [("n",)]),
    "partitioned": (_partitioned(), [("n",)]),
    "in-setup": (InSetup(), [(3,)]),
    "embed": (nn.Embed(5, 4), [own.indices(3, below=5)]),
    "decode": (nn.MultiHeadDotProductAttention(num_heads=2, decode=True), [(1, 4), (1, 4)]),
    "lstm": (nn.RNN(nn.LSTMCell(3)), [(5, 2)]),
    "cell": (nn.GRUCell(4), [(4,), (3,)]),
    "group-norm": (nn.GroupNorm(num_groups=2), [(3, 3, 4)]),
    "weight-norm": (nn.WeightNorm(nn.Dense(3)), [("n",)]),
    "conv-transpose": (nn.ConvTranspose(2, (3,)), [(6, 2)]),
    "sequential": (nn.Sequential([nn.Dense(4), nn.relu, nn.Dense(2)]), [("n",)]),
    "prelu": (nn.PReLU(), [("n",)]),
    "einsum": (nn.DenseGeneral((2, 3)), [("m", "n")]),
}


def _nnx_classes() -> types.SimpleNamespace:
    """Classes of NNX modules, defined when asked for: oldest releases of Flax have others."""
    from flax import nnx

    class Net(nnx.Module):
        def __init__(self, train: bool, rngs: Any) -> None:
            self.linear = nnx.Linear(4, 4, rngs=rngs)
            self.norm = nnx.BatchNorm(4, use_running_average=not train, rngs=rngs)
            self.dropout = nnx.Dropout(0.5, deterministic=not train, rngs=rngs)

        def __call__(self, x: Any) -> Any:
            return self.dropout(self.norm(self.linear(x)))

    class Counter(nnx.Module):
        def __init__(self, rngs: Any) -> None:
            self.count = nnx.Variable(jnp.zeros((), jnp.int32))
            layers = [nnx.Linear(3, 3, rngs=rngs) for _ in range(2)]
            self.layers = nnx.List(layers) if hasattr(nnx, "List") else layers

        def __call__(self, x: Any) -> Any:
            self.count.value = self.count.value + 1
            for layer in self.layers:
                x = jnp.tanh(layer(x))
            return x * self.count.value

    class Draws(nnx.Module):
        def __init__(self, rngs: Any) -> None:
            self.rngs = rngs

        def __call__(self, x: Any) -> Any:
            return x + jax.random.normal(self.rngs.noise(), x.shape)

    class Methods(nnx.Module):
        def __init__(self, rngs: Any) -> None:
            self.conv = nnx.Conv(2, 3, (3, 3), rngs=rngs)

        def features(self, x: Any, *, train: bool) -> Any:
            y = nnx.relu(self.conv(x))
            return y.mean() if train else y

    return types.SimpleNamespace(Net=Net, Counter=Counter, Draws=Draws, Methods=Methods)


def nnx_modules() -> dict[str, Any]:
    """NNX modules, made when asked for."""
    from flax import nnx

    own_classes = _nnx_classes()
    return {
        "nnx-eval": (own_classes.Net(False, nnx.Rngs(0)), [(4,)]),
        "nnx-train": (own_classes.Net(True, nnx.Rngs(0, dropout=1)), [("m", 4)]),
        "nnx-counter": (own_classes.Counter(nnx.Rngs(0)), [(3,)]),
        "nnx-draws": (own_classes.Draws(nnx.Rngs(noise=3)), [("n",)]),
        "nnx-method": (
            own_classes.Methods(nnx.Rngs(0)),
            [(5, 5, 2)],
            {"method": "features", "keywords": {"train": False}},
        ),
        "nnx-gru": (nnx.RNN(nnx.GRUCell(3, 4, rngs=nnx.Rngs(0))), [(5, 3)]),
        "nnx-lstm": (nnx.RNN(nnx.LSTMCell(3, 4, rngs=nnx.Rngs(0))), [(5, 3)]),
        "nnx-attention": (
            nnx.MultiHeadAttention(2, 4, decode=False, rngs=nnx.Rngs(0)),
            [("m", 4)],
        ),
        "nnx-embed": (nnx.Embed(7, 3, rngs=nnx.Rngs(0)), [own.indices("n", below=7)]),
        "nnx-layer-norm": (nnx.LayerNorm(4, rngs=nnx.Rngs(0)), [("m", 4)]),
        "nnx-group-norm": (nnx.GroupNorm(4, num_groups=2, rngs=nnx.Rngs(0)), [(3, 3, 4)]),
        "nnx-lora": (nnx.LoRALinear(4, 3, lora_rank=2, rngs=nnx.Rngs(0)), [(4,)]),
    }


def subject(name: str) -> Any:
    """The subject of that name."""
    module, inputs, *options = (LINEN | (nnx_modules() if name.startswith("nnx") else {}))[name]
    return own.module(name, module, inputs, **(options[0] if options else {}))
