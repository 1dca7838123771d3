"""Combinations of batch axes: every one that the ranks allow, and a few that cover the positions."""

import functools
import itertools
import random
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import jax

from properties.call import Axes, ModuleCall
from properties.oracle import output_ranks
from properties.sizes import sizes, some_call
from properties.subject import AXIS, FunctionSubject, ModuleSubject, Subject

Positions: TypeAlias = Callable[[int], Sequence[int]]
"""From the rank of one example to the axes that the batch axis may be, after it is inserted."""

ENSEMBLE_AXES = (0, 1, -1, -2)
USUAL_ALONE = 0.5
"""How often the only combination of a call is the first of those that users write."""


def front(rank: int) -> Sequence[int]:
    """The first axis."""
    return (0,)


def anywhere(rank: int) -> Sequence[int]:
    """Every axis, counted from the front."""
    return range(rank + 1)


def from_the_end(rank: int) -> Sequence[int]:
    """Every axis, counted from the end."""
    return range(-rank - 1, 0)


def _allowed(subject: Subject, positions: Positions) -> Positions:
    """Of the positions, those that the subject's author allows; the front where there is none."""
    axes = subject.own.axes if subject.own else None
    if axes is None:
        return positions
    return lambda rank: [axis for axis in positions(rank) if axis in axes] or [0]


def combinations(
    subject: FunctionSubject | ModuleSubject,
    inward: Positions,
    outward: Positions,
    unmapped: str = "none",
) -> list[Axes]:
    """Every combination of axes.

    `unmapped` says whether arguments may be left unmapped: in `none` of them none is, in `some` at
    least one is, `any` allows both.
    """
    ranks, out_rank = _ranks(subject)
    inward, outward = _allowed(subject, inward), _allowed(subject, outward)
    choices = [
        (*inward(rank), *((None,) if unmapped != "none" and len(ranks) > 1 else ()))
        for rank in ranks
    ]
    own_name = subject.own.axis_name if subject.own is not None else None
    name = own_name or AXIS if getattr(subject, "kind", "") == "collective" else None
    counted = sized(subject)
    return [
        Axes(in_axes, out_axes, name)
        for in_axes in itertools.product(*choices)
        for out_axes in outward(out_rank)
        if any(in_axes[place] is not None for place in counted)
        and (unmapped != "some" or None in in_axes)
    ]


def sized(subject: FunctionSubject | ModuleSubject) -> Sequence[int]:
    """The places of the arguments with arrays, which have a batch size; all where none has one."""
    trees = subject.arguments if isinstance(subject, FunctionSubject) else subject.inputs
    places = [place for place, tree in enumerate(trees) if jax.tree_util.tree_leaves(tree)]
    return places or range(len(trees))


def ensemble_axes(subject: ModuleSubject, *collections: str) -> Sequence[int]:
    """Of `ENSEMBLE_AXES`, those along which all variables of the collections can be stacked."""
    rank = min((subject.ranks.get(name, 1) for name in collections), default=1)
    return tuple(axis for axis in ENSEMBLE_AXES if -rank - 1 <= axis <= rank)


@functools.cache
def _ranks(subject: FunctionSubject | ModuleSubject) -> tuple[tuple[int, ...], int]:
    """The least rank among the leaves of each argument, and of the result."""
    some = sizes(subject, "distinct", 0)
    if isinstance(subject, FunctionSubject):
        trees: Sequence[Any] = subject.arguments
        call: Any = some_call(subject)
    else:
        trees = subject.inputs
        call = ModuleCall(
            subject.name,
            some,
            (),
            dict.fromkeys(subject.collections),
            dict.fromkeys(subject.streams, False),
        )
    # An argument without arrays, such as None, can be mapped in front.
    least = [
        min((len(a.dims) for a in jax.tree_util.tree_leaves(tree)), default=0) for tree in trees
    ]
    return tuple(least), min(output_ranks(call))


def covering(combinations: Sequence[Axes], most: int, seed: int) -> tuple[Axes, ...]:
    """At most `most` combinations, every position of every argument among them while they last.

    The first are those of `usual`. Where one fits, the seed decides whether it is of these. Each of the
    others adds the most positions that none before it has, then the most pairs of positions of two
    arguments: many a fault of a rule shows only where one is mapped here and the other there.
    """
    left = list(combinations)
    chance = random.Random(seed)
    chance.shuffle(left)
    first = usual(combinations, chance)
    if most == 1 and chance.random() < USUAL_ALONE:
        return tuple(first[:1] or left[:1])
    chosen: list[Axes] = []
    seen: set[Any] = set()

    def adds(axes: Axes) -> tuple[int, int]:
        positions, pairs = _positions(axes)
        return len(positions - seen), len(pairs - seen)

    while left and len(chosen) < most:
        axes = first.pop(0) if first and most > 1 else max(left, key=adds)
        left.remove(axes)
        chosen.append(axes)
        seen.update(*_positions(axes))
    return tuple(chosen)


def _positions(axes: Axes) -> tuple[set[Any], set[Any]]:
    """Where a combination has the batch axis of each argument and of the result, and the pairs of that."""
    each = tuple(enumerate((*axes.in_axes, axes.out_axes)))
    return set(each), set(itertools.combinations(each, 2))


def usual(combinations: Sequence[Axes], chance: random.Random) -> list[Axes]:
    """Of the combinations, those that users write first.

    The first maps every argument in front; the second leaves out one; the third maps two arguments along
    different axes. `chance` chooses the second and the third.
    """
    in_front = [axes for axes in combinations if axes.out_axes == 0 and is_leading(axes)]
    every = [axes for axes in in_front if None not in axes.in_axes]
    shared = [axes for axes in in_front if axes.in_axes.count(None) == 1]
    mapped = [axes for axes in combinations if None not in axes.in_axes]
    differing = [axes for axes in mapped if len(set(axes.in_axes)) > 1]
    drawn = (chance.sample(each, 1) for each in (shared, differing) if each)
    return every + [axes for each in drawn for axes in each]


def is_leading(axes: Axes) -> bool:
    """Whether every argument that is mapped is mapped along its first axis."""
    return all(axis in (0, None) for axis in axes.in_axes)


def with_few_masks(combinations: Sequence[Axes], most: int | None, seed: int) -> Sequence[Axes]:
    """Those of at most `most` choices of what is mapped and what is not."""
    if most is None:
        return combinations
    masks = sorted({axes.leading.in_axes for axes in combinations}, key=repr)
    kept = random.Random(seed).sample(masks, min(most, len(masks)))
    return [axes for axes in combinations if axes.leading.in_axes in kept]
