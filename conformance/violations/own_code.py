"""Where in the user's own code a violation may come from: a frame, a batching rule, a callback of theirs."""

import inspect
from collections.abc import Iterator
from typing import Any

import jax

from conformance.user_subjects import places
from properties.call import Call, FunctionCall
from properties.equations import equations

_OF_BATCHES = ("expand_dims", "broadcast_all", "legacy_vectorized")
"""Values of `vmap_method` with which a callback is called once, with arrays of the whole batch."""


def frame(error: BaseException) -> str | None:
    """Such as `mine.py, rule (line 41)`: the innermost frame that is the user's; None where there is none."""
    found = places.own_frame(error)
    return found and f"{places.short(found.filename)}, {found.name} (line {found.lineno})"


def batching_rules(call: Call) -> list[str]:
    """The rules of `custom_vmap` that a user's function has, such as `_rule (mine.py, line 41)`."""
    found = (each.params.get("rule") for each in _of_primitive(call, "custom_vmap_call"))
    return list(dict.fromkeys(_named(rule, "a rule") for rule in found if rule is not None))


def callbacks_of_batches(call: Call) -> list[str]:
    """The callbacks that get a whole batch at once under a map, such as `host (mine.py, line 12)`."""
    return list(
        dict.fromkeys(
            _named(getattr(each.params["callback"], "callback_func", None), "a function")
            for each in _of_primitive(call, "pure_callback")
            if each.params.get("vmap_method") in _OF_BATCHES or each.params.get("vectorized")
        )
    )


def _of_primitive(call: Call, name: str) -> Iterator[Any]:
    """The equations of a primitive in the program of a user's function."""
    if not isinstance(call, FunctionCall) or call.subject.own is None:
        return
    try:
        program = jax.make_jaxpr(call.subject.function)(*call.example())
    except Exception:  # a function that cannot be traced says nothing of what it is made of
        return
    yield from (each for each in equations(program) if each.primitive.name == name)


def _named(function: Any, otherwise: str) -> str:
    written = inspect.unwrap(function) if callable(function) else function
    code = getattr(written, "__code__", None)
    name = getattr(written, "__name__", otherwise)
    return (
        name
        if code is None
        else f"{name} ({places.short(code.co_filename)}, line {code.co_firstlineno})"
    )
