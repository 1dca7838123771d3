"""Drawing trees of modules at random."""

import random
from collections.abc import Sequence

from properties.generated_modules.grammar import (
    KINDS,
    LARGEST_GROWTH,
    LEAVES,
    LIFTS,
    Node,
    growth,
)

DEPTH = 3
"""Modules are nested so deep at most, leaves not counted."""
LEAF = 0.5
"""So many of the modules within others have none themselves."""


def draw(seed: int, family: Sequence[str]) -> Node:
    """A tree with one of the family's kinds at least."""
    chance = random.Random(seed)
    wanted = chance.choice(family)
    while True:
        tree = _node(chance, 0, frozenset(), wanted)
        if growth(tree) <= LARGEST_GROWTH:
            return tree


def _node(chance: random.Random, depth: int, closed: frozenset[str], wanted: str | None) -> Node:
    """A module; where one is wanted, it is that one, or one that has it."""
    allowed = [name for name in KINDS if name not in closed]
    if wanted is not None:
        holders = [
            name
            for name in allowed
            if KINDS[name].most and wanted not in KINDS[name].closed and name != wanted
        ]
        does = chance.choice([wanted, *chance.sample(holders, 2)]) if depth < DEPTH - 1 else wanted
    elif depth >= DEPTH or chance.random() < LEAF:
        does = chance.choice([name for name in LEAVES if name not in closed])
    else:
        others = [name for name in allowed if name not in LEAVES and name not in LIFTS]
        lifts = [name for name in allowed if name in LIFTS]
        does = chance.choice(chance.choice([others, lifts]))
    kind = KINDS[does]
    count = chance.randint(kind.fewest, kind.most)
    place = chance.randrange(count) if wanted not in (None, does) else None
    return Node(
        does,
        tuple(
            _node(chance, depth + 1, closed | kind.closed, wanted if i == place else None)
            for i in range(count)
        ),
    )
