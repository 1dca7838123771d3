"""Values that changed: initial values, outputs, gradients and draws, within rounding or beyond it."""

from collections.abc import Iterator

from conformance.upgrade.detectors import initial_trees
from conformance.upgrade.detectors.arrays import distance
from conformance.upgrade.difference import (
    Difference,
    Distance,
    ObservationPair,
    Value,
    described,
    was_and_is,
)
from conformance.upgrade.kinds import DifferenceKind

BEYOND = DifferenceKind(
    "values-beyond-bound",
    "Values changed beyond rounding",
    ("value beyond rounding", "values beyond rounding"),
    "The same call gives another value, further away than rounding explains.",
    "Find out which of the two is wrong.",
    60,
    "work",
)
STRUCTURE = DifferenceKind(
    "outputs-structure",
    "Outputs of another structure",
    ("output of another structure", "outputs of another structure"),
    "The same call gives a tree of other leaves, or a leaf of another shape or dtype.",
    "Code that reads the leaf, and checkpoints that have it, must follow.",
    58,
    "work",
)
UNBOUNDED = DifferenceKind(
    "values-unbounded",
    "Values changed, rounding error unknown",
    ("value changed without a known bound", "values changed without a known bound"),
    "The same call gives another value; no bound of its rounding error is known.",
    "Compare your own results with the tolerance that they need.",
    115,
    "know",
)
WITHIN = DifferenceKind(
    "values-changed",
    "Values changed within rounding",
    ("value within rounding", "values within rounding"),
    "The same call gives a value that differs by no more than rounding explains.",
    "Compare with a tolerance, not for equality.",
    120,
    "know",
)
KINDS = (STRUCTURE, BEYOND, UNBOUNDED, WITHIN)

_FAR = 1000
"""So many times what rounding allows: the exact number says no more."""


def find(pair: ObservationPair) -> Iterator[Difference]:
    """One difference for each array that is not the same to the bit, or of another shape or dtype."""
    for key, was, now in pair.of("prng", "draws", "outputs", "gradients", *initial_trees.GROUPS):
        initial = _is_initial(key)
        beyond = initial_trees.CHANGED if initial else BEYOND
        apart = distance(was, now)
        if apart is None:
            kind = initial_trees.CHANGED if initial else STRUCTURE
            yield Difference(kind, key, _of_leaf(key, was, now))
        elif not apart.equal:  # else only what is recorded beside the value changed
            kind = WITHIN if apart.within else UNBOUNDED if apart.share is None else beyond
            what = "other initial values from the same seed, " if initial else ""
            said = what + _words(apart) + (_beside_plain(was, now) if initial else "")
            yield Difference(kind, key, said, cause=_cause(key, kind), detail=apart)


def _is_initial(key: str) -> bool:
    return key.split("/", maxsplit=1)[0] in initial_trees.GROUPS and "/applied/" not in key


def _cause(key: str, kind: DifferenceKind) -> str | None:
    """Of modules, the lift or the layer: its leaves change together."""
    of_module = key.startswith(("lifts/", "layers/")) and kind is not WITHIN
    return "/".join(key.split("/")[:3]) if of_module else None


def _beside_plain(was: Value, now: Value) -> str:
    """Whether the value is that of the module without a lift, where that changed."""
    before, since = (value.get("plain") for value in (was, now))
    if before == since or None in (before, since):
        return ""
    return f"; {'they were' if before else 'they are now'} those of the module without the lift"


def _of_leaf(key: str, was: Value, now: Value) -> str:
    """What became of a leaf of a tree: such as `the leaf updated/rngs/key is gone: it was uint32[3, 2]`."""
    leaf = "/".join(key.split("/")[3:])
    what = f"the leaf {leaf}" if leaf else "the whole result"
    if now is None:
        return f"{what} is gone: it was {described(was)}"
    if was is None:
        return f"{what} is new: {described(now)}"
    return f"{what} {was_and_is(was, now)}"


def _words(apart: Distance) -> str:
    size = f"by up to {apart.ulps:.3g} ULP"
    if apart.share is None:
        return f"{size}; no bound is known"
    if apart.within:
        return f"{size}, {apart.share:.2g} of what rounding allows"
    if apart.share > _FAR:
        return f"another value: more than {_FAR} times as far away as rounding allows"
    return f"{size}, {apart.share:.3g} times what rounding allows"
