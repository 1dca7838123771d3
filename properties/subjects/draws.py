"""Draws from a PRNG key. The key's integers are the first argument, so that its axis can stand anywhere."""

from collections.abc import Callable
from typing import Any

import attrs
import jax
import numpy as np

from properties.subject import FunctionSubject
from properties.subjects.batching_rules.entry import of, rule
from reference.error_bounds.roundoff import of_two_computations

THREEFRY = ("threefry2x32", 2)
NEWER = (("threefry4x32", 4), ("philox2x32", 1), ("philox4x32", 2))
"""PRNGs by name, and how many integers their keys are of; JAX has these since 0.10.2."""
INEXACT = (("rbg", 4), ("unsafe_rbg", 4))
"""Of these JAX documents that a batch of keys draws from the first of them alone:
https://docs.jax.dev/en/latest/jax.random.html; why, https://github.com/jax-ml/jax/pull/20094 says."""
_EXACT = {
    "draw-bits": "random.bits(key, (4,))",
    "draw-uniform": "random.uniform(key, (3, 2), 'float32')",
    "draw-integers": "random.randint(key, (5,), 0, 1000)",
    "draw-bernoulli": "random.bernoulli(key, 0.5, (64,))",
    "draw-permutation": "random.permutation(key, 8)",
    "draw-keys": "random.key_data(random.split(key, 3))",
}
_ROUNDED = {
    "draw-normal": "random.normal(key, (3, 2), 'float32')",
    "draw-exponential": "random.exponential(key, (6,), 'float32')",
}


def _draw(name: str, source: str, exact: bool, prng: tuple[str, int] = THREEFRY) -> FunctionSubject:
    """The second argument takes no part: it may be mapped while the key is not."""
    impl, integers = prng
    text = f"key = random.wrap_key_data(a, impl={impl!r})\nreturn {source}"
    key = of("bits", integers, dtype="uint32")
    subject = rule(name, text, key, of("whole", "m"), exact=exact)
    answer = None if exact else _unmapped(subject.function)
    return attrs.evolve(subject, name=name, kind="draw", answer=answer)


def _of_first(draw: str, prng: tuple[str, int]) -> FunctionSubject:
    """A draw of which a batch comes of the first key."""
    impl, _ = prng

    def from_first(keys: Any, other: Any) -> Any:
        first = jax.random.wrap_key_data(keys[0], impl=impl)
        return getattr(jax.random, draw)(first, (len(keys), 3, 2))

    subject = _draw(f"draw-{draw}-{impl}", f"random.{draw}(key, (3, 2))", True, prng)
    return attrs.evolve(subject, from_first=from_first)


def _unmapped(function: Callable[..., Any]) -> Callable[..., Any]:
    def answer(key: Any, other: Any) -> Any:
        value = np.asarray(jax.jit(function)(key.astype(np.uint32), other), np.float64)
        return value, of_two_computations(value, "float32")

    return answer


DRAWS = (
    *(_draw(name, source, exact=True) for name, source in _EXACT.items()),
    *(_draw(name, source, exact=False) for name, source in _ROUNDED.items()),
    *(
        _draw(f"{name}-{prng[0]}", _EXACT[name], exact=True, prng=prng)
        for name in ("draw-uniform", "draw-keys")
        for prng in NEWER
    ),
    *(_of_first(draw, prng) for draw in ("bits", "uniform") for prng in INEXACT),
)
