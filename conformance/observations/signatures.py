"""Which arguments the functions take that the user's sources use."""

import inspect
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from conformance.observations.record import Observation, needed, one
from conformance.observations.selection import EVERYTHING, Selection

_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_BY_POSITION = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_NOT_GIVEN = re.compile("deprecat|unspecified", re.IGNORECASE)
"""How the types are called of which JAX gives an object for an argument that it takes no more."""
_REFUSED = re.compile(r"(\bremoved\b|no longer)")


def observe(selection: Selection = EVERYTHING) -> Iterator[Observation]:
    """`signatures/NAME`: {keywords, any, positional, more, required}, of each name that can be called.

    `keywords` are those it may be given, `any` whether it takes others, too; `positional` the arguments
    that may be given by position, `more` whether it takes any number; `required` those without a default.
    """
    for name in selection.names:
        yield from of_name(name)


def of_name(name: str) -> Iterator[Observation]:
    """What one name takes; nothing where it cannot be called."""
    for key, value in one(f"signatures/{name}", partial(_signature, name)):
        if value is not None:
            yield key, value


def _signature(name: str) -> dict[str, Any] | None:
    found = needed(name)
    if not callable(found):
        return None
    try:
        parameters = _parameters(name, found)
    except (AttributeError, TypeError, ValueError):
        return None
    refused = {p.name for p in parameters.values() if _is_refused(found, p)}
    kept = [p for p in parameters.values() if p.name not in refused]
    return {
        "keywords": sorted(p.name for p in kept if p.kind in _BY_NAME),
        "any": any(p.kind is inspect.Parameter.VAR_KEYWORD for p in kept),
        "positional": [p.name for p in kept if p.kind in _BY_POSITION],
        "more": any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in kept),
        "required": [
            p.name
            for p in kept
            if p.default is inspect.Parameter.empty and p.kind in (*_BY_NAME, *_BY_POSITION)
        ],
    }


def _parameters(name: str, found: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    """The parameters, without the object that a class's method is bound to."""
    # A metaclass may hide what a class is made with.
    own = inspect.isclass(found) and "__init__" in vars(found)
    parameters = dict(inspect.signature(found.__init__ if own else found).parameters)
    parent = needed(name.rpartition(".")[0]) if "." in name else None
    method = inspect.isclass(parent) and inspect.isfunction(
        inspect.getattr_static(parent, name.rpartition(".")[2], None)
    )
    if (own or method) and next(iter(parameters), "") == "self":
        del parameters["self"]
    return parameters


def _is_refused(function: Callable[..., Any], parameter: inspect.Parameter) -> bool:
    """Whether an argument is among the parameters only for its error, which says that it was removed."""
    if not _NOT_GIVEN.search(type(parameter.default).__name__):
        return False
    import jax
    import jax.numpy as jnp

    named = re.compile(rf"\b{parameter.name} argument|argument {parameter.name}\b")
    x = jnp.ones(3)
    for given in ((x,), (x, 1)):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                jax.eval_shape(lambda *a: function(*a, **{parameter.name: None}), *given)
        except Exception as error:
            if named.search(str(error)) and _REFUSED.search(str(error)):
                return True
    return False
