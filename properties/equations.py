"""The equations of a program as JAX traces it, those of programs within it among them."""

from collections.abc import Iterator
from typing import Any


def equations(thing: Any) -> Iterator[Any]:
    """The equations in a jaxpr, closed or open, or in whatever of it a parameter holds."""
    if isinstance(thing, tuple | list):
        for item in thing:
            yield from equations(item)
        return
    for equation in getattr(getattr(thing, "jaxpr", thing), "eqns", ()):
        yield equation
        for parameter in equation.params.values():
            yield from equations(parameter)
