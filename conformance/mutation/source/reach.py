"""Which items of a quick run execute which lines of the functions that map."""

import sys
import types
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import zip_longest
from typing import Any

import jax

from conformance.mutation.control import unbroken
from conformance.mutation.source.targets import Target, targets
from conformance.runner.items import Item, in_shard, select
from properties.profile import PROFILES

PROFILE = PROFILES["quick"].asked(0)
"""What a run without options checks."""
PARTS = 32
"""The parts in which the items are traced: a task each."""
ITEMS_TRIED = 64
"""Items on which the slips of a function are tried: one of each law, and fewer than a run has."""
Lines = dict[str, frozenset[int]]
"""The lines executed, by the id of the target."""


def sampled_items() -> list[Item]:
    """The items that a quick run checks, but for the known defects."""
    return [
        item
        for item in select()
        if item.defect is None
        and item.transform.unavailable() is None
        and item.not_sampled_reason(PROFILE) is None
        and item.law.skip_reason(item.transform, item.subject) is None
    ]


def reached(part: int) -> list[tuple[str, Lines]]:
    """The lines that each item of a part executes, the first part being 1."""
    found: list[tuple[str, Lines]] = []
    for item in sampled_items():
        if in_shard(item.id, (part, PARTS)):
            # JAX does not run a function again for a trace that it has.
            jax.clear_caches()
            with tracing(targets().values()) as executed:
                control = unbroken(item.law, item.transform, item.subject, PROFILE)
            if control.calls and control.violation is None:
                found.append((item.id, {name: frozenset(each) for name, each in executed.items()}))
    return found


@contextmanager
def tracing(functions: Iterable[Target]) -> Iterator[dict[str, set[int]]]:
    """Record within the block which lines of these functions this thread executes, by their id."""
    owner: dict[str, dict[int, str]] = defaultdict(dict)
    for target in functions:
        owner[target.file].update(dict.fromkeys(target.lines, target.id))
    executed: dict[str, set[int]] = defaultdict(set)

    def line(frame: types.FrameType, event: str, _: Any) -> Callable[..., Any]:
        lines = owner[frame.f_code.co_filename]
        if event == "line" and frame.f_lineno in lines:
            executed[lines[frame.f_lineno]].add(frame.f_lineno)
        return line

    def call(frame: types.FrameType, event: str, _: Any) -> Callable[..., Any] | None:
        code = frame.f_code
        if code.co_filename not in owner or code.co_firstlineno not in owner[code.co_filename]:
            return None
        return line

    before = sys.gettrace()
    sys.settrace(call)
    try:
        yield executed
    finally:
        sys.settrace(before)


def tried(executed: Iterable[tuple[str, Lines]], target: str) -> tuple[str, ...]:
    """The items on which the slips of a target are tried.

    Those that together execute the most of its lines come first, each the one that adds most; then
    one of each law, the groups of laws by turns: a law about errors sees what one about values does not.

    Args:
        executed: The lines that each item executes.
        target: The id of the target.

    Returns:
        At most `ITEMS_TRIED` ids of items.

    """
    lines = {item: found[target] for item, found in executed if target in found}
    chosen: list[str] = []
    covered: set[int] = set()
    while lines and len(chosen) < ITEMS_TRIED:
        best = max(lines, key=lambda item: (len(lines[item] - covered), item))
        if not lines[best] - covered:
            break
        covered |= lines.pop(best)
        chosen.append(best)
    seen = {_law(item) for item in chosen}
    of_group: dict[str, dict[str, str]] = defaultdict(dict)
    for item in sorted(lines):
        law = _law(item)
        if law not in seen:
            of_group[law.split(".")[0]].setdefault(law, item)
    turns = zip_longest(*(found.values() for found in of_group.values()))
    chosen += [item for turn in turns for item in turn if item is not None]
    return tuple(chosen[:ITEMS_TRIED])


def _law(item: str) -> str:
    return item.partition("|")[0]
