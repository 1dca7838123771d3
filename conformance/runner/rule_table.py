"""JAX's table of batching rules: what is in it, which rules run, and how to put another rule in.

The only place that touches private names of JAX. The table has had three layouts: three dictionaries
up to 0.5; a plain one and one for rules that see the axis (0.6 to 0.8); that one alone since. Where
it is none of these, `registered` is None, and coverage is unknown.
"""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jax

_LAYOUTS = (
    "primitive_batchers",
    "axis_primitive_batchers",
    "spmd_axis_primitive_batchers",
    "fancy_primitive_batchers",
)

COVERED_RULES: set[str] = set()
"""The names of the rules that ran since `instrument`."""


def _tables() -> list[dict[Any, Any]]:
    try:
        from jax._src.interpreters import batching
    except ImportError:
        return []
    found = [getattr(batching, name, None) for name in _LAYOUTS]
    return [table for table in found if isinstance(table, dict)]


def registered() -> list[str] | None:
    """The names of all primitives that have a batching rule now; None where that is unknown."""
    names = {primitive.name for table in _tables() for primitive in table}
    return sorted(names) or None


def instrument() -> list[str] | None:
    """Note in `COVERED_RULES` each rule that runs from now on; give the names in the table.

    A rule that was traced before is not run again: call this before anything is mapped.
    """
    for table in _tables():
        for primitive, rule in list(table.items()):
            if getattr(rule, "func", None) is not _record_call:
                table[primitive] = functools.partial(_record_call, primitive.name, rule)
    return registered()


def _record_call(name: str, rule: Callable[..., Any], /, *arguments: Any, **params: Any) -> Any:
    COVERED_RULES.add(name)
    return rule(*arguments, **params)


def reached(function: Callable[[], Any]) -> set[str]:
    """The names of the rules that run in ``function()``, which must trace anew what it traces."""
    before = set(COVERED_RULES)
    instrument()
    COVERED_RULES.clear()
    jax.clear_caches()
    try:
        function()
        return set(COVERED_RULES)
    finally:
        COVERED_RULES.update(before)


Rule = Callable[..., Any]


@contextmanager
def replaced(name: str, change: Callable[[Rule], Rule]) -> Iterator[None]:
    """Put ``change(rule)`` in the place of the rules of a primitive for a while.

    A rule takes, in this order: what describes the axis (not in the plain layouts), the operands,
    their batch axes. All that was traced is forgotten on the way in and out.
    """
    kept = [
        (table, primitive, rule)
        for table in _tables()
        for primitive, rule in table.items()
        if primitive.name == name
    ]
    for table, primitive, rule in kept:
        table[primitive] = change(rule)
    jax.clear_caches()
    try:
        yield
    finally:
        for table, primitive, rule in kept:
            table[primitive] = rule
        jax.clear_caches()
