"""What the layers of Linen and NNX are by default: variables, initial values, outputs and their dtypes."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from conformance.observations import every_layer
from conformance.observations.cases import KEY, array
from conformance.observations.linen_lifts import by_path
from conformance.observations.nnx_lifts import state_by_path
from conformance.observations.record import Observation, many, needed
from conformance.observations.selection import EVERYTHING, Selection
from conformance.observations.started import attempted, facts, fixed_stream, rounding
from properties import trees

_SIZE = 4
_DTYPES = ("float32", "bfloat16", "float16")
Layers = dict[str, tuple[Callable[..., Any], tuple[int, ...]]]
"""How a layer is made, and the shape of its input."""


def observe(selection: Selection = EVERYTHING) -> Iterator[Observation]:
    """`layers/flax.linen|flax.nnx/LAYER/tree`, and each leaf beside it, with the output.

    The tree has the shape and dtype of the output of each dtype of input, too. The draws are of a
    stream that is the same in all releases.
    """
    with fixed_stream():
        if selection.has_transform("flax.linen.vmap"):
            for name in _linen():
                yield from many(
                    f"layers/flax.linen/{name}", partial(attempted, partial(_of_linen, name))
                )
            yield from _others("flax.linen", _linen())
        if selection.has_transform("flax.nnx.vmap"):
            for name in _nnx():
                yield from many(
                    f"layers/flax.nnx/{name}", partial(attempted, partial(_of_nnx, name))
                )
            yield from _others("flax.nnx", _nnx())


def _others(library: str, listed: Layers) -> Iterator[Observation]:
    """The layers that are not listed."""
    for name, use in every_layer.forms(library, listed).items():
        yield from many(f"layers/{library}/{name}", partial(attempted, use))


def _linen() -> Layers:
    rows, image, words = (3, _SIZE), (1, 3, 3, _SIZE), (2, 3, _SIZE)
    return {
        "Dense": (partial(nn.Dense, _SIZE), rows),
        "DenseGeneral": (partial(nn.DenseGeneral, _SIZE), rows),
        "Einsum": (partial(needed("flax.linen.Einsum"), (_SIZE, _SIZE), "...a,ab->...b"), rows),
        "Conv": (partial(nn.Conv, _SIZE, (2, 2)), image),
        "ConvTranspose": (partial(nn.ConvTranspose, _SIZE, (2, 2)), image),
        "BatchNorm": (partial(nn.BatchNorm, use_running_average=True), rows),
        "LayerNorm": (nn.LayerNorm, rows),
        "RMSNorm": (nn.RMSNorm, rows),
        "GroupNorm": (partial(nn.GroupNorm, num_groups=2), rows),
        "InstanceNorm": (nn.InstanceNorm, image),
        "PReLU": (nn.PReLU, rows),
        "Dropout": (partial(nn.Dropout, 0.5, deterministic=False), rows),
        "MultiHeadAttention": (partial(nn.MultiHeadDotProductAttention, 2), words),
        "RNN": (lambda: nn.RNN(nn.SimpleCell(_SIZE)), words),
        "RNN-LSTM": (lambda: nn.RNN(nn.LSTMCell(_SIZE)), words),
        "Sequential": (lambda: nn.Sequential([nn.Dense(_SIZE), nn.tanh]), rows),
    }


def _of_linen(name: str) -> Mapping[str, Any]:
    make, shape = _linen()[name]
    module, x = make(), jnp.asarray(array(*shape))
    rngs = {"dropout": jax.random.key(KEY)}
    variables = module.init({"params": jax.random.key(KEY), **rngs}, x)
    found = facts(by_path(variables))
    for dtype in _DTYPES:
        given = jax.ShapeDtypeStruct(shape, dtype)
        output = jax.eval_shape(partial(module.apply, rngs=rngs), variables, given)
        found["tree"][f"output of {dtype}"] = trees.described(output)
    return found | _applied(module.apply(_ones(variables), x, rngs=rngs))


def _nnx() -> Layers:
    def of(name: str, *arguments: Any, **options: Any) -> Callable[..., Any]:
        return lambda rngs: needed(f"flax.nnx.{name}")(*arguments, rngs=rngs, **options)

    rows, image, words = (3, _SIZE), (1, 3, 3, _SIZE), (2, 3, _SIZE)
    return {
        "Linear": (of("Linear", _SIZE, _SIZE), rows),
        "LinearGeneral": (of("LinearGeneral", _SIZE, _SIZE), rows),
        "Einsum": (of("Einsum", "...a,ab->...b", (_SIZE, _SIZE), (_SIZE,)), rows),
        "Conv": (of("Conv", _SIZE, _SIZE, (2, 2)), image),
        "ConvTranspose": (of("ConvTranspose", _SIZE, _SIZE, (2, 2)), image),
        "BatchNorm": (of("BatchNorm", _SIZE, use_running_average=True), rows),
        "LayerNorm": (of("LayerNorm", _SIZE), rows),
        "RMSNorm": (of("RMSNorm", _SIZE), rows),
        "GroupNorm": (of("GroupNorm", _SIZE, num_groups=2), rows),
        "InstanceNorm": (of("InstanceNorm", _SIZE), image),
        "PReLU": (lambda rngs: needed("flax.nnx.PReLU")(), rows),
        "Dropout": (of("Dropout", 0.5, deterministic=False), rows),
        "LoRA": (of("LoRA", _SIZE, 2, _SIZE), rows),
        "LoRALinear": (of("LoRALinear", _SIZE, _SIZE, lora_rank=2), rows),
        "MultiHeadAttention": (of("MultiHeadAttention", 2, _SIZE, decode=False), words),
        "RNN": (lambda rngs: needed("flax.nnx.RNN")(of("SimpleCell", _SIZE, _SIZE)(rngs)), words),
        "RNN-LSTM": (
            lambda rngs: needed("flax.nnx.RNN")(of("LSTMCell", _SIZE, _SIZE)(rngs)),
            words,
        ),
        "RNN-GRU": (lambda rngs: needed("flax.nnx.RNN")(of("GRUCell", _SIZE, _SIZE)(rngs)), words),
    }


def _of_nnx(name: str) -> Mapping[str, Any]:
    make, shape = _nnx()[name]
    module, x = make(needed("flax.nnx.Rngs")(0)), jnp.asarray(array(*shape))
    found = facts(state_by_path(module))
    outputs = {dtype: module(x.astype(dtype)) for dtype in _DTYPES[:2]}
    for dtype, output in outputs.items():
        found["tree"][f"output of {dtype}"] = trees.described(output)
    return found | _applied(outputs["float32"])


def _ones(variables: Any) -> Any:
    return jax.tree_util.tree_map(jnp.ones_like, variables)


def _applied(output: Any) -> dict[str, Any]:
    value = np.asarray(output)
    return {"applied/output": {"value": value, "bound": rounding(value), "plain": None}}
