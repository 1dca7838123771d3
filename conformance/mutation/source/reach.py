"""Which items of a run execute which lines of the functions that map."""

import sys
import time
import types
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, zip_longest
from typing import Any

import attrs
import jax

from conformance.mutation.control import unbroken
from conformance.mutation.source.targets import Target, targets
from conformance.runner.items import Item, in_shard, select
from properties.call import Call
from properties.profile import PROFILES, Profile

TRIED = ("quick", "ci")
"""The profiles whose calls are tried with seed 0, in this order."""
PARTS = 32
"""The parts in which the items are traced: a task each."""
ITEMS_TRIED = 64
"""Items on which a slip is tried: one of each law, and fewer than a run has."""
Lines = dict[str, frozenset[int]]
"""The lines executed, by the id of the target."""


@attrs.frozen
class Reached:
    """An item that the whole source passes."""

    item: str
    calls: tuple[Call, ...]
    """What it checked."""
    lines: Lines
    """What that executed."""
    seconds: float
    """What that took."""

    @property
    def law(self) -> str:
        """The id of its law."""
        return self.item.partition("|")[0]

    @property
    def subject(self) -> str:
        """The name of its subject."""
        return self.item.rpartition("|")[2]


def sampled_items(profile: Profile) -> list[Item]:
    """The items that a run of the profile checks, but for the known defects."""
    return [
        item
        for item in select()
        if item.defect is None
        and item.transform.unavailable() is None
        and item.not_sampled_reason(profile) is None
        and item.law.skip_reason(item.transform, item.subject) is None
    ]


def reached(name: str, part: int) -> list[Reached]:
    """What each item of a part of the profile's executes, the first part being 1."""
    profile = PROFILES[name].asked(0)
    items = [item for item in sampled_items(profile) if in_shard(item.id, (part, PARTS))]
    return [found for item in items if (found := traced(item, profile)) is not None]


def traced(item: Item, profile: Profile) -> Reached | None:
    """What an item executes; None where it checks nothing, or fails on the whole source."""
    # JAX does not run a function again for a trace that it has.
    jax.clear_caches()
    began = time.perf_counter()
    with tracing(targets().values()) as executed:
        control = unbroken(item.law, item.transform, item.subject, profile)
    took = time.perf_counter() - began
    if not control.calls or control.violation is not None:
        return None
    lines = {name: frozenset(each) for name, each in executed.items()}
    return Reached(item.id, control.calls, lines, took)


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


def tried(all_reached: Sequence[Reached], target: str, line: int) -> list[Reached]:
    """The items on which a slip is tried, of those that execute its line.

    One of each law comes first, the groups of laws by turns: a law about errors sees what one about
    values does not. Then comes one of each subject, then the others; each time the quickest one.

    Args:
        all_reached: What the items execute.
        target: The id of the target.
        line: The line that is changed.

    Returns:
        At most `ITEMS_TRIED` items.

    """
    none: frozenset[int] = frozenset()
    candidates = [each for each in all_reached if line in each.lines.get(target, none)]
    candidates.sort(key=lambda each: (each.seconds, each.item))
    of_group: dict[str, dict[str, Reached]] = defaultdict(dict)
    of_subject: dict[str, Reached] = {}
    for each in candidates:
        of_group[each.law.partition(".")[0]].setdefault(each.law, each)
        of_subject.setdefault(each.subject, each)
    turns = chain.from_iterable(zip_longest(*(found.values() for found in of_group.values())))
    order = chain((each for each in turns if each), of_subject.values(), candidates)
    return list({each.item: each for each in order}.values())[:ITEMS_TRIED]
