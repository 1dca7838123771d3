"""What objects of JAX and Flax have no longer, or have otherwise: attributes, methods, operations."""

from collections.abc import Iterator, Mapping

from conformance.upgrade.difference import Difference, ObservationPair
from conformance.upgrade.kinds import DifferenceKind

GONE = DifferenceKind(
    "objects-lack",
    "What objects lack now",
    ("attribute or operation of an object is gone", "attributes or operations of objects are gone"),
    "Code that uses the attribute, or does this with the object, raises.",
    "Find such code of your own, and change it before you upgrade.",
    63,
    "work",
)
OTHER = DifferenceKind(
    "objects-give",
    "What objects give otherwise",
    ("attribute or operation of an object gives another", "attributes or operations give others"),
    "An attribute, a method or an operation gives a value or an object of another type.",
    "Look at what your code does with it.",
    113,
    "know",
)
NEW = DifferenceKind(
    "objects-have",
    "What objects have now",
    ("attribute or operation of an object is new", "attributes or operations of objects are new"),
    "An attribute or an operation that objects did not have works.",
    "Nothing to do.",
    221,
    "fine",
)
WARNS = DifferenceKind(
    "objects-warn",
    "What objects warn of now",
    (
        "attribute or operation of an object warns now",
        "attributes or operations of objects warn now",
    ),
    "The attribute or operation tells that it is deprecated: it goes away in a later release.",
    "Change it now: what is deprecated is removed in a later release.",
    101,
    "know",
)
KINDS = (GONE, OTHER, NEW, WARNS)

_GROUP = "objects"
_WARNS = " warns"
"""What the name of a fact ends with that is a warning."""
_NEEDS = "needs "
"""How the fact of a method that takes arguments begins."""
_RAISES = "!"
"""How what raises begins."""
_LONGEST = 70
"""Characters of a value in a sentence."""
IN_CODE = {
    **{
        name: f"{name}(x)"
        for name in ["hash", "bool", "len", "iter", "str", "repr", "float", "int", "abs", "round"]
    },
    **{name: f"{name}(x)" for name in ("reversed", "np.asarray", "jnp.asarray", "jnp.sum")},
    **{name: f"copy.{name}(x)" for name in ("copy", "deepcopy")},
    **{name: f"x{name}" for name in ("[0]", "[-1]", "[...]", "[None]", "['a']")},
    **{
        name: f"x {name}"
        for name in ("+ 1", "* 2", "/ 2", "// 2", "** 2", "% 2", "< 1", "+= 1", "+ (1,)")
    },
    "[0] = ": "x[0] = 1.0",
    "[...] = ": "x[...] = 1.0",
    "1 + ": "1 + x",
    "- ": "-x",
    "@": "x @ x",
    "| itself": "x | x",
    "!= itself": "x != x",
    "== a tuple": "x == (1,)",
    "== None": "x == None",
    "== 1": "x == 1",
    "== another like it": "x == another",
    "in": "1.0 in x",
    "index": "operator.index(x)",
    "key of a dict": "{x: 1}[x]",
    "pickle": "pickle.dumps(x)",
    "json": "json.dumps(x)",
    "tree leaves": "jax.tree.leaves(x)",
    "tree paths": "jax.tree.leaves_with_path(x)",
    "tree map": "jax.tree.map(f, x)",
    "device_put": "jax.device_put(x)",
    "serialized": "to_state_dict(x)",
    "to bytes": "to_bytes(x)",
    "with": "with x:",
    "call": "x()",
    "call with an array": "x(array)",
    "class": "type(x)",
    "set a new attribute": "x.new = 1",
    "set an array": "x.new = array",
    "set a list": "x.new = [array]",
}
"""An operation as code does it with an object `x`."""


def find(pair: ObservationPair) -> Iterator[Difference]:
    """One difference for each attribute and operation of each type of object."""
    for key, was, now in pair.of(_GROUP):
        if isinstance(was, dict) and isinstance(now, dict) and was.keys() & now.keys():
            for what in sorted(was.keys() | now.keys()):
                kind, said = _compared(what, was, now)
                if kind is not None:
                    yield Difference(kind, f"{key}/{what}", said, consequences=(key,))


def what_is_done(key: str) -> tuple[str, str]:
    """The type of object, and the attribute or operation, of a difference's key."""
    _, kind, what = key.split("/", 2)
    return kind, what.removesuffix(_WARNS)


def as_called(what: str) -> str:
    """What is done in a form that reads as code: `.update(...)` of what `.update(` needs."""
    return f"{what}...)" if what.endswith("(") else what


def is_warning(key: str) -> bool:
    """Whether a difference's key is of a warning of an object."""
    return key.startswith(f"{_GROUP}/") and key.endswith(_WARNS)


def _compared(
    what: str, was: Mapping[str, str], now: Mapping[str, str]
) -> tuple[DifferenceKind | None, str]:
    """How an attribute or operation differs, in words; no kind where it does not."""
    before, after = was.get(what), now.get(what)
    if before == after:
        return None, ""
    if what.endswith(_WARNS):
        return _warned(what.removesuffix(_WARNS), was, now)
    name = what.rstrip("()")
    if what != name and (name not in was or name not in now):
        return None, ""  # that the method itself is gone says it
    shown = f"`{IN_CODE.get(what, as_called(what))}`"
    if what != name and (before is None or after is None):
        # It needs an argument, and did not, or the other way round.
        needs_now = what.endswith(name + "(") and after is not None
        return (OTHER, f"{shown} {after}") if needs_now else (None, "")
    if what.startswith("is a "):
        negated = f"is no {what[5:]} now" if after is None else f"is a {what[5:]} now"
        return OTHER, negated
    if before is None or before.startswith(_RAISES):
        works = after is not None and not after.startswith(_RAISES)
        return (NEW, f"{shown} works now") if works else (None, "")
    if after is None:
        return GONE, f"{shown} is gone"
    if after.startswith(_RAISES):
        return GONE, f"{shown} worked; now {_short(after[1:])}"
    if before.startswith(_NEEDS) and after.startswith(_NEEDS):
        return OTHER, f"{shown} needed {before.removeprefix(_NEEDS)}; now it {after}"
    return OTHER, f"{shown} was {_short(before)}; is {_short(after)}"


def _warned(
    what: str, was: Mapping[str, str], now: Mapping[str, str]
) -> tuple[DifferenceKind | None, str]:
    """The warning, where what it is of worked before and warned of nothing."""
    said = f"{what}{_WARNS}"
    if said in was or said not in now or was.get(what, _RAISES).startswith(_RAISES):
        return None, ""
    of = "" if what.startswith(".") else f"`{IN_CODE.get(what, what)}` is "
    return WARNS, f"{of}deprecated now: {now[said]}"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
