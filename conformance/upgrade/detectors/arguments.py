"""Arguments of public functions: other defaults, arguments that are gone or asked for, new ones."""

from collections.abc import Iterator, Mapping

from conformance.upgrade.difference import Difference, ObservationPair
from conformance.upgrade.kinds import DifferenceKind

DEFAULT = DifferenceKind(
    "defaults-changed",
    "Other default arguments",
    ("default argument changed", "default arguments changed"),
    "A call that does not give the argument means something else, without a word.",
    "Give the argument where you depend on it.",
    84,
    "know",
)
GONE = DifferenceKind(
    "arguments-gone",
    "Arguments that are gone",
    ("argument gone", "arguments gone"),
    "A call that gives the argument by its name raises TypeError.",
    "Look for such calls of your own: `--source DIR` finds them.",
    86,
    "know",
)
NEEDED = DifferenceKind(
    "arguments-needed",
    "Arguments that must be given now",
    ("argument to give now", "arguments to give now"),
    "A call without the argument raises TypeError.",
    "Give the argument.",
    88,
    "know",
)
ADDED = DifferenceKind(
    "arguments-added",
    "New arguments",
    ("function with new arguments", "functions with new arguments"),
    "Nothing breaks.",
    "Code that gives the argument needs at least this release.",
    214,
    "fine",
)
KINDS = (DEFAULT, GONE, NEEDED, ADDED)

_NO_DEFAULT = ("required", "not given")
_OTHERS = ("*", "**")
_NOTHING = {"set()", "frozenset()"}
"""Two ways to write that there is none."""


def find(pair: ObservationPair) -> Iterator[Difference]:
    """One difference for each function and kind; a function that is gone is another detector's."""
    for key, was, now in pair.of("defaults"):
        if isinstance(was, Mapping) and isinstance(now, Mapping):
            yield from _of_function(key, was, now)


def _of_function(key: str, was: Mapping[str, str], now: Mapping[str, str]) -> Iterator[Difference]:
    both = [name for name in was if name in now and was[name] != now[name]]
    moved = [
        name
        for name in both
        if not {was[name], now[name]} & {*_NO_DEFAULT} and {was[name], now[name]} != _NOTHING
    ]
    for name in moved:
        said = f"{name} was {was[name]} where it is not given, is {now[name]}"
        yield Difference(DEFAULT, key, said, cause=f"{name}: {was[name]} to {now[name]}")
    for name in (name for name in both if now[name] == "required"):
        said = f"{name} must be given; it was {was[name]} where it was not"
        yield Difference(NEEDED, key, said, cause=f"{name} needed")
    gone = [name for name in was if name not in now and name not in _OTHERS]
    if gone and not {*_OTHERS} & now.keys():
        said = f"takes no {', '.join(f'{name}=' for name in gone)} any more"
        yield Difference(GONE, key, said, cause=" ".join(gone))
    more = [name for name in now if name not in was and name not in _OTHERS]
    if more and not {*_OTHERS} & was.keys():
        said = f"takes {', '.join(f'{name}=' for name in more)} now"
        yield Difference(ADDED, key, said)
