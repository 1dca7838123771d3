"""Uses of references: every index, read, written, added to and swapped; to be traced under maps."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from conformance.observations.derived_functions import Function
from conformance.observations.record import needed

_INDICES: dict[str, Callable[[Any], Any]] = {
    "all": lambda i: ...,
    "a-number": lambda i: 1,
    "from-behind": lambda i: -1,
    "what-is-mapped": lambda i: i,
    "a-slice": lambda i: slice(1, 3),
    "a-slice-with-a-step": lambda i: slice(0, 3, 2),
    "a-number-behind": lambda i: (slice(None), 1),
    "an-array": lambda i: np.array([0, 2]),
    "two-arrays": lambda i: (np.array([0, 2]), np.array([1, 0])),
    "arrays-apart": lambda i: (np.array([0, 1]), slice(None), np.array([1, 0])),
    "numbers-apart": lambda i: (0, slice(None), 1),
    "the-last": lambda i: (..., 0),
    "mapped-and-a-slice": lambda i: (i, slice(0, 2)),
}


def functions() -> dict[str, Function]:
    """By name, functions of `a`, `i` and `w`, as those of `mapped_functions`.

    The reference is of shape (3, 3), or (3, 3, 2) where the index has three parts.
    """
    forms: dict[str, Function] = {}
    for name, index in _INDICES.items():
        for use, function in _USES.items():
            forms[f"ref-{use}-{name}"] = _used(function, index)
    return forms


def _used(use: Callable[[Any, Any, Any], Any], index: Callable[[Any], Any]) -> Function:
    def function(a: Any, i: Any, w: Any) -> Any:
        at = index(i)
        start = jnp.outer(a, w)
        if isinstance(at, tuple) and len(at) == 3:
            start = jnp.stack([start, start], -1)
        ref = needed("jax.new_ref")(start)
        return use(ref, at, a), needed("jax.freeze")(ref)

    return function


def _read(ref: Any, at: Any, a: Any) -> Any:
    return ref[at]


def _written(ref: Any, at: Any, a: Any) -> Any:
    ref[at] = ref[at] * 2


def _added(ref: Any, at: Any, a: Any) -> Any:
    needed("jax.ref.addupdate")(ref, at, ref[at])
    ref[at] = jnp.zeros_like(ref[at])


_USES = {"read": _read, "written": _written, "added": _added}
