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
_OF_ONE = {
    "jax.numpy": "abs arctan cbrt cosh exp exp2 expm1 log log1p reciprocal sign sinc sqrt tanh",
    "jax.nn": "celu elu gelu log_sigmoid relu6 sigmoid silu softplus",
    "jax.scipy.special": "erf erfc expit log_ndtr logit ndtr",
}
_OF_TWO = {
    "jax.numpy": "arctan2 divide floor_divide fmod hypot logaddexp maximum power remainder",
    "jax.scipy.special": "xlogy xlog1py rel_entr",
}


def vmapped() -> Forms:
    """Of `jax.vmap`: `at-edges-NAME` of each function: its values, and its derivative, at every edge."""
    ones = [f"{m}.{n}" for m, names in _OF_ONE.items() for n in names.split()]
    twos = [f"{m}.{n}" for m, names in _OF_TWO.items() for n in names.split()]
    forms: Forms = {"at-edges-betainc": _beta, **_singular()}
    for functions, of in ((ones, _of_one), (twos, _of_two)):
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
    }
    return {
        f"at-edges-{name}": partial(lambda use: jax.jit(jax.vmap(use))(matrices), use)
        for name, use in uses.items()
    }


def _of_one(name: str) -> Any:
    function = needed(name)
    return jax.jit(jax.vmap(jax.value_and_grad(function)))(_POINTS)


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
