"""Functions of arrays of one example, to be traced under maps: indices, sorts, sums, windows, dtypes."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from conformance.observations.derived_functions import Function
from conformance.observations.record import needed

lax = jax.lax


def functions() -> dict[str, Function]:
    """By name, functions of `a`, `i` and `w`, as those of `mapped_functions`."""
    return {
        **_named(),
        **_indexed(),
        **_with_options(),
        **_rearranged(),
        **_of_windows(),
        **_of_none(),
        **_of_types(),
    }


_OF_ONE = {
    "jax.numpy": "argsort cumprod diff flatnonzero gradient i0 median nanmax nanmean nanstd nonzero"
    " packbits ptp trapezoid unique unwrap vander var",
    "jax.nn": "gelu glu log_softmax standardize",
    "jax.scipy.special": "digamma erfinv exp1 expi gamma ndtri spence",
    "jax.lax": "cumlogsumexp cummin population_count",
    "jax.numpy.fft": "fft fftshift hfft irfft rfft",
}
_OF_TWO = {
    "jax.numpy": "append convolve correlate digitize divmod floor_divide gcd inner interp isin kron"
    " logaddexp polymul polyval remainder searchsorted setdiff1d take union1d vdot",
    "jax.scipy.special": "betaln gammainc kl_div xlogy zeta",
    "jax.lax": "igamma nextafter random_gamma_grad",
}
_SIZED = frozenset({"flatnonzero", "nonzero", "unique", "setdiff1d", "union1d"})
_WHOLE = frozenset({"gcd", "packbits", "population_count", "take"})


def _named() -> dict[str, Function]:
    forms: dict[str, Function] = {}
    for module, names in _OF_ONE.items():
        for name in names.split():
            forms[f"{module.split('.', 1)[1]}-{name}"] = _of_one(module, name)
    for module, names in _OF_TWO.items():
        for name in names.split():
            forms[f"{module.split('.', 1)[1]}-{name}-with-shared"] = _of_two(module, name)
    return forms


def _of_one(module: str, name: str) -> Function:
    options: dict[str, Any] = {"size": 2} if name in _SIZED else {}

    def function(a: Any, i: Any, w: Any) -> Any:
        given: Any = a.astype(jnp.int32) if name in _WHOLE else a / 16
        given = jnp.concatenate([given, given[:1]]) if name == "glu" else given
        return needed(f"{module}.{name}")(given, **options)

    return function


def _of_two(module: str, name: str) -> Function:
    options: dict[str, Any] = {"size": 2} if name in _SIZED else {}

    def function(a: Any, i: Any, w: Any) -> Any:
        other = (w.astype(jnp.int32) if name in _WHOLE else w,) * (2 if name == "interp" else 1)
        first = a.astype(jnp.int32) if name == "gcd" else a
        return needed(f"{module}.{name}")(first, *other, **options)

    return function


def _indexed() -> dict[str, Function]:
    forms: dict[str, Function] = {}
    for mode in ("clip", "drop", "fill", "wrap", "promise_in_bounds"):
        forms[f"taken-{mode}"] = lambda a, i, w, mode=mode: (
            a.at[i].get(mode=mode),
            w.at[i[None]].get(mode=mode),
        )
        forms[f"set-{mode}"] = lambda a, i, w, mode=mode: (
            a.at[i].set(a[0], mode=mode),
            w.at[i].add(a[0], mode=mode),
        )
    for name in ("add", "multiply", "divide", "min", "max", "power", "subtract"):
        forms[f"updated-by-{name}"] = lambda a, i, w, name=name: (
            getattr(a.at[jnp.array([0, 0])], name)(w[:2]),
            getattr(w.at[i], name)(a[0]),
        )
    for dtype in ("int8", "uint8", "int16"):
        forms[f"indexed-by-{dtype}"] = lambda a, i, w, dtype=dtype: (
            w[i.astype(dtype)],
            jnp.zeros((300, 2)).at[299, i.astype(dtype)].set(a[0]),
            jnp.arange(600.0).reshape(300, 2)[299, i.astype(dtype)],
        )
    return forms | {
        "indexed-by-truth": lambda a, i, w: jnp.where(a > 2, w, 0)[jnp.array([True, False, True])],
        "indexed-by-two": lambda a, i, w: jnp.outer(a, w)[i, jnp.array([0, 1])],
        "indexed-apart": lambda a, i, w: jnp.stack([jnp.outer(a, w)] * 2)[:, i, jnp.array([0])],
        "index-in-a-dimension": lambda a, i, w: (
            lax.dynamic_index_in_dim(w, i, keepdims=False),
            lax.dynamic_index_in_dim(a, 5, keepdims=False),
        ),
        "slice-in-a-dimension": lambda a, i, w: lax.dynamic_slice_in_dim(w, i, 2),
        "update-in-a-dimension": lambda a, i, w: (
            lax.dynamic_update_index_in_dim(w, a[0], i, 0),
            lax.dynamic_update_slice(w, a[:2], (i,)),
            lax.dynamic_update_slice(a, w[:2], (1,)),
        ),
        "taken-along": lambda a, i, w: jnp.take_along_axis(a, jnp.argsort(w), 0),
        "put-along": lambda a, i, w: jnp.put_along_axis(a, jnp.array([1]), w[:1], 0, inplace=False),
        "chosen": lambda a, i, w: jnp.choose(i, [a, w, a], mode="wrap"),
        "selected-n": lambda a, i, w: lax.select_n(i > 0, a, w),
        "segments": lambda a, i, w: jax.ops.segment_sum(a, jnp.array([0, 1, 0]), 2),
        "segments-that-are-mapped": lambda a, i, w: jax.ops.segment_max(
            w, jnp.stack([i, i, i]) % 2, 2
        ),
        "counted-in-bins": lambda a, i, w: (
            jnp.bincount(a.astype(jnp.int32), length=4),
            jnp.histogram(a, bins=3)[0],
        ),
    }


def _with_options() -> dict[str, Function]:
    return {
        "sum-where": lambda a, i, w: jnp.sum(a, where=a > 2, initial=1),
        "max-where": lambda a, i, w: jnp.max(a, where=w > 2, initial=0),
        "mean-where": lambda a, i, w: jnp.mean(a, where=w > 1),
        "softmax-where": lambda a, i, w: jax.nn.softmax(a, where=w > 1),
        "logsumexp-weighted": lambda a, i, w: jax.scipy.special.logsumexp(a, b=w, return_sign=True),
        "logsumexp-where": lambda a, i, w: jax.nn.logsumexp(a, where=a > 2),
        "sorted-by-two-keys": lambda a, i, w: lax.sort((a, w, a), num_keys=2),
        "sorted-with-shared": lambda a, i, w: lax.sort((w, a), num_keys=1),
        "sorted-down": lambda a, i, w: jnp.sort(a, descending=True, stable=True),
        "sorted-lexically": lambda a, i, w: jnp.lexsort((a, w)),
        "sorted-in-parts": lambda a, i, w: (jnp.partition(a, 1), jnp.argpartition(a, 1)),
        "sorted-by-argument-times": lambda a, i, w: jnp.argsort(a) * a,
        "top-approximately": lambda a, i, w: lax.approx_max_k(a, 2),
        "quantiles": lambda a, i, w: jnp.quantile(a, jnp.array([0.2, 0.5])),
        "quantiles-that-are-mapped": lambda a, i, w: jnp.percentile(w, a, method="nearest"),
        "products-in-words": lambda a, i, w: (
            jnp.einsum("i,j->ji", a, w),
            jnp.einsum("i,i->", w, a),
        ),
        "product-of-whole-numbers": lambda a, i, w: lax.dot(
            *[jnp.int8(1) * x.astype(jnp.int8) for x in (a, w)], preferred_element_type=jnp.int32
        ),
        "product-in-two-bytes": lambda a, i, w: jnp.dot(
            a.astype(jnp.bfloat16), w.astype(jnp.bfloat16), preferred_element_type=jnp.float32
        ),
        "product-in-fewer-bytes": lambda a, i, w: jnp.dot(
            a, w, preferred_element_type=jnp.bfloat16
        ),
        "product-of-a-batch": lambda a, i, w: lax.dot_general(
            jnp.outer(a, w), jnp.outer(w, a), (((1,), (1,)), ((0,), (0,)))
        ),
        "product-in-parts": lambda a, i, w: needed("jax.lax.ragged_dot")(
            jnp.outer(a, w), jnp.stack([jnp.outer(w, a)] * 2), jnp.array([2, 1])
        ),
    }


def _rearranged() -> dict[str, Function]:
    return {
        "scanned-associatively": lambda a, i, w: lax.associative_scan(jnp.add, a, reverse=True),
        "reduced-by-own": lambda a, i, w: lax.reduce(a, 0.0, lambda x, y: x + y, (0,)),
        "reduced-precision": lambda a, i, w: lax.reduce_precision(a, 5, 2),
        "accumulated": lambda a, i, w: (jnp.add.accumulate(a), jnp.add.reduce(a)),
        "cosines": lambda a, i, w: (jax.scipy.fft.dct(a), jax.scipy.fft.idct(a, n=5)),
        "added-by-ufunc-at": lambda a, i, w: jnp.add.at(a, jnp.array([0, 1]), w[:2], inplace=False),
        "interpolated": lambda a, i, w: jnp.interp(a, w, a, period=4),
        "padded-as-edge": lambda a, i, w: (
            jnp.pad(a, (1, 2), "reflect"),
            jnp.pad(a, [1, 2], "edge"),
            jnp.pad(a, (1, 2), constant_values=(3, 4)),
            lax.pad(w, a[0], [(1, 2, 1)]),
            lax.pad(a, 0.0, [(-1, 2, 1)]),
        ),
        "inserted": lambda a, i, w: (jnp.insert(a, 1, w[0]), jnp.delete(a, 1)),
        "resized": lambda a, i, w: jax.image.resize(jnp.outer(a, w), (2, 5), "linear"),
        "coordinates-mapped": lambda a, i, w: jax.scipy.ndimage.map_coordinates(w, [a], 1),
        "polynomial-roots": lambda a, i, w: jnp.roots(a, strip_zeros=False),
        "polynomial-fitted": lambda a, i, w: jnp.polyfit(a, w, 1),
        "applied-along": lambda a, i, w: jnp.apply_along_axis(jnp.sort, 0, jnp.outer(a, w)),
        "piecewise": lambda a, i, w: jnp.piecewise(a, [a > 2], [lambda x: 2 * x, 0]),
        "selected-of-several": lambda a, i, w: jnp.select([a > 2, a > 1], [a, w], 0),
        "rolled-by-what-is-mapped": lambda a, i, w: (jnp.roll(a, i), jnp.roll(w, i)),
        "counted-from": lambda a, i, w: (
            a + jnp.arange(1, 4) + lax.broadcasted_iota(a.dtype, (3,), 0)
        ),
        "covariance": lambda a, i, w: (jnp.cov(a, w), jnp.corrcoef(a, w)),
        "beta-incomplete": lambda a, i, w: jax.scipy.special.betainc(a, w, 0.5),
        "polygamma": lambda a, i, w: jax.scipy.special.polygamma(1, a),
        "attention-biased": lambda a, i, w: _attention(a, bias=jnp.zeros((1, 1, 3, 3))),
        "attention-masked": lambda a, i, w: _attention(a, mask=jnp.ones((1, 1, 3, 3), bool)),
        "attention-causal": lambda a, i, w: _attention(a, is_causal=True),
        "hot": lambda a, i, w: jax.nn.one_hot(jnp.stack([i, i]), 3, axis=0),
    }


def _attention(a: Any, **options: Any) -> Any:
    x = jnp.tile(a[None, :, None, None], (1, 1, 1, 2))
    return needed("jax.nn.dot_product_attention")(x, x, x, **options)


def _of_windows() -> dict[str, Function]:
    """Convolutions and windows, with the options that their rules move about."""

    def convolved(x: Any, kernel: Any, strides: Any = (1,), padding: Any = "SAME", **o: Any) -> Any:
        return lax.conv_general_dilated(
            x, kernel, strides, padding, dimension_numbers=("NWC", "WIO", "NWC"), **o
        )

    def signal(a: Any) -> Any:
        return jnp.outer(a, jnp.ones(4))[None]

    def kernel(w: Any, channels: int, out: int) -> Any:
        return jnp.tile(w[:2, None, None], (1, channels, out))

    return {
        "convolved-with-shared": lambda a, i, w: convolved(signal(a), kernel(w, 4, 2)),
        "convolved-shared-with": lambda a, i, w: convolved(signal(w), kernel(a, 4, 2)),
        "convolved-in-groups": lambda a, i, w: convolved(
            signal(a), kernel(w, 2, 4), feature_group_count=2
        ),
        "convolved-in-groups-of-the-batch": lambda a, i, w: convolved(
            jnp.concatenate([signal(a)] * 2), kernel(w, 4, 4), batch_group_count=2
        ),
        "convolved-dilated": lambda a, i, w: convolved(
            signal(a), kernel(w, 4, 2), lhs_dilation=(2,), rhs_dilation=(2,)
        ),
        "convolved-with-steps": lambda a, i, w: convolved(
            signal(a), kernel(a, 4, 2), (2,), [(1, 2)]
        ),
        "convolved-wider": lambda a, i, w: convolved(
            signal(a).astype(jnp.bfloat16),
            kernel(w, 4, 2).astype(jnp.bfloat16),
            preferred_element_type=jnp.float32,
        ),
        "convolved-back": lambda a, i, w: lax.conv_transpose(
            signal(a), kernel(w, 4, 2), (2,), "SAME", dimension_numbers=("NWC", "WIO", "NWC")
        ),
        "patches": lambda a, i, w: lax.conv_general_dilated_patches(
            signal(a), (2,), (1,), "SAME", dimension_numbers=("NWC", "WIO", "NWC")
        ),
        "window-largest": lambda a, i, w: lax.reduce_window(
            a, -jnp.inf, lax.max, (2,), (1,), "SAME", window_dilation=(2,)
        ),
        "window-dilated": lambda a, i, w: lax.reduce_window(
            a, 0.0, lax.add, (2,), (1,), ((1, 1),), base_dilation=(2,)
        ),
        "window-of-two": lambda a, i, w: lax.reduce_window(
            (a, a),
            (0.0, 1.0),
            lambda x, y: (x[0] + y[0], x[1] * y[1]),
            *((2,), (1,), "VALID"),
        ),
    }


def _of_none() -> dict[str, Function]:
    """Of arrays without an element."""
    forms: dict[str, Function] = {}
    reductions = "sum prod any all cumsum cumprod sort argsort flip unwrap std var mean median"
    for name in reductions.split():
        forms[f"{name}-of-none"] = lambda a, i, w, name=name: getattr(jnp, name)(a[:0])
    return forms | {
        "max-of-none": lambda a, i, w: jnp.max(a[:0], initial=0),
        "product-of-none": lambda a, i, w: jnp.outer(a, w)[:, :0] @ jnp.outer(w, a)[:0],
        "loop-of-none": lambda a, i, w: lax.scan(lambda c, x: (c + x, c), a[0], a[:0]),
        "map-of-none": lambda a, i, w: lax.map(lambda x: 2 * x, a[:0]),
        "map-within-of-none": lambda a, i, w: jax.vmap(lambda x: 2 * x)(a[:0]),
        "gathered-none": lambda a, i, w: a[jnp.zeros(0, jnp.int32)],
        "scattered-none": lambda a, i, w: a.at[jnp.zeros(0, jnp.int32)].add(1),
        "gathered-none-from-none": lambda a, i, w: (
            a[:0][jnp.zeros(0, jnp.int32)],
            lax.gather(
                a[:0],
                np.zeros((0, 1), np.int32),
                lax.GatherDimensionNumbers((), (0,), (0,)),
                (1,),
            ),
        ),
        "taken-from-none": lambda a, i, w: jnp.take(a[:0], jnp.zeros(0, jnp.int32)),
        "sliced-to-none": lambda a, i, w: lax.dynamic_slice(a, (i,), (0,)),
        "expanded-of-one": lambda a, i, w: (a[:1][:, None], a[:1] * a[None, :1], a[:1].sum()),
        "convolved-none": lambda a, i, w: jnp.zeros((0, 3)) @ jnp.outer(a, w),
        "fourier-of-none": lambda a, i, w: jnp.fft.fft(a[:0]),
    }


def _of_types() -> dict[str, Function]:
    """What becomes of dtypes and weak types."""
    forms: dict[str, Function] = {}
    for dtype in ("bool", "int8", "uint8", "bfloat16", "float16", "complex64"):
        forms[f"times-number-as-{dtype}"] = lambda a, i, w, dtype=dtype: (
            a.astype(dtype) * 2,
            a.astype(dtype) * w,
            jnp.full_like(a, 1, dtype=dtype),
        )
    for dtype in ("int8", "bfloat16", "complex64", "float8_e4m3fn", "int4"):
        forms[f"summed-as-{dtype}"] = lambda a, i, w, dtype=dtype: (
            jnp.sum(a.astype(dtype)),
            jnp.cumsum(a.astype(dtype)),
            jnp.mean(a.astype(dtype)),
        )
    return forms | {
        "viewed-as-whole-numbers": lambda a, i, w: (a.view(jnp.int32), a.view(jnp.uint8)),
        "viewed-as-complex": lambda a, i, w: jnp.stack([a, a], -1).view(jnp.complex64),
        "viewed-as-floats": lambda a, i, w: a.astype(jnp.complex64).view(jnp.float32),
        "viewed-as-is": lambda a, i, w: a.view(None),
        "cast-by-bits": lambda a, i, w: lax.bitcast_convert_type(a, jnp.int16),
        "weak": lambda a, i, w: (jnp.asarray(1.0) * i, jnp.where(i > 0, 1, 2.5), 2 * a[0]),
        "index-of-the-largest": lambda a, i, w: lax.argmax(a, 0, np.dtype("int16")),
    }
