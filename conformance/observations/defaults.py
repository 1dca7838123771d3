"""The arguments of public functions and classes, and what each is where a call does not give it."""

import enum
import functools
import inspect
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from conformance.observations.record import Absent, Observation, needed, one
from conformance.observations.selection import EVERYTHING, Selection

_MODULES = (
    "jax",
    "jax.custom_batching",
    "jax.lax",
    "jax.nn",
    "jax.nn.initializers",
    "jax.numpy",
    "jax.numpy.linalg",
    "jax.random",
    "jax.sharding",
    "jax.tree",
    "flax.linen",
    "flax.nnx",
)
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")
_LONGEST = 80


def observe(selection: Selection = EVERYTHING) -> Iterator[Observation]:
    """`defaults/NAME`: each argument that may be named, with its default as text, or `required`.

    `*` and `**` take others.
    """
    for module in _MODULES:
        for name, found in _public(module):
            for key, value in one(f"defaults/{module}.{name}", partial(arguments, found)):
                if value is not None:
                    yield key, value


def _public(module: str) -> Iterator[tuple[str, Callable[..., Any]]]:
    """The functions and classes that a module offers, without those that warn when they are named."""
    try:
        found = needed(module)
    except Absent:
        return
    for name in sorted(vars(found)):
        value = vars(found)[name]
        foreign = not str(getattr(value, "__module__", "")).startswith(("jax", "flax"))
        if callable(value) and not name.startswith("_") and not foreign:
            yield name, value


def arguments(function: Callable[..., Any]) -> Mapping[str, str] | None:
    """Each argument and its default; None where there is nothing to read.

    Args:
        function: A function or a class.

    """
    own = inspect.isclass(function) and "__init__" in vars(function)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # A metaclass may hide what a class is made with.
            signature = inspect.signature(function.__init__ if own else function)
    except (AttributeError, TypeError, ValueError):
        return None
    found = {}
    for name, parameter in signature.parameters.items():
        if parameter.kind is parameter.VAR_POSITIONAL:
            found["*"] = "any"
        elif parameter.kind is parameter.VAR_KEYWORD:
            found["**"] = "any"
        elif not (own and name == "self") and parameter.kind is not parameter.POSITIONAL_ONLY:
            found[name] = _default(name, parameter.default)
    return found or None


def _default(name: str, value: Any) -> str:
    if value is inspect.Parameter.empty:
        return "required"
    text = written(value)
    # The widest dtype and None stand for the same: what `jax_enable_x64` says.
    return "None" if name == "dtype" and text in ("float64", "int64") else text


def written(value: Any) -> str:
    """A default as text: nothing of where objects are in memory, or of how a release keeps them."""
    if isinstance(value, enum.Enum):
        return value.name
    if value is None or isinstance(value, str | bool | int | float | complex):
        return repr(value)
    if isinstance(value, tuple | list):
        return f"({', '.join(map(written, value))})"
    if isinstance(value, np.dtype | type):
        return _of_type(value)
    if isinstance(value, functools.partial):
        return f"partial of {written(value.func)}"
    if isinstance(getattr(value, "dtype", None), np.dtype):
        shape = getattr(value, "shape", None)
        return (
            repr(value.item()) if shape == () and hasattr(value, "item") else _of_type(value.dtype)
        )
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", None)
    if isinstance(name, str):
        return name.split(".")[-1] if "<locals>" not in name else name
    label = getattr(value, "name", None)
    if isinstance(label, str):
        return label
    text = _ADDRESS.sub("", (repr(value).splitlines() or [""])[0])
    nothing = "object" in text or "specified" in text.lower() or "Deprecated" in text
    return "not given" if nothing else text if len(text) <= _LONGEST else type(value).__name__


def _of_type(value: Any) -> str:
    """The name of a dtype, or of a class; of those that say that nothing is given, that."""
    name = str(getattr(value, "__name__", value))
    if name in ("object", "Deprecated") or "specified" in name.lower():
        return "not given"
    try:
        dtype = str(np.dtype(value))
    except TypeError:
        return name
    return name if dtype == "object" else dtype
