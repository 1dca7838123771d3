"""The distributions of `jax.scipy.stats`: densities, masses and their sums, at edges, moved and scaled."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from conformance.observations.call_forms import Forms
from conformance.observations.record import needed

_INFINITE = (-np.inf, -1.0, 0.0, 0.25, 1.0, 2.0, 30.0, np.inf, np.nan)
_SHARES = (-1.0, 0.0, 0.1, 0.5, 0.9, 1.0, 2.0)
_CONTINUOUS = "logpdf cdf ppf"
_DISCRETE = "logpmf cdf ppf"
_OF_SHARES = frozenset({"ppf"})
"""Functions of a probability."""
_SCALED: dict[str, tuple[float, ...]] = {
    **dict.fromkeys(("cauchy", "expon", "gumbel_l", "gumbel_r", "laplace", "logistic"), ()),
    **dict.fromkeys(("norm", "uniform"), ()),
    "beta": (2.0, 3.0),
    "chi2": (3.0,),
    "gamma": (2.5,),
    "gennorm": (2.0,),
    "pareto": (3.0,),
    "t": (4.0,),
    "truncnorm": (-2.0, 2.0),
}
"""By distribution its parameters, before a place of 0.25 and a scale of 2."""
_COUNTED: dict[str, tuple[tuple[float, ...], ...]] = {
    "bernoulli": ((0.3,), (0.0,), (1.0,)),
    "betabinom": ((4.0, 1.0, 2.0), (0.0, 1.0, 2.0)),
    "binom": ((4.0, 0.5), (0.0, 0.5), (4.0, 0.0), (4.0, 1.0)),
    "geom": ((0.3,), (1.0,)),
    "nbinom": ((4.0, 0.5), (4.0, 1.0)),
    "poisson": ((2.0,), (0.0,)),
}
"""By distribution several of its parameters, some where it has one value alone."""


def vmapped() -> Forms:
    """Of `jax.vmap`: `stats.DISTRIBUTION.FUNCTION`."""
    forms: Forms = {}
    for name, parameters in _SCALED.items():
        for function in _CONTINUOUS.split():
            made = partial(_of_scaled, f"jax.scipy.stats.{name}.{function}", parameters)
            forms[f"stats.{name}.{function}"] = made
    for name, choices in _COUNTED.items():
        for function in _DISCRETE.split():
            made = partial(_of_counted, f"jax.scipy.stats.{name}.{function}", choices)
            forms[f"stats.{name}.{function}"] = made
    return forms


def _points(name: str) -> Any:
    points = _SHARES if name.rpartition(".")[2] in _OF_SHARES else _INFINITE
    return jnp.array(points, jnp.float32)


def _of_scaled(name: str, parameters: tuple[float, ...]) -> Any:
    function = needed(name)
    mapped = jax.vmap(lambda x: function(x, *parameters, 0.25, 2.0))
    return jax.jit(mapped)(_points(name))


def _of_counted(name: str, choices: tuple[tuple[float, ...], ...]) -> Any:
    function = needed(name)
    each = jax.vmap(lambda x, p: function(x, *p), (0, None))
    of_all = jax.vmap(each, (None, 0))
    return jax.jit(of_all)(_points(name), tuple(jnp.array(p) for p in zip(*choices, strict=True)))
