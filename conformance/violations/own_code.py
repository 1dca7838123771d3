"""Where in the user's own code a violation may come from: a frame of theirs, a batching rule of theirs."""

import inspect
import site
import sysconfig
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax

from properties.call import Call, FunctionCall

_SUITE = Path(__file__).resolve().parents[2]
_OURS = tuple(str(_SUITE / name) for name in ("conformance", "properties", "reference"))
_INSTALLED = (
    *(path for name, path in sysconfig.get_paths().items() if "lib" in name),
    *site.getsitepackages(),
)


def frame(error: BaseException) -> str | None:
    """Such as `mine.py, rule (line 41)`: the innermost frame that is the user's; None where there is none."""
    for each in reversed(traceback.extract_tb(error.__traceback__)):
        if not each.filename.startswith(("<", *_OURS, *_INSTALLED)):
            return f"{_short(each.filename)}, {each.name} (line {each.lineno})"
    return None


def batching_rules(call: Call) -> list[str]:
    """The rules of `custom_vmap` that a user's function has, such as `_rule (mine.py, line 41)`."""
    if not isinstance(call, FunctionCall) or call.subject.own is None:
        return []
    try:
        program = jax.make_jaxpr(call.subject.function)(*call.example())
    except Exception:  # a function that cannot be traced says nothing of its rules
        return []
    return list(dict.fromkeys(map(_named, _rules(program))))


def _rules(thing: Any) -> Iterator[Any]:
    """The rules in a jaxpr, closed or open, or in whatever of it a parameter holds."""
    if isinstance(thing, tuple | list):
        for item in thing:
            yield from _rules(item)
        return
    for equation in getattr(getattr(thing, "jaxpr", thing), "eqns", ()):
        if equation.primitive.name == "custom_vmap_call" and "rule" in equation.params:
            yield equation.params["rule"]
        for parameter in equation.params.values():
            yield from _rules(parameter)


def _named(rule: Any) -> str:
    written = inspect.unwrap(rule)
    code = getattr(written, "__code__", None)
    name = getattr(written, "__name__", "a rule")
    return (
        name if code is None else f"{name} ({_short(code.co_filename)}, line {code.co_firstlineno})"
    )


def _short(file: str) -> str:
    """The file with its directory, as a package shows in it."""
    return "/".join(Path(file).parts[-2:])
