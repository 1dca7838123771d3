"""Trees of fewer modules than another one."""

from collections.abc import Iterator

from properties.generated_modules.grammar import KINDS, Node, WrongTree, check, nodes


def smaller(tree: Node) -> Iterator[Node]:
    """Trees that have fewer modules, or simpler ones; those that have far fewer first."""
    for candidate in sorted(set(_variants(tree)), key=_weight):
        try:
            if _weight(candidate) < _weight(tree):
                check(candidate)
                yield candidate
        except WrongTree:
            continue


def _weight(tree: Node) -> int:
    """A module counts for two, one that is not `affine` for three."""
    return sum(2 + (each.does != "affine") for each in nodes(tree))


def _variants(tree: Node) -> Iterator[Node]:
    """One within it, the simplest one, or the same with one of those within left out or smaller."""
    yield Node("affine")
    yield from tree.of
    kind = KINDS[tree.does]
    for i, inner in enumerate(tree.of):
        before, after = tree.of[:i], tree.of[i + 1 :]
        if len(tree.of) > kind.fewest:
            yield Node(tree.does, (*before, *after))
        for other in _variants(inner):
            yield Node(tree.does, (*before, other, *after))
