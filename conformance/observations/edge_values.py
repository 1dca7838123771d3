"""What functions of a number give, and their derivatives, at zero, at infinity and where they overflow."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from conformance.observations.call_forms import Forms
from conformance.observations.record import needed

_POINTS = np.array(
    [
        *(0.0, -0.0, 1.0, -1.0, 0.5, 1e-30, -1e-30, 1e-5, 10.0, -10.0, 100.0, -100.0),
        *(1e30, -1e30, np.inf, -np.inf, np.nan),
    ],
    np.float32,
)
_DERIVED = {
    "jax.numpy": "abs arctan cbrt cosh exp exp2 expm1 log log1p reciprocal sign sinc sqrt tanh",
    "jax.nn": "celu elu gelu log_sigmoid relu6 sigmoid silu softplus",
    "jax.scipy.special": "erf erfc expit log_ndtr logit ndtr",
}
"""Of one number, with derivatives."""
_OF_ONE = {
    "jax.numpy": """
        arccosh arcsin arcsinh arctanh ceil floor i0 log10 log2 nan_to_num rint sinh spacing square
        tan trunc
    """,
    "jax.nn": "hard_sigmoid hard_tanh leaky_relu log1mexp mish selu soft_sign sparse_plus squareplus",
    "jax.scipy.special": """
        digamma entr erfcx erfinv factorial gamma gammaln gammasgn i0e i1 i1e ndtri sici
        spence
    """,
}
"""Without `exp1` and `expi`, which do not end: `docs/findings/exponential-integral-of-an-array.py`."""
_OF_TWO = {
    "jax.numpy": """
        arctan2 copysign divide divmod float_power floor_divide fmax fmin fmod heaviside hypot isclose
        logaddexp logaddexp2 maximum minimum nextafter power remainder
    """,
    "jax.scipy.special": """
        betaln kl_div poch rel_entr xlog1py xlogy zeta
    """,
}


def vmapped() -> Forms:
    """Of `jax.vmap`: `at-edges-NAME` of each function: its values, and its derivative, at every edge."""
    derived, ones, twos = (
        [f"{m}.{n}" for m, names in of.items() for n in names.split()]
        for of in (_DERIVED, _OF_ONE, _OF_TWO)
    )
    forms: Forms = {"at-edges-betainc": _beta, **_singular(), **_parted()}
    for functions, of in ((derived, _derived), (ones, _of_one), (twos, _of_two)):
        forms |= {f"at-edges-{n.rpartition('.')[2]}": partial(of, n) for n in functions}
    return forms


def _singular() -> Forms:
    """What is solved, inverted and factored of matrices that are singular, and of one that is not."""
    matrices = np.array([[[1, 1], [0, 0]], [[0, 0], [0, 0]], [[2, 0], [0, 4]]], np.float32)
    uses = {
        "solved": lambda x: jnp.linalg.solve(x, jnp.ones(2)),
        "solved-triangular": lambda x: jax.scipy.linalg.solve_triangular(x, jnp.ones(2)),
        "inverse": jnp.linalg.inv,
        "cholesky": jnp.linalg.cholesky,
        "determinant": jnp.linalg.slogdet,
        "determinant-gradient": jax.grad(jnp.linalg.det),
        "least-squares": lambda x: jnp.linalg.lstsq(x, jnp.ones(2))[0],
        "pseudo-inverse": jnp.linalg.pinv,
        "rank": jnp.linalg.matrix_rank,
        "exponential": jax.scipy.linalg.expm,
    }
    return {
        f"at-edges-{name}": partial(lambda use: jax.jit(jax.vmap(use))(matrices), use)
        for name, use in uses.items()
    }


def _parted() -> Forms:
    """What takes numbers apart and puts them together, and rounds them, with its derivative."""
    few = _POINTS[[0, 2, 3, 4, 6, 7, 8, 9]]
    uses = {
        "mantissa": lambda x: jnp.frexp(x)[0],
        "scaled-by-8": lambda x: jnp.ldexp(x, 3),
        "scaled-far": lambda x: jnp.ldexp(jnp.ldexp(x, -100), 130),
        "fraction": lambda x: jnp.modf(x)[0],
        "rounded-to-10": lambda x: jnp.round(x, -1),
        "rounded-to-50-digits": lambda x: jnp.round(x, 50),
        "by-degree": lambda x: jax.scipy.special.polygamma(1, jnp.abs(x) + 1),
    }
    return {
        f"at-edges-{name}": partial(
            lambda use: jax.jit(jax.vmap(jax.value_and_grad(use)))(few), use
        )
        for name, use in uses.items()
    }


def _derived(name: str) -> Any:
    function = needed(name)
    return jax.jit(jax.vmap(jax.value_and_grad(function)))(_POINTS)


def _of_one(name: str) -> Any:
    function = needed(name)
    return jax.jit(jax.vmap(function))(_POINTS)


def _of_two(name: str) -> Any:
    function = needed(name)
    x, y = (each.ravel() for each in np.meshgrid(_POINTS, _POINTS[[0, 2, 3, 5, 10, 14, 16]]))
    return jax.jit(jax.vmap(function))(x, y)


def _beta() -> Any:
    function = needed("jax.scipy.special.betainc")
    a, x = (
        jnp.asarray(each.ravel())
        for each in np.meshgrid(_POINTS[[0, 2, 4, 5, 7, 8]], [0.0, 0.5, 1.0])
    )
    return jax.jit(jax.vmap(function, (0, None, 0)))(a, 1.0, x.astype(np.float32))
