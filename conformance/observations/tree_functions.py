"""Public functions of Flax on trees: their containers, and NumPy's or JAX's arrays of which dtypes they give.

Many a call means nothing: what is refused is not recorded.
"""

import functools
import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from conformance.observations import public_functions
from conformance.observations.call_forms import Forms
from conformance.observations.record import Absent, needed

_MODULES = (
    *("flax.core", "flax.traverse_util", "flax.jax_utils", "flax.serialization"),
    "flax.training.common_utils",
)
_OTHERS = frozenset({"pretty_repr", "current_trace", "current_path"})
"""Functions that print, or tell of a call that is going on."""
_MOST = 8
"""Items of a container that are told one by one."""
_GIVEN: Mapping[str, Callable[[], tuple[Any, ...]]] = {
    "one-tree": lambda: ({"a": {"b": jnp.ones((1, 2))}, "c": (jnp.zeros(1), None)},),
    "dict-of-numbers": lambda: ({"a": 0.5, "b": 2},),
    "one-number": lambda: (0.5,),
    "numpy-tree": lambda: ({"a": np.ones((4, 2), np.float32)},),
    "one-array": lambda: (jnp.ones((1, 4, 2)),),
    "list-of-trees": lambda: ([{"a": jnp.ones(1)}, {"a": jnp.zeros(1)}],),
    "linen-variables": lambda: (nn.Dense(2).init(jax.random.PRNGKey(0), jnp.ones((1, 2))),),
    "two-trees": lambda: ({"a": jnp.ones(2)}, {"a": np.zeros(2, np.float32)}),
    "some-bytes": lambda: (b"\x81\xa1a\x01",),
}
"""By name, what a function is given."""


@functools.cache
def names() -> tuple[str, ...]:
    """The dotted names of all such functions."""
    return tuple(
        f"{module}.{name}"
        for module in _MODULES
        for name, value in sorted(vars(needed(module)).items())
        if inspect.isfunction(value)
        and value.__module__.startswith("flax")
        and not name.startswith(("_", "register"))
        and name not in _OTHERS
    )


def forms() -> Forms:
    """By function and what it is given, such as `plain-each-flax.jax_utils.replicate-one-number`."""
    return {
        f"{public_functions.PREFIX}{name}-{kind}": partial(_given, name, kind)
        for name in names()
        for kind in _GIVEN
    }


def _given(name: str, kind: str) -> str:
    function, given = needed(name), _GIVEN[kind]()
    try:
        return text(function(*given))
    except Exception as error:
        raise Absent(f"{name} takes no {kind}") from error


def text(found: Any) -> str:
    """A result as text: its containers, and the types, dtypes and shapes of its leaves."""
    kind = type(found).__name__
    if isinstance(found, jax.Array | np.ndarray):
        weak = " weak" if getattr(found, "weak_type", False) else ""
        made_by = "array" if isinstance(found, jax.Array) else "NumPy array"
        return f"{made_by} {found.dtype}{list(found.shape)}{weak}"
    if isinstance(found, Mapping):
        inner = ", ".join(f"{key}: {text(each)}" for key, each in list(found.items())[:_MOST])
        return f"{'' if kind == 'dict' else kind}{{{inner}}}"
    if isinstance(found, list | tuple):
        inner = ", ".join(map(text, found[:_MOST]))
        return f"[{inner}]" if isinstance(found, list) else f"({inner})"
    return kind
