"""A tree of modules as plain data: strictly decoded from JSON, and the same for every library.

Every module maps whole numbers of shape (WIDTH,) to such numbers, so that each may stand in the place
of any other.
"""

import itertools
from collections.abc import Iterator, Mapping
from types import MappingProxyType

import attrs
from msgspec import Struct

LARGEST_GROWTH = 2**12
"""A derivative of a module's output by its input is no larger: float32 then has all gradients exactly."""
DEEPEST = 12
"""A tree that is decoded has no more modules, one within the other."""


class Node(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A module, and the modules within it."""

    does: str
    """A name of `KINDS`."""
    of: "tuple[Node, ...]" = ()


@attrs.frozen
class Kind:
    """What a module does with those within it."""

    name: str
    """The name of its class in each library."""
    sentence: str
    fewest: int = 0
    most: int = 0
    lift: bool = False
    """It lifts the module within by a transform of the library."""
    closed: frozenset[str] = frozenset()
    """What may not be anywhere within it."""
    bound: bool = False
    """It has one module in two places, or makes variables when it is called."""


_STATE = frozenset({"count", "mean", "noise", "sow"})
_SOWN = frozenset({"sow"})
KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "affine": Kind("Affine", "x w + b, of parameters"),
        "count": Kind("Count", "adds x to a total in its cache"),
        "mean": Kind("Mean", "keeps x in its statistics, and gives the difference to the last one"),
        "noise": Kind("Noise", "adds what it draws from a stream"),
        "sow": Kind("Sow", "sows x", bound=True),
        "chain": Kind("Chain", "submodules that are attributes, one after the other", 1, 3),
        "inline": Kind("Inline", "submodules made in the call, where the library can", 1, 3),
        "list": Kind("Listed", "submodules in a list", 1, 3),
        "dict": Kind("InDict", "submodules in a dictionary", 1, 2),
        "sum": Kind("Sum", "the sum of what submodules give", 2, 3),
        "again": Kind("Again", "one submodule called twice", 1, 1),
        "shared": Kind("Shared", "one submodule that two others have", 1, 1, bound=True),
        "remat": Kind("Remat", "rematerialised", 1, 1, lift=True),
        "jit": Kind("Jit", "compiled", 1, 1, lift=True),
        "scan": Kind("Scanned", "two layers in a scan", 1, 1, lift=True, closed=_SOWN),
        "loop": Kind("Looped", "one layer twice in a loop", 1, 1, lift=True, closed=_SOWN),
        "map": Kind("Mapped", "a map of two members", 1, 1, lift=True, closed=_SOWN),
        "map-shared": Kind(
            "MapShared", "a map of one member over two inputs", 1, 1, lift=True, closed=_STATE
        ),
        "cond": Kind(
            "Branched", "one module or the other, as x says", 2, 2, lift=True, closed=_SOWN
        ),
    }
)
"""By name; those without a module within come first."""
LEAVES = tuple(name for name, kind in KINDS.items() if not kind.most)
LIFTS = tuple(name for name, kind in KINDS.items() if kind.lift)


class WrongTree(ValueError):
    """A tree that is none: in one sentence."""


def check(tree: Node, closed: frozenset[str] = frozenset(), depth: int = 0) -> None:
    """Check a tree that was decoded.

    Raises:
        WrongTree: a module is of no kind, has too many or too few modules, or may not be where it is.
    """
    kind = KINDS.get(tree.does)
    if kind is None:
        raise WrongTree(f"unknown kind of module {tree.does!r}")
    if tree.does in closed:
        raise WrongTree(f"{tree.does!r} may not be within what it is in")
    if not kind.fewest <= len(tree.of) <= kind.most:
        raise WrongTree(
            f"{tree.does!r} has {kind.fewest} to {kind.most} modules, not {len(tree.of)}"
        )
    if depth >= DEEPEST:
        raise WrongTree(f"modules are nested deeper than {DEEPEST}")
    for each in tree.of:
        check(each, closed | kind.closed, depth + 1)
    if depth == 0 and growth(tree) > LARGEST_GROWTH:
        raise WrongTree("the derivative of the module may be too large to be exact")


def growth(tree: Node) -> int:
    """How large a derivative of the module's output by its input may be."""
    inner = [growth(each) for each in tree.of]
    product = 1
    for each in inner:
        product *= each
    if tree.does in ("again", "scan", "loop"):
        return product**2
    if tree.does == "sum":
        return sum(inner)
    if tree.does in ("shared", "map", "map-shared"):
        return 2 * product
    if tree.does == "cond":
        return max(inner)
    return {"affine": 3, "mean": 2, "count": 2}.get(tree.does, product)


def nodes(tree: Node) -> Iterator[Node]:
    """The module and all within it, the inner ones first."""
    for each in tree.of:
        yield from nodes(each)
    yield tree


def source(tree: Node) -> str:
    """Python that defines `Top`, in terms of the classes that each library has of these names."""
    lines: list[str] = []
    numbers = itertools.count()

    def define(node: Node, name: str) -> str:
        if not node.of and name != "Top":
            return KINDS[node.does].name
        inner = [define(each, f"M{next(numbers)}") for each in node.of]
        of = f"    of = ({', '.join(inner)},)" if inner else "    pass"
        lines.append(f"class {name}({KINDS[node.does].name}):\n{of}\n")
        return name

    define(tree, "Top")
    return "\n\n".join(lines)
