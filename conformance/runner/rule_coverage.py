"""Rule coverage: which batching rules JAX has, which of them run, and how to replace one.

This is the only module of the runner that uses private names of JAX. Its table of batching rules has had
three layouts: three dictionaries up to 0.5; one for plain rules and one for rules that see the axis, from
0.6 to 0.8; the latter alone since then. With any other layout `registered` gives None: the coverage is
unknown.
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
"""The names of the primitives whose rules ran since `instrument`."""


def _tables() -> list[dict[Any, Any]]:
    try:
        from jax._src.interpreters import batching
    except ImportError:
        return []
    found = [getattr(batching, name, None) for name in _LAYOUTS]
    return [table for table in found if isinstance(table, dict)]


def registered() -> list[str] | None:
    """The names of all primitives that have a batching rule; None where that is unknown."""
    names = {primitive.name for table in _tables() for primitive in table}
    return sorted(names) or None


def instrument() -> list[str] | None:
    """Record in `COVERED_RULES` each rule that runs from now on, and return `registered()`.

    Call this before anything is mapped: JAX does not run a rule again for a trace that it has.
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
    """The names of the rules that run in `function()`, which must not keep traces of its own."""
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
"""A batching rule."""


@contextmanager
def replaced(name: str, change: Callable[[Rule], Rule]) -> Iterator[None]:
    """Replace the rules of a primitive by `change(rule)` within the block.

    A rule takes, in this order: the data of the axis (not in the layouts of plain rules), the operands,
    their batch axes. JAX's caches are cleared before the block and after it.
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
