"""What the layers of Linen and NNX give with each option: paddings, masks, edges, sizes of one, dtypes."""

from collections.abc import Callable
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from conformance.observations.call_forms import Forms, whole
from conformance.observations.nnx_parts import of_nnx
from conformance.observations.record import needed

_ONES = nn.initializers.ones
_ROWS, _IMAGE = (3, 4), (1, 5, 2)
_CONVOLUTIONS: dict[str, dict[str, Any]] = {
    "same": {"padding": "SAME"},
    "valid": {"padding": "VALID"},
    "circular": {"padding": "CIRCULAR"},
    "causal": {"padding": "CAUSAL"},
    "reflect": {"padding": "REFLECT"},
    "pairs": {"padding": [(1, 2)]},
    "number": {"padding": 1},
    "strides": {"strides": 2},
    "strides-a-tuple": {"strides": (2,)},
    "circular-strides": {"strides": (2,), "padding": "CIRCULAR"},
    "dilated": {"kernel_dilation": (2,)},
    "input-dilated": {"input_dilation": (2,)},
    "groups": {"feature_group_count": 2},
    "no-bias": {"use_bias": False},
    "masked": {"mask": jnp.tril(jnp.ones((3, 2, 4)))},
    "in-bfloat16": {"dtype": jnp.bfloat16},
    "wider": {"dtype": jnp.bfloat16, "preferred_element_type": jnp.float32},
    "kernel-of-bfloat16": {"param_dtype": jnp.bfloat16},
    "turned": {"transpose_kernel": True},
}
_USUAL = frozenset(
    {
        *("features", "kernel_init", "rate", "deterministic", "use_running_average"),
        *("num_groups", "padding", "strides"),
    }
)
"""Options that most code gives."""
_HALF: dict[str, dict[str, Any]] = {
    "BatchNorm": {"use_running_average": False},
    "LayerNorm": {},
    "RMSNorm": {},
    "GroupNorm": {"num_groups": 2},
}
"""Layers that may compute in the precision that they are given, or in their own, and what makes them."""
_ROW_MASK = jnp.array([[True], [True], [False]])
# By layer: what makes it besides the sizes, its options, the input's shape and the call's options.
_LAYERS: dict[str, tuple[dict[str, dict[str, Any]], tuple[int, ...]]] = {
    "Dense": (
        {
            "no-bias": {"use_bias": False},
            "in-bfloat16": {"dtype": jnp.bfloat16},
            "kernel-of-bfloat16": {"param_dtype": jnp.bfloat16},
            "wider": {"dtype": jnp.bfloat16, "preferred_element_type": jnp.float32},
            "complex": {"dtype": jnp.complex64},
            "whole": {"dtype": jnp.int32},
        },
        _ROWS,
    ),
    "BatchNorm": (
        {
            "trained": {"use_running_average": False},
            "trained-slowly": {"use_running_average": False, "use_fast_variance": False},
            "along-the-first": {"use_running_average": False, "axis": 0},
            "no-scale": {"use_running_average": True, "use_scale": False, "use_bias": False},
            "named": {"use_running_average": False, "axis_name": "i"},
        },
        _ROWS,
    ),
    "LayerNorm": (
        {
            "slow": {"use_fast_variance": False},
            "two-axes": {"reduction_axes": (0, 1)},
            "feature-axes": {"feature_axes": (0, 1)},
            "no-scale": {"use_scale": False, "use_bias": False},
            "in-bfloat16": {"dtype": jnp.bfloat16},
        },
        _ROWS,
    ),
    "RMSNorm": (
        {"two-axes": {"reduction_axes": (0, 1)}, "in-bfloat16": {"dtype": jnp.bfloat16}},
        _ROWS,
    ),
    "GroupNorm": (
        {
            "groups": {"num_groups": 2},
            "size": {"num_groups": None, "group_size": 2},
            "uneven": {"num_groups": 3},
        },
        _ROWS,
    ),
    "InstanceNorm": ({"default": {}, "slow": {"use_fast_variance": False}}, (2, 3, 4)),
    "Dropout": (
        {
            "none": {"rate": 0.0, "deterministic": False},
            "all": {"rate": 1.0, "deterministic": False},
            "broadcast": {"rate": 0.5, "deterministic": False, "broadcast_dims": (0,)},
            "not-told": {"rate": 0.5},
        },
        _ROWS,
    ),
}


def options_given(call: Callable[..., Any]) -> frozenset[str]:
    """The options of a layer that such a form is about; none of what most layers are given."""
    if not isinstance(call, partial) or call.func not in (_of_linen, _of_nnx):
        return frozenset()
    made = [each.keywords for each in call.args if isinstance(each, partial)]
    made += [each for each in call.args if isinstance(each, dict)]
    return frozenset(option for given in made for option in given) - _USUAL


def linen() -> Forms:
    """Forms of Linen: `LAYER-OPTION`, and the functions of `flax.linen` on arrays."""
    forms: Forms = {}
    for name, (options, shape) in _LAYERS.items():
        for option, given in options.items():
            sized = {"features": 2, "kernel_init": _ONES} if name == "Dense" else {}
            made = partial(getattr(nn, name), **sized, **given)
            forms[f"{name}-{option}"] = partial(_of_linen, made, shape)
    for name in ("Conv", "ConvTranspose"):
        for option, given in _CONVOLUTIONS.items():
            made = partial(getattr(nn, name), 4, (3,), kernel_init=_ONES, **given)
            forms[f"{name}-{option}"] = partial(_of_linen, made, _IMAGE)
        forms[f"{name}-no-batch"] = partial(
            _of_linen, partial(getattr(nn, name), 4, (3,), kernel_init=_ONES), (5, 2)
        )
    for name, (use, shape) in _attentions("flax.linen.dot_product_attention").items():
        forms[name] = partial(use, shape)
    masked = {"BatchNorm": {"use_running_average": False}, "LayerNorm": {}, "RMSNorm": {}}
    for name, given in masked.items():
        forms[f"{name}-masked"] = partial(
            _of_linen, partial(getattr(nn, name), **given), _ROWS, mask=_ROW_MASK
        )
    for name, given in _HALF.items():
        made = partial(getattr(nn, name), dtype=jnp.bfloat16, **given)
        forms[f"{name}-of-float32-in-bfloat16"] = partial(_of_linen, made, _ROWS, 3)
    return forms | _pools() | _embedded_in_linen()


def nnx() -> Forms:
    """Forms of NNX: `LAYER-OPTION`."""
    forms: Forms = {}
    for name, (options, shape) in _LAYERS.items():
        other = {"Dense": "Linear"}.get(name, name)
        for option, given in options.items():
            forms[f"{other}-{option}"] = partial(_of_nnx, other, given, shape)
    for name in ("Conv", "ConvTranspose"):
        for option, given in _CONVOLUTIONS.items():
            forms[f"{name}-{option}"] = partial(_of_nnx, name, given, _IMAGE)
        forms[f"{name}-no-batch"] = partial(_of_nnx, name, {}, (5, 2))
    masked = {"BatchNorm": {"use_running_average": False}, "LayerNorm": {}, "RMSNorm": {}}
    for name, given in masked.items():
        forms[f"{name}-masked"] = partial(_of_nnx, name, given, _ROWS, mask=_ROW_MASK)
    for name, given in _HALF.items():
        half = {"dtype": jnp.bfloat16, **given}
        forms[f"{name}-of-float32-in-bfloat16"] = partial(_of_nnx, name, half, _ROWS, 3)
    for name, (use, shape) in _attentions("flax.nnx.dot_product_attention").items():
        forms[name] = partial(use, shape)
    return forms | _embedded_in_nnx() | _wrapped()


def _of_linen(
    made: Callable[..., Any], shape: tuple[int, ...], divisor: int = 1, **options: Any
) -> Any:
    rngs = {"params": jax.random.key(0), "dropout": jax.random.key(1)}
    output, variables = made().init_with_output(rngs, _input(shape) / divisor, **options)
    return output, variables


def _input(shape: tuple[int, ...]) -> Any:
    return whole(*shape) % 7


def _of_nnx(
    name: str, given: dict[str, Any], shape: tuple[int, ...], divisor: int = 1, **options: Any
) -> Any:
    sizes: dict[str, tuple[Any, ...]] = {
        "Linear": (shape[-1], 2),
        "Conv": (2, 4, (3,)),
        "ConvTranspose": (2, 4, (3,)),
        "Dropout": (),
    }
    kernels = {"kernel_init": _ONES} if name in ("Linear", "Conv", "ConvTranspose") else {}
    module = of_nnx(name)(
        *sizes.get(name, (shape[-1],)), rngs=of_nnx("Rngs")(0), **kernels, **given
    )
    output = module(_input(shape) / divisor, **options)
    return output, sorted(
        f"{path} {leaf.dtype}{list(leaf.shape)}"
        for path, leaf in (
            (jax.tree_util.keystr(path), leaf)
            for path, leaf in jax.tree_util.tree_flatten_with_path(of_nnx("state")(module))[0]
        )
        if jnp.issubdtype(leaf.dtype, jnp.floating)
    )


def _attentions(name: str) -> dict[str, tuple[Callable[..., Any], tuple[int, ...]]]:
    """The function `dot_product_attention` with each option."""

    def attended(shape: Any, **options: Any) -> Any:
        x = (whole(*shape) % 5) / 4
        return needed(name)(x, x, x, **options)

    whole_mask = jnp.tril(jnp.ones((1, 1, 3, 3), bool))
    options: dict[str, dict[str, Any]] = {
        "plain": {},
        "masked": {"mask": whole_mask},
        "masked-all": {"mask": jnp.zeros((1, 1, 3, 3), bool)},
        "biased": {"bias": jnp.arange(9.0).reshape(1, 1, 3, 3)},
        "causal": {"is_causal": True},
        "in-bfloat16": {"dtype": jnp.bfloat16},
        "dropped": {
            "dropout_rate": 0.5,
            "dropout_rng": jax.random.key(0),
            "deterministic": False,
        },
        "dropped-each": {
            "dropout_rate": 0.5,
            "dropout_rng": jax.random.key(0),
            "deterministic": False,
            "broadcast_dropout": False,
        },
    }
    shape = (1, 3, 2, 4)
    return {f"attention-{n}": (partial(attended, **given), shape) for n, given in options.items()}


def _pools() -> Forms:
    forms: Forms = {}
    given: dict[str, dict[str, Any]] = {
        "plain": {},
        "same": {"padding": "SAME"},
        "pairs": {"padding": ((1, 0),)},
        "strides": {"strides": (2,)},
    }
    for name in ("avg_pool", "max_pool"):
        for option, options in given.items():
            forms[f"{name}-{option}"] = partial(
                lambda n, o: getattr(nn, n)(_input((1, 5, 2)), (2,), **o), name, options
            )
        forms[f"{name}-no-batch"] = partial(lambda n: getattr(nn, n)(_input((5, 2)), (2,)), name)
        forms[f"{name}-whole-numbers"] = partial(
            lambda n: getattr(nn, n)(_input((1, 5, 2)).astype(jnp.int32), (2,)), name
        )
    forms["avg_pool-inside"] = lambda: nn.avg_pool(
        _input((1, 5, 2)), (2,), padding="SAME", count_include_pad=False
    )
    return forms


_WORDS = {"first": [0, 2], "too-far": [0, 5], "negative": [-1, 0]}


def _embedded_in_linen() -> Forms:
    def used(count: int, words: list[int]) -> Any:
        table = nn.Embed(count, 2, embedding_init=_ONES)
        return table.init_with_output(jax.random.key(0), jnp.array(words))[0]

    def attended() -> Any:
        table = nn.Embed(3, 2, embedding_init=_ONES)
        return table.init_with_output(jax.random.key(0), whole(3, 2), method="attend")[0]

    forms: Forms = {
        f"Embed-{name}-of-{count}": partial(used, count, words)
        for name, words in _WORDS.items()
        for count in (1, 3)
    }
    return forms | {"Embed-attended": attended}


def _embedded_in_nnx() -> Forms:
    def table(count: int) -> Any:
        return of_nnx("Embed")(count, 2, embedding_init=_ONES, rngs=of_nnx("Rngs")(0))

    forms: Forms = {
        f"Embed-{name}-of-{count}": partial(lambda c, w: table(c)(jnp.array(w)), count, words)
        for name, words in _WORDS.items()
        for count in (1, 3)
    }
    return forms | {
        "Embed-attended": lambda: table(3).attend(whole(3, 2)),
        "Embed-of-floats": lambda: table(3)(jnp.array([0.0, 1.0])),
    }


def _wrapped() -> Forms:
    """Layers around layers, and attention with its options."""

    def linear(**options: Any) -> Any:
        return of_nnx("Linear")(4, 4, kernel_init=_ONES, rngs=of_nnx("Rngs")(0), **options)

    def attention(*given: Any, call: Any = None, **options: Any) -> Any:
        made = of_nnx("MultiHeadAttention")(
            *(2, 4), **{"decode": False, **options}, kernel_init=_ONES, rngs=of_nnx("Rngs")(0)
        )
        return made(*given, **(call or {}))

    def decoded() -> Any:
        made = of_nnx("MultiHeadAttention")(
            *(2, 4), decode=True, kernel_init=_ONES, rngs=of_nnx("Rngs")(0)
        )
        made.init_cache((1, 3, 4))
        return made(x[:, :1]), made.cache_index.value

    def general(*sizes: Any, **options: Any) -> Any:
        made = of_nnx("LinearGeneral")(*sizes, kernel_init=_ONES, rngs=of_nnx("Rngs")(0), **options)
        return made(whole(3, 4)), made.kernel.value

    def metric(name: str, *made: Any, **values: Any) -> Any:
        each = needed(name)(*made)
        empty = each.compute()
        each.update(**values)
        return empty, each.compute()

    x = (whole(1, 3, 4) % 5) / 4
    two = jnp.array([[0.2, 0.8], [0.6, 0.4]])
    return {
        "SpectralNorm": lambda: of_nnx("SpectralNorm")(linear(), rngs=of_nnx("Rngs")(0))(x[0]),
        "WeightNorm": lambda: of_nnx("WeightNorm")(linear(), rngs=of_nnx("Rngs")(0))(x[0]),
        "PReLU": lambda: of_nnx("PReLU")()(x[0] - 1),
        "attention-layer": lambda: attention(x),
        "attention-layer-masked": lambda: attention(x, call={"mask": jnp.ones((1, 1, 3, 3), bool)}),
        "attention-layer-of-two": lambda: attention(x, x[:, :2]),
        "attention-layer-of-others": lambda: attention(x, jnp.ones((1, 2, 6)), in_kv_features=6),
        "attention-layer-normalised": lambda: attention(x, normalize_qk=True),
        "attention-layer-wider": lambda: attention(x, qkv_features=8, out_features=3),
        "attention-layer-decoded": decoded,
        "attention-layer-decode-not-told": lambda: attention(x, decode=None),
        "LinearGeneral-two": lambda: general(4, (2, 3)),
        "LinearGeneral-first": lambda: general(3, 2, axis=0),
        "LinearGeneral-batch": lambda: general(4, 2, batch_axis={0: 3}),
        "Einsum-in-bfloat16": lambda: of_nnx("Einsum")(
            "ab,bc->ac", (4, 2), kernel_init=_ONES, rngs=of_nnx("Rngs")(0)
        )(x[0].astype(jnp.bfloat16)),
        "metric-Average": lambda: metric("flax.nnx.metrics.Average", values=jnp.arange(4)),
        "metric-Average-masked": lambda: metric(
            "flax.nnx.metrics.Average", values=jnp.arange(4.0), mask=jnp.array([1, 1, 0, 0], bool)
        ),
        "metric-Welford": lambda: metric("flax.nnx.metrics.Welford", values=jnp.arange(4.0)),
        "metric-Accuracy": lambda: metric(
            "flax.nnx.metrics.Accuracy", logits=two, labels=jnp.array([1, 1])
        ),
        "metric-Accuracy-threshold": lambda: metric(
            "flax.nnx.metrics.Accuracy", 0.5, logits=two[0], labels=jnp.array([0, 1])
        ),
    }
