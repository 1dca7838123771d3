"""Attributes that a class does not have, and its objects have: fields, and what methods store."""

import dis
import inspect
from collections.abc import Iterator
from types import CodeType
from typing import Any

from conformance.observations.record import Absent, needed


def is_of_objects(name: str) -> bool:
    """Whether a dotted name goes through a class to what its objects may have, as `flax.nnx.Linear.kernel`.

    What comes after such an attribute is anything: `flax.nnx.Linear.kernel.value` is one, too.

    Args:
        name: A dotted name, which the release lacks as it stands.

    """
    parts = name.split(".")
    for length in range(1, len(parts)):
        try:
            parent = needed(".".join(parts[:length]))
        except Absent:
            return False
        if inspect.isclass(parent) and may_have(parent, parts[length]):
            return True
    return False


def may_have(cls: type, attribute: str) -> bool:
    """Whether objects of a class may have an attribute that the class itself does not have.

    Args:
        cls: The class.
        attribute: The attribute's name.

    """
    if isinstance(inspect.getattr_static(cls, attribute, None), property):
        return True  # whose value is anything
    if hasattr(cls, attribute):
        return False
    for base in cls.__mro__:
        own = vars(base)
        if attribute in own.get("__annotations__", ()) or "__getattr__" in own:
            return True
        if any(attribute in _stored(code) for code in _codes(own.values())):
            return True
    return False


def _codes(values: Any) -> Iterator[CodeType]:
    """The code of all functions among a class's attributes, and of the functions within them."""
    for value in values:
        function = inspect.unwrap(getattr(value, "__func__", value), stop=_is_looped)
        code = getattr(function, "__code__", None)
        if isinstance(code, CodeType):
            yield code
            yield from _within(code)


def _is_looped(function: Any) -> bool:
    return getattr(function, "__wrapped__", None) is function


def _within(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _within(constant)


def _stored(code: CodeType) -> set[str]:
    return {each.argval for each in dis.get_instructions(code) if each.opname == "STORE_ATTR"}
