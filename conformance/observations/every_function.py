"""Public functions of arrays, each mapped over arrays of every dtype and rank, and of whole numbers.

What a release refuses, or gives in another dtype, of arguments that few tests give: truth values, small and
unsigned whole numbers, complex numbers, arrays of no, of two and of three dimensions, none at all.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from conformance.observations.call_forms import Forms
from conformance.observations.record import needed

_OF_ONE = {
    "jax.numpy": """
        abs all any angle arccos arcsin arctan argmax argmin argsort around atleast_2d average bincount
        bitwise_count cbrt ceil conj corrcoef count_nonzero cov cumprod cumsum cumulative_sum deg2rad
        diag diagflat diagonal diff ediff1d exp exp2 expm1 fabs flip floor frexp gradient histogram i0
        imag invert isfinite isneginf isreal isscalar log log10 log1p max mean median min modf
        nan_to_num nanargmax nancumsum nanmax nanmean nanmedian nanstd nansum negative nonzero packbits
        poly polyder polyint prod ptp ravel real reciprocal rint roots rot90 round sign signbit sin sinc
        sort sort_complex spacing sqrt square squeeze std sum tan tanh trace transpose trapezoid tril
        triu triu_indices_from trunc unique unpackbits unwrap vander var
    """,
    "jax.numpy.fft": "fft fft2 fftn fftshift hfft ifft ihfft irfft irfftn rfft rfftn",
    "jax.numpy.linalg": """
        cholesky cond det eig eigh eigvals eigvalsh inv matrix_norm matrix_rank norm pinv qr slogdet
        svd svdvals vector_norm
    """,
    "jax.nn": """
        celu elu gelu glu hard_sigmoid hard_tanh leaky_relu log_sigmoid log_softmax logsumexp relu
        relu6 selu sigmoid silu soft_sign softmax softplus squareplus standardize
    """,
    "jax.lax": """
        bessel_i0e clz cumlogsumexp cummax cumprod digamma erf is_finite lgamma logistic neg
        population_count round rsqrt sign sort square top_k
    """,
    "jax.scipy.fft": "dct dctn idct idctn",
    "jax.scipy.linalg": "block_diag expm hankel polar schur sqrtm toeplitz",
    "jax.scipy.signal": "detrend stft welch",
    "jax.scipy.special": """
        bernoulli digamma entr erf erfc erfinv exp1 expi expit factorial fresnel gamma gammaln gammasgn
        i0 i1e log_ndtr logit logsumexp ndtr ndtri spence
    """,
    "jax.scipy.stats": "mode rankdata sem",
}
_OF_TWO = {
    "jax.numpy": """
        add append arctan2 array_equal bitwise_and bitwise_left_shift choose convolve copysign cross
        digitize divide divmod dot equal float_power floor_divide fmax fmin fmod full_like gcd heaviside
        hypot inner isclose isin kron lcm ldexp left_shift less linspace logaddexp logical_and logspace
        matmul maximum mod multiply nextafter outer percentile polyadd polymul polyval power quantile
        remainder right_shift roll searchsorted setdiff1d subtract take take_along_axis tensordot
        true_divide union1d unravel_index vdot vecdot where
    """,
    "jax.numpy.linalg": "cross lstsq matrix_power outer solve vecdot",
    "jax.lax": "atan2 complex div dot igamma max mul nextafter pow rem shift_left sort_key_val zeta",
    "jax.scipy.linalg": "solve solve_triangular",
    "jax.scipy.signal": "convolve correlate fftconvolve",
    "jax.scipy.special": """
        beta betaln expn gammainc gammaincc kl_div poch polygamma rel_entr xlog1py xlogy zeta
    """,
}
_SECOND = {"matrix_power": 2, "unravel_index": (2, 4), "quantile": 0.5, "percentile": 50}
"""What is given as second argument where it is no array."""
_DTYPES = ("bool", "int32", "uint8", "bfloat16", "complex64")
_SHAPES = {"number": (), "none": (0,), "matrix": (2, 2), "cube": (2, 2, 2)}
_OPTIONS: dict[str, dict[str, Any]] = {
    "last-axis": {"axis": -1},
    "no-axis": {"axis": None},
    "two-axes": {"axis": (0, 1)},
    "axis-too-far": {"axis": 5},
    "dimensions-kept": {"axis": 0, "keepdims": True},
    "where-given-numbers": {"where": np.array([[1, 0], [1, 1]])},
    "dtype-given": {"dtype": jnp.bfloat16},
    "dtype-given-truth": {"dtype": bool},
}
_WITH_OPTIONS = {
    "jax.numpy": """
        all any argmax argmin argsort average count_nonzero cumprod cumsum diff flip max mean median
        min nanmax nanmean nanstd nansum nonzero packbits prod ptp roll sort squeeze std sum trapezoid
        unique unwrap var zeros_like
    """,
    "jax.numpy.fft": "fft fftn fftshift irfft rfft",
    "jax.numpy.linalg": "norm vector_norm",
    "jax.nn": "glu log_softmax logsumexp softmax standardize",
    "jax.scipy.fft": "dct dctn",
    "jax.scipy.special": "logsumexp softmax",
    "jax.scipy.stats": "mode rankdata sem",
}
_WHOLE = np.array([[-5, -1, 0, 1, 3, 120], [7, -8, 2, 2, -127, 64]], np.int32)
_OTHER = np.array([[3, 2, 5, -1, 1, 2], [1, 2, 3, 4, 5, 6]], np.int32)


class _Weak(jax.ShapeDtypeStruct):
    """Of releases whose ShapeDtypeStruct has no weak type, one that has."""

    weak_type = True


def vmapped() -> Forms:
    """Of `jax.vmap`: by what is given, and the function's name.

    `of-int32-numpy.sum` and `of-matrix-numpy.sum` are traced, as is `numpy.sum-last-axis`, of matrices;
    `whole-int32-numpy.sum` is computed.
    """
    forms: Forms = {}
    for name in _names(_OF_ONE, _OF_TWO):
        second = name.rpartition(".")[2] in _words(_OF_TWO)
        for dtype in _DTYPES:
            forms[f"of-{dtype}-{_short(name)}"] = partial(_traced, name, dtype, (3,), second, {})
        for kind, shape in _SHAPES.items():
            forms[f"of-{kind}-{_short(name)}"] = partial(
                _traced, name, "float32", shape, second, {}
            )
        for dtype in _computed(name):
            forms[f"whole-{dtype}-{_short(name)}"] = partial(_whole, name, dtype, second)
    for name in _names(_WITH_OPTIONS):
        for kind, options in _OPTIONS.items():
            call = partial(_traced, name, "float32", (2, 2), False, options)
            forms[f"{_short(name)}-{kind}"] = call
    return forms


def _computed(name: str) -> tuple[str, ...]:
    """Dtypes of what is computed: of special functions, which are slow to compile, none."""
    if ".special." in name:
        return ()
    return ("int32", "uint8") if name.startswith("jax.numpy.") else ("int32",)


def _names(*lists: dict[str, str]) -> Iterator[str]:
    for each in lists:
        for module, names in each.items():
            yield from (f"{module}.{name}" for name in names.split())


def _words(lists: dict[str, str]) -> frozenset[str]:
    return frozenset(name for names in lists.values() for name in names.split())


def _short(name: str) -> str:
    return name.removeprefix("jax.")


def _traced(
    name: str, dtype: str, shape: tuple[int, ...], second: bool, options: dict[str, Any]
) -> Any:
    """The shapes, dtypes and weak types of the map over two examples."""
    x = jax.ShapeDtypeStruct((2, *shape), jnp.dtype(dtype))
    return _types(_use(name, options), *_arguments(name, x, x if second else None))


def _use(name: str, options: dict[str, Any]) -> Any:
    last = name.rpartition(".")[2]
    function = needed(name)
    fixed = (
        {"size": 2, **options} if last in ("nonzero", "unique", "setdiff1d", "union1d") else options
    )
    if last == "top_k":
        return lambda x: function(x, 1)
    if last in _SECOND:
        return lambda x: function(x, _SECOND[last], **fixed)
    return partial(function, **fixed)


def _arguments(name: str, x: Any, y: Any) -> tuple[Any, ...]:
    last = name.rpartition(".")[2]
    match last:
        case _ if y is None or last in _SECOND:
            return (x,)
        case "where":
            return x, y, y
        case "choose" | "take_along_axis":
            return y, x
    return x, y


def _types(function: Any, *given: Any) -> Any:
    jaxpr, tree = jax.make_jaxpr(jax.vmap(function), return_shape=True)(*given)
    return jax.tree_util.tree_unflatten(
        jax.tree_util.tree_structure(tree), [_typed(aval) for aval in jaxpr.out_avals]
    )


def _typed(aval: Any) -> Any:
    weak = bool(getattr(aval, "weak_type", False))
    if hasattr(jax.ShapeDtypeStruct, "weak_type"):
        return jax.ShapeDtypeStruct(aval.shape, aval.dtype, weak_type=weak)
    return (_Weak if weak else jax.ShapeDtypeStruct)(aval.shape, aval.dtype)


def _whole(name: str, dtype: str, second: bool) -> Any:
    """What is computed of whole numbers: negative ones, zero and some that nearly overflow."""
    x, y = (jnp.asarray(numbers.astype(dtype)) for numbers in (_WHOLE, _OTHER))
    return jax.jit(jax.vmap(_use(name, {})))(*_arguments(name, x, y if second else None))
