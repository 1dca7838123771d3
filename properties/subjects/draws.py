"""Draws from a PRNG key. The key's integers are the first argument, so that its axis can stand anywhere."""

from collections.abc import Callable
from typing import Any

import attrs
import jax
import numpy as np

from properties.subject import FunctionSubject
from properties.subjects.rules.entry import of, rule
from reference.rounding_rules import of_two_computations

_KEY = of("bits", 2, dtype="uint32")
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


def _draw(name: str, source: str, exact: bool) -> FunctionSubject:
    """The second argument takes no part: it may be mapped while the key is not."""
    text = f"key = random.wrap_key_data(a, impl='threefry2x32')\nreturn {source}"
    subject = rule(name, text, _KEY, of("whole", "m"), exact=exact)
    answer = None if exact else _unmapped(subject.function)
    return attrs.evolve(subject, name=name, kind="draw", answer=answer)


def _unmapped(function: Callable[..., Any]) -> Callable[..., Any]:
    def answer(key: Any, other: Any) -> Any:
        value = np.asarray(jax.jit(function)(key.astype(np.uint32), other), np.float64)
        return value, of_two_computations(value, "float32")

    return answer


DRAWS = (
    *(_draw(name, source, exact=True) for name, source in _EXACT.items()),
    *(_draw(name, source, exact=False) for name, source in _ROUNDED.items()),
)
