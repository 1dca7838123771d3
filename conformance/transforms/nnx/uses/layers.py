"""Layers of NNX under a map beside the layers of Linen of the same parameters, which other code computes."""

from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from conformance.transforms.nnx.lift import write
from conformance.transforms.nnx.uses.base import Setting, Use

ROWS, FEATURES, OUTPUTS = 6, 4, 3
"""The sizes of an input of one example, and of what layers give."""
BY_HAND: Any = nnx
Pairs = dict[str, tuple[Any, Any]]


def _convolutions(rngs: Any) -> Pairs:
    ways: dict[str, dict[str, Any]] = {
        "circular": {"padding": "CIRCULAR", "kernel_dilation": 2},
        "reflecting": {"padding": "REFLECT"},
        "causal": {"padding": "CAUSAL", "use_bias": False},
        "padded": {"padding": ((1, 2),), "strides": 2, "input_dilation": 2},
        "padded by one": {"padding": 1},
    }
    made, like = (
        partial(nnx.Conv, FEATURES, OUTPUTS, (3,), rngs=rngs),
        partial(nn.Conv, OUTPUTS, (3,)),
    )
    pairs: Pairs = {name: (made(**way), like(**way)) for name, way in ways.items()}
    groups: dict[str, Any] = {"feature_group_count": 2}
    pairs["in groups"] = (
        nnx.Conv(FEATURES, 2, (3,), **groups, rngs=rngs),
        nn.Conv(2, (3,), **groups),
    )
    for name, way in (
        ("transposed", {"strides": (2,)}),
        ("transposed around", {"padding": "CIRCULAR", "strides": (2,)}),
        ("transposed kernel", {"transpose_kernel": True, "use_bias": False}),
    ):
        options: dict[str, Any] = way
        pairs[name] = (
            BY_HAND.ConvTranspose(FEATURES, OUTPUTS, (3,), **options, rngs=rngs),
            nn.ConvTranspose(OUTPUTS, (3,), **options),
        )
    return pairs


def _norms(rngs: Any) -> Pairs:
    make, like = BY_HAND, nn
    return {
        "group": (make.GroupNorm(FEATURES, 2, rngs=rngs), like.GroupNorm(2)),
        "group by size": (
            make.GroupNorm(FEATURES, None, group_size=2, use_bias=False, rngs=rngs),
            like.GroupNorm(None, group_size=2, use_bias=False),
        ),
        "root": (make.RMSNorm(FEATURES, rngs=rngs), like.RMSNorm()),
        "instance": (make.InstanceNorm(FEATURES, rngs=rngs), like.InstanceNorm()),
        "layer": (
            make.LayerNorm(FEATURES, use_bias=False, use_fast_variance=False, rngs=rngs),
            like.LayerNorm(use_bias=False, use_fast_variance=False),
        ),
        "rows": (
            make.LayerNorm(FEATURES, reduction_axes=(-2, -1), use_scale=False, rngs=rngs),
            like.LayerNorm(reduction_axes=(-2, -1), use_scale=False),
        ),
        "slope": (make.PReLU(), like.PReLU()),
    }


def _products(rngs: Any) -> Pairs:
    make = BY_HAND
    einsum = "...ra,ab->...rb"
    return {
        "general": (
            make.LinearGeneral((ROWS, FEATURES), (OUTPUTS, 2), axis=(-2, -1), rngs=rngs),
            nn.DenseGeneral((OUTPUTS, 2), axis=(-2, -1)),
        ),
        "general of rows": (
            make.LinearGeneral(FEATURES, OUTPUTS, batch_axis={0: ROWS}, rngs=rngs),
            nn.DenseGeneral(OUTPUTS, batch_dims=(0,)),
        ),
        "einsum": (
            make.Einsum(einsum, (FEATURES, OUTPUTS), (OUTPUTS,), rngs=rngs),
            nn.Einsum((FEATURES, OUTPUTS), einsum),
        ),
        "attention": (
            make.MultiHeadAttention(
                2, FEATURES, normalize_qk=True, decode=False, deterministic=True, rngs=rngs
            ),
            nn.MultiHeadDotProductAttention(2, normalize_qk=True, deterministic=True),
        ),
    }


def _cells(rngs: Any) -> Pairs:
    make = BY_HAND
    return {
        "memory": (make.LSTMCell(FEATURES, OUTPUTS, rngs=rngs), nn.LSTMCell(OUTPUTS)),
        "simple": (make.SimpleCell(FEATURES, OUTPUTS, rngs=rngs), nn.SimpleCell(OUTPUTS)),
        "residual": (
            make.SimpleCell(FEATURES, OUTPUTS, residual=True, rngs=rngs),
            nn.SimpleCell(OUTPUTS, residual=True),
        ),
    }


def _given(layer: Any, x: Any) -> tuple[Any, ...]:
    """What a layer is called with: a cell has a carry before its input."""
    carry = jnp.cos(x[..., :OUTPUTS])
    if isinstance(layer, (BY_HAND.LSTMCell, nn.LSTMCell)):
        return (carry, 2 * carry), x
    return (carry, x) if isinstance(layer, (BY_HAND.SimpleCell, nn.SimpleCell)) else (x,)


def like_linen(s: Setting) -> Any:
    """Layers of NNX that examples share give, under a map, what those of Linen give with their parameters."""
    x = s.whole(5, s.size, ROWS, FEATURES) + 0.25 * s.whole(6, s.size, ROWS, FEATURES)
    like: dict[str, Any] = {}

    def make() -> dict[str, Any]:
        pairs: Pairs = {}
        for of in (_convolutions, _norms, _products, _cells):
            pairs.update(of(nnx.Rngs(s.seed)))
        like.update({name: layer for name, (_, layer) in pairs.items()})
        layers = {name: layer for name, (layer, _) in pairs.items()}
        flat = BY_HAND.to_flat_state(BY_HAND.state(layers, nnx.Param))
        for n, (_, variable) in enumerate(flat):
            # What they begin with need not be computed.
            numbers = np.arange(np.prod(variable.shape), dtype=np.float32)
            write(
                variable, jnp.asarray(np.sin(numbers + 7 * n + s.seed % 97).reshape(variable.shape))
            )
        return layers

    @jax.jit
    def run(x: Any) -> Any:
        layers = make()
        call = s.map(
            lambda layers, x: {name: layer(*_given(layer, x)) for name, layer in layers.items()},
            in_axes=(None, 0),
        )
        found = call(layers, x)
        params = {name: _params(layer) for name, layer in layers.items()}
        right = {
            name: jax.vmap(partial(_apply, layer, params[name]))(x) for name, layer in like.items()
        }
        return found, right

    def mapped() -> Any:
        found, right = run(x)
        both = {name: (jax.tree_util.tree_leaves((found[name], right[name]))) for name in right}
        halves = {
            name: (each[: len(each) // 2], each[len(each) // 2 :]) for name, each in both.items()
        }
        near = {name: _near(*each) for name, each in halves.items()}
        return {name: np.array(False) for name, is_near in near.items() if not is_near}

    return mapped, {}


def _near(found: list[Any], right: list[Any]) -> bool:
    """Whether all arrays are alike, to what a sum of a few products rounds."""
    return all(np.allclose(a, b, 1e-4, 1e-4) for a, b in zip(found, right, strict=True))


def _apply(layer: Any, params: Any, x: Any) -> Any:
    return layer.apply({"params": params}, *_given(layer, x))


def _params(layer: Any) -> Any:
    """The parameters of a layer, which have the names of Linen's but where Python has one of them."""
    tree = BY_HAND.to_pure_dict(BY_HAND.state(layer, nnx.Param))
    return {name.rstrip("_").removeprefix("dense_"): value for name, value in tree.items()}


USES: dict[str, Use] = {"use.like-linen": like_linen}

NEEDS: dict[str, str] = dict.fromkeys(USES, "0.12.8")
"""The first release of Flax that has what a use is of, where the oldest has not."""

IN_ONE_WAY = ("use.like-linen",)
"""Uses of which the mode of the map changes nothing: they choose it themselves."""
