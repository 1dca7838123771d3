"""The samplers of `jax.random`: how each is called, and which distribution it should draw from."""

from collections.abc import Callable
from typing import Any

import attrs
import jax
import jax.numpy as jnp

from conformance.observations.record import needed

FLOATS = ("float32", "float16", "bfloat16")
INTEGERS = ("int8", "uint8", "int16", "uint16", "int32", "uint32")
COUNT = 8192
"""Numbers in a draw: the fewest that notice a bias of a few hundredths."""

Draw = Callable[[Any, Any], Any]


@attrs.frozen
class Sampler:
    """One way to draw `COUNT` numbers."""

    name: str
    """Of the function in `jax.random`, and what is particular about the call."""
    draw: Draw
    """Of a key and a dtype."""
    dtypes: tuple[str, ...]
    distribution: Callable[[Any, str], Any] | None = None
    """Of `scipy.stats` and a dtype: what each number should be distributed as."""
    exact: bool = False
    """Whether no elementary function is computed, so that draws are equal to the bit."""


def _of(name: str, *arguments: Any, shape: tuple[int, ...] = (COUNT,)) -> Draw:
    return lambda key, dtype: needed(f"jax.random.{name}")(
        key, *arguments, shape=shape, dtype=dtype
    )


def _randint(low: int, high: int) -> Draw:
    return lambda key, dtype: jax.random.randint(key, (COUNT,), low, high, dtype)


def _whole_range(key: Any, dtype: Any) -> Any:
    limits = (jnp.asarray(limit, dtype) for limit in (jnp.iinfo(dtype).min, jnp.iinfo(dtype).max))
    low, high = limits
    return jax.random.randint(key, (COUNT,), low, high, dtype)


def _choice(key: Any, dtype: Any) -> Any:
    p = jnp.array([0.1, 0.2, 0.3, 0.4])
    return jax.random.choice(key, jnp.arange(4, dtype=dtype), (COUNT,), p=p)


def _categorical(key: Any, dtype: Any) -> Any:
    return jax.random.categorical(
        key, jnp.log(jnp.array([0.1, 0.2, 0.3, 0.4], dtype)), shape=(COUNT,)
    )


def _binomial(key: Any, dtype: Any) -> Any:
    count, p = jnp.asarray(10.0, dtype), jnp.asarray(0.3, dtype)
    return needed("jax.random.binomial")(key, count, p, (COUNT,))


def _geometric(key: Any, dtype: Any) -> Any:
    return jax.random.geometric(key, jnp.asarray(0.1, dtype), (COUNT,))


def _bernoulli(key: Any, dtype: Any) -> Any:
    return jax.random.bernoulli(key, jnp.asarray(0.3, dtype), (COUNT,))


def _truncated(stats: Any, dtype: str) -> Any:
    return stats.truncnorm(-2, 2)


def _uneven(stats: Any, dtype: str) -> Any:
    return stats.rv_discrete(values=((0, 1, 2, 3), (0.1, 0.2, 0.3, 0.4)))


def _all_values(stats: Any, dtype: str) -> Any:
    limits = jnp.iinfo(dtype)
    return stats.randint(int(limits.min), int(limits.max))


def _all_bits(stats: Any, dtype: str) -> Any:
    return stats.randint(0, int(jnp.iinfo(dtype).max) + 1)


def _signs(stats: Any, dtype: str) -> Any:
    return stats.rv_discrete(values=((-1, 1), (0.5, 0.5)))


def _continuous() -> tuple[Sampler, ...]:
    """Of real numbers."""
    few = ("float32",)
    return (
        Sampler("uniform", _of("uniform"), FLOATS, lambda s, _: s.uniform(), exact=True),
        Sampler("normal", _of("normal"), (*FLOATS, "complex64"), lambda s, _: s.norm()),
        Sampler(
            "truncated_normal",
            _of("truncated_normal", -2.0, 2.0),
            FLOATS,
            _truncated,
        ),
        Sampler("exponential", _of("exponential"), few, lambda s, _: s.expon()),
        Sampler("gumbel", _of("gumbel"), few, lambda s, _: s.gumbel_r()),
        Sampler("laplace", _of("laplace"), few, lambda s, _: s.laplace()),
        Sampler("logistic", _of("logistic"), few, lambda s, _: s.logistic()),
        Sampler("cauchy", _of("cauchy"), few, lambda s, _: s.cauchy()),
        Sampler("maxwell", _of("maxwell"), few, lambda s, _: s.maxwell()),
        Sampler("lognormal", _of("lognormal", 0.5), few, lambda s, _: s.lognorm(0.5)),
        Sampler("gamma", _of("gamma", 2.5), few, lambda s, _: s.gamma(2.5)),
        Sampler("loggamma", _of("loggamma", 2.5), few, lambda s, _: s.loggamma(2.5)),
        Sampler("beta", _of("beta", 2.0, 3.0), few, lambda s, _: s.beta(2, 3)),
        Sampler("chisquare", _of("chisquare", 3.0), few, lambda s, _: s.chi2(3)),
        Sampler("t", _of("t", 4.0), few, lambda s, _: s.t(4)),
        Sampler("f", _of("f", 4.0, 5.0), few, lambda s, _: s.f(4, 5)),
        Sampler("pareto", _of("pareto", 3.0), few, lambda s, _: s.pareto(3)),
        Sampler("rayleigh", _of("rayleigh", 2.0), few, lambda s, _: s.rayleigh(scale=2)),
        Sampler("triangular", _of("triangular", 0.0, 0.25, 1.0), few, lambda s, _: s.triang(0.25)),
        Sampler("wald", _of("wald", 1.0), few, lambda s, _: s.invgauss(1.0)),
        Sampler(
            "weibull_min",
            _of("weibull_min", 2.0, 1.5),
            few,
            lambda s, _: s.weibull_min(1.5, scale=2),
        ),
        Sampler(
            "generalized_normal", _of("generalized_normal", 3.0), few, lambda s, _: s.gennorm(3)
        ),
    )


def _whole() -> tuple[Sampler, ...]:
    """Of whole numbers and of truth values."""
    return (
        Sampler("bits", _of("bits"), ("uint8", "uint16", "uint32"), _all_bits, exact=True),
        Sampler("randint", _randint(3, 103), INTEGERS, lambda s, _: s.randint(3, 103), exact=True),
        Sampler("randint-whole-range", _whole_range, INTEGERS, _all_values, exact=True),
        Sampler("rademacher", _of("rademacher"), ("int32", "int8", "float32"), _signs, exact=True),
        Sampler(
            "bernoulli",
            _bernoulli,
            ("float32", "bfloat16"),
            lambda s, _: s.bernoulli(0.3),
            exact=True,
        ),
        Sampler("choice", _choice, ("int32", "uint8"), _uneven, exact=True),
        Sampler("categorical", _categorical, ("float32", "bfloat16"), _uneven),
        Sampler("poisson", _of("poisson", 3.5), ("int32", "int8"), lambda s, _: s.poisson(3.5)),
        Sampler("geometric", _of("geometric", 0.3), ("int32", "int8"), lambda s, _: s.geom(0.3)),
        Sampler("geometric-of-a-probability", _geometric, FLOATS, lambda s, _: s.geom(0.1)),
        Sampler("binomial", _binomial, ("float32",), lambda s, _: s.binom(10, 0.3)),
    )


def _independently(key: Any, dtype: Any) -> Any:
    rows = jnp.arange(60, dtype=dtype).reshape(12, 5)
    return jax.random.permutation(key, rows, independent=True)


def _without_replacement(key: Any, dtype: Any) -> Any:
    return jax.random.choice(key, jnp.arange(40, dtype=dtype), (20,), replace=False)


def _vectors(key: Any, dtype: Any) -> Any:
    mean, covariance = jnp.zeros(3, dtype), jnp.eye(3, dtype=dtype)
    return jax.random.multivariate_normal(key, mean, covariance, (5,))


def _multinomial(key: Any, dtype: Any) -> Any:
    p = jnp.array([0.2, 0.3, 0.5], dtype)
    return needed("jax.random.multinomial")(key, jnp.asarray(10.0, dtype), p)


def _of_several() -> tuple[Sampler, ...]:
    """Whose numbers depend on each other: only compared with those of other releases."""
    few = ("float32",)
    random = jax.random

    def permutation(key: Any, dtype: Any) -> Any:
        return random.permutation(key, jnp.arange(60, dtype=dtype))

    def dirichlet(key: Any, dtype: Any) -> Any:
        return random.dirichlet(key, jnp.array([1.0, 2.0, 3.0], dtype), (5,))

    def ball(key: Any, dtype: Any) -> Any:
        return random.ball(key, 3, shape=(5,), dtype=dtype)

    def orthogonal(key: Any, dtype: Any) -> Any:
        return random.orthogonal(key, 4, dtype=dtype)

    return (
        Sampler("permutation", permutation, ("int32", "int8"), exact=True),
        Sampler("permutation-independent", _independently, ("int32",), exact=True),
        Sampler("choice-without-replacement", _without_replacement, ("int32",), exact=True),
        Sampler("dirichlet", dirichlet, few),
        Sampler("multivariate_normal", _vectors, few),
        Sampler("ball", ball, few),
        Sampler("orthogonal", orthogonal, few),
        Sampler("double_sided_maxwell", _of("double_sided_maxwell", 0.0, 1.0), few),
        Sampler("multinomial", _multinomial, few),
    )


SAMPLERS = (*_continuous(), *_whole(), *_of_several())
