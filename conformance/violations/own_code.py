"""Where in the user's own code a violation may come from: a frame of theirs, a batching rule of theirs."""

import inspect
from typing import Any

import jax

from conformance.user_subjects import places
from properties.call import Call, FunctionCall
from properties.equations import equations


def frame(error: BaseException) -> str | None:
    """Such as `mine.py, rule (line 41)`: the innermost frame that is the user's; None where there is none."""
    found = places.own_frame(error)
    return found and f"{places.short(found.filename)}, {found.name} (line {found.lineno})"


def batching_rules(call: Call) -> list[str]:
    """The rules of `custom_vmap` that a user's function has, such as `_rule (mine.py, line 41)`."""
    if not isinstance(call, FunctionCall) or call.subject.own is None:
        return []
    try:
        program = jax.make_jaxpr(call.subject.function)(*call.example())
    except Exception:  # a function that cannot be traced says nothing of its rules
        return []
    found = (each for each in equations(program) if each.primitive.name == "custom_vmap_call")
    return list(
        dict.fromkeys(_named(each.params["rule"]) for each in found if "rule" in each.params)
    )


def _named(rule: Any) -> str:
    written = inspect.unwrap(rule)
    code = getattr(written, "__code__", None)
    name = getattr(written, "__name__", "a rule")
    return (
        name
        if code is None
        else f"{name} ({places.short(code.co_filename)}, line {code.co_firstlineno})"
    )
