"""Draws with an example's own key and parameters, to be traced under maps."""

from typing import Any

import jax
import jax.numpy as jnp

from conformance.observations.derived_functions import Function
from conformance.observations.record import needed


def _key(i: Any, implementation: str | None = None) -> Any:
    return jax.random.fold_in(jax.random.key(0, impl=implementation), i)


def functions() -> dict[str, Function]:
    """By name, functions of `a`, `i` and `w`, as those of `mapped_functions`."""
    return {**_with_parameters(), **_of_keys()}


_PARAMETERS = {
    "uniform": 2,
    "truncated_normal": 2,
    "gamma": 1,
    "loggamma": 1,
    "beta": 2,
    "chisquare": 1,
    "dirichlet": 1,
    "f": 2,
    "generalized_normal": 1,
    "geometric": 1,
    "binomial": 2,
    "pareto": 1,
    "poisson": 1,
    "rayleigh": 1,
    "t": 1,
    "triangular": 3,
    "wald": 1,
    "weibull_min": 2,
    "lognormal": 1,
    "bernoulli": 1,
    "categorical": 1,
    "multinomial": 2,
}
"""So many parameters of each sampler are arrays."""
_KEYWORDS = {"uniform": ("minval", "maxval"), "lognormal": ("sigma",)}


def _with_parameters() -> dict[str, Function]:
    """A sampler's parameters are arrays of the example; nothing is said of the shape."""

    def drawn(name: str, count: int) -> Function:
        def draw(a: Any, i: Any, w: Any) -> Any:
            given = [(a + step) / 16 for step in range(count)]
            half = [each.astype(jnp.float16) for each in given]
            sampler, names = needed(f"jax.random.{name}"), _KEYWORDS.get(name)
            if names:
                named, shape = dict(zip(names, given, strict=True)), (3,)
                return sampler(_key(i), shape=shape, **named)
            return sampler(_key(i), *given), sampler(_key(i), *half)

        return draw

    forms = {f"draw-{n}-of-arrays": drawn(n, count) for n, count in _PARAMETERS.items()}
    random = jax.random
    return forms | {
        "draw-normals-of-a-matrix": lambda a, i, w: random.multivariate_normal(
            _key(i), a, jnp.eye(3) + jnp.outer(w, w), method="svd"
        ),
        "draw-integers-between-arrays": lambda a, i, w: random.randint(_key(i), (3,), i, i + 5),
        "draw-choice-weighted": lambda a, i, w: random.choice(_key(i), w, (2,), p=a / a.sum()),
        "draw-choice-of-rows": lambda a, i, w: random.choice(
            _key(i), jnp.outer(a, w), (2,), replace=False, axis=1
        ),
        "draw-permutation-of-rows": lambda a, i, w: random.permutation(
            _key(i), jnp.outer(a, w), axis=1, independent=True
        ),
        "draw-categories-along-an-axis": lambda a, i, w: random.categorical(
            _key(i), jnp.outer(a, w), axis=0, shape=(2, 3)
        ),
        "draw-orthogonal": lambda a, i, w: random.orthogonal(_key(i), 3, (2,)),
        "draw-in-a-ball": lambda a, i, w: random.ball(_key(i), 2, shape=(3,)),
        "draw-nothing": lambda a, i, w: random.normal(_key(i), (0, 2)),
    }


def _of_keys() -> dict[str, Function]:
    random, lax = jax.random, jax.lax
    forms: dict[str, Function] = {
        "keys-stacked": lambda a, i, w: jnp.stack([_key(i), _key(i + 1)]),
        "keys-selected": lambda a, i, w: jnp.where(i > 0, _key(i), random.key(1)),
        "keys-in-a-branch": lambda a, i, w: lax.cond(
            i > 0, lambda k: random.split(k)[0], lambda k: k, _key(i)
        ),
        "keys-in-a-loop": lambda a, i, w: lax.scan(
            lambda k, x: (random.split(k)[0], random.normal(k) + x), _key(i), a
        )[1],
        "keys-indexed": lambda a, i, w: random.split(_key(i), 3)[i],
        "keys-updated": lambda a, i, w: random.split(_key(i), 3).at[i].set(random.key(0)),
        "keys-as-numbers": lambda a, i, w: random.wrap_key_data(random.key_data(_key(i))),
        **{
            f"keys-taken-{mode}": lambda a, i, w, mode=mode: (
                random.split(_key(i), 3).at[i + 9].get(mode=mode),
                random.split(random.key(0), 3).at[i].get(mode=mode),
            )
            for mode in ("fill", "clip", "wrap")
        },
        "keys-sliced": lambda a, i, w: lax.dynamic_slice(random.split(_key(i), 3), (i,), (2,)),
        "keys-rolled": lambda a, i, w: jnp.roll(random.split(_key(i), 3), 1),
        "keys-broadcast": lambda a, i, w: jnp.broadcast_to(_key(i), (2,)),
        "keys-cloned": lambda a, i, w: needed("jax.random.clone")(_key(i)),
        "keys-reshaped": lambda a, i, w: random.split(_key(i), 4).reshape(2, 2).T,
        "keys-joined": lambda a, i, w: jnp.concatenate([random.split(_key(i), 2)] * 2),
        "keys-equal": lambda a, i, w: _key(i) == random.key(0),
        "keys-of-zeros": lambda a, i, w: jnp.zeros_like(_key(i)),
        "keys-through-a-derivative": lambda a, i, w: jax.grad(
            lambda x, k: jnp.sum(x * random.normal(k, (3,)))
        )(a, _key(i)),
        "keys-checkpointed": lambda a, i, w: jax.checkpoint(
            lambda x, k: x * random.normal(k, (3,))
        )(a, _key(i)),
        "bits-generated": lambda a, i, w: lax.rng_bit_generator(
            jnp.zeros(4, jnp.uint32) + i.astype(jnp.uint32), (2,)
        ),
    }
    for implementation in ("rbg", "unsafe_rbg"):
        forms[f"keys-{implementation}"] = lambda a, i, w, name=implementation: (
            random.normal(_key(i, name), (2,)),
            random.split(_key(i, name)),
        )
    return forms
