"""Maps with a switch of JAX's on: checks of keys, NaN, leaks, ranks and dtypes, no `jit`, 64 bits."""

import contextlib
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from conformance.observations.call_forms import Forms
from conformance.observations.derived_functions import Function
from conformance.observations.mapped_functions import functions
from conformance.observations.placed_maps import arrays
from conformance.observations.record import needed


def _wide() -> Any:
    try:
        return needed("jax.enable_x64")(True)
    except Exception:
        return needed("jax.experimental.enable_x64")()


_TRACED: dict[str, Callable[[], Any]] = {
    "ranks-checked": lambda: needed("jax.numpy_rank_promotion")("raise"),
    "dtypes-strict": lambda: needed("jax.numpy_dtype_promotion")("strict"),
    "leaks-checked": lambda: needed("jax.checking_leaks")(),  # noqa: PLW0108 (it may be missing)
    "checks": lambda: needed("jax.enable_checks")(True),
    "in-64-bits": _wide,
}
"""Switches that matter when a function is traced."""
_RUN: dict[str, Callable[[], Any]] = {
    "nan-checked": lambda: needed("jax.debug_nans")(True),
    "infinity-checked": lambda: needed("jax.debug_infs")(True),
    "not-jitted": lambda: needed("jax.disable_jit")(True),
    "keys-checked": lambda: needed("jax.debug_key_reuse")(True),
}
"""Switches that matter when it runs."""
_FUNCTIONS = (
    *("gathered-at-what-is-mapped", "cond", "gradient-of-squares", "derivative-of-own-rule"),
    *("solved", "eigenvalues", "drawn"),
)
_SHORT = ("plus-shared", "gradient-of-squares")


def vmapped() -> Forms:
    """Of `jax.vmap`: maps of functions with each switch on; how keys may be used."""
    every = functions()
    forms: Forms = {}
    for switch, on in _TRACED.items():
        for name in _FUNCTIONS:
            forms[f"{switch}-{name}"] = partial(_traced, on, every[name])
    for switch, on in _RUN.items():
        for name in _SHORT:
            forms[f"{switch}-{name}"] = partial(_run, on, every[name])
    return forms | _keys()


def _traced(on: Callable[[], Any], function: Function) -> Any:
    """The tangent, too: it is where rules differ most in what they promote."""

    def tangent(a: Any, i: Any, w: Any) -> Any:
        mapped = jax.vmap(function, (0, 0, None))
        return jax.jvp(lambda a: mapped(a, i, w), (a,), (a,))

    with on():
        return jax.eval_shape(tangent, *arrays())


def _run(on: Callable[[], Any], function: Function) -> Any:
    with on():
        return jax.vmap(function, (0, 0, None))(*arrays())


def _keys() -> Forms:
    """How keys are used while their reuse is checked."""
    random, lax = jax.random, jax.lax

    @contextlib.contextmanager
    def checked() -> Any:
        with needed("jax.debug_key_reuse")(True):
            yield

    def split(count: int = 3) -> Any:
        return random.split(random.key(0), count)

    def mapped(function: Any, *, count: int = 3, **options: Any) -> Any:
        with checked():
            given = jax.vmap(function, **options)(split(count))
        return jnp.shape(given)

    def two(key: Any) -> Any:
        first, second = random.split(key)
        return random.bits(first) + random.bits(second)

    def shared(key: Any) -> Any:
        with checked():
            run = jax.vmap(lambda k, x: random.bits(k) + x, (None, 0))
            return jnp.shape(run(key, jnp.arange(3, dtype=jnp.uint32)))

    def again() -> Any:
        with checked():
            keys = split()
            jax.vmap(random.bits)(keys)
            return jnp.shape(jax.vmap(random.bits)(keys))

    def indexed() -> Any:
        with checked():
            keys = split()
            return [jnp.shape(random.bits(keys[i])) for i in range(3)]

    return {
        "keys-checked-once": lambda: mapped(random.bits),
        "keys-checked-split": lambda: mapped(two),
        "keys-checked-used-twice": lambda: mapped(lambda k: random.bits(k) + random.bits(k)),
        "keys-checked-of-none": lambda: mapped(two, count=0),
        "keys-checked-shared": lambda: shared(random.key(1)),
        "keys-checked-used-again": again,
        "keys-checked-indexed": indexed,
        "keys-checked-cloned": lambda: mapped(
            lambda k: random.bits(needed("jax.random.clone")(k)) + random.bits(k)
        ),
        "keys-checked-in-a-loop": lambda: mapped(
            lambda k: lax.scan(
                lambda c, x: (c + random.bits(x), None), jnp.uint32(0), random.split(k)
            )[0]
        ),
        "keys-checked-in-a-branch": lambda: mapped(
            lambda k: lax.cond(True, random.bits, lambda k: jnp.uint32(0), k)
        ),
        "keys-checked-folded": lambda: mapped(lambda k: random.bits(random.fold_in(k, 1))),
        "keys-checked-jitted": lambda: mapped(jax.jit(two)),
        "keys-checked-in-a-map": lambda: mapped(lambda k: jax.vmap(random.bits)(random.split(k))),
        "keys-checked-in-a-checkpoint": lambda: mapped(jax.checkpoint(two)),
    }
