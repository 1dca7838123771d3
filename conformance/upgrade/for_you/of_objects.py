"""Which lines of the user's files do with an object what changed."""

import functools
import re
from collections.abc import Mapping

import numpy as np

from conformance.events.user_code import Use
from conformance.upgrade.detectors.objects import WARNS, as_called, what_is_done
from conformance.upgrade.difference import Difference
from conformance.upgrade.for_you.index import Operations, Uses

_NNX = frozenset(
    {
        *("Param", "Variable", "State", "GraphDef", "Rngs", "RngStream", "NNX layer", "NNX module"),
        *("Dropout", "BatchNorm", "MultiHeadAttention", "Sequential", "Optimizer", "MultiMetric"),
        *("Average", "NNX jitted", "NNX mapped", "ToNNX", "iter_modules", "iter_graph"),
    }
)
_LINEN = frozenset(
    {
        *("Linen module", "Own Linen module", "Bound Linen module", "Linen variables"),
        *("Partitioned", "FrozenDict", "TrainState", "Linen initializer"),
    }
)
_ALIKE: Mapping[str, str] = {
    "Variable with metadata": "Param",
    "Variable of a number": "Param",
    "Array of a number": "Array",
    "Leaf of a State": "Param",
    "Variable": "Param",
}
"""Types of objects that a file's text does not distinguish."""
_SHORTEST = 7
"""Letters of an attribute that says which object has it: shorter ones are many things' names."""
_COMMON = frozenset(
    name
    for kind in (str, list, dict, set, int, float, type, np.ndarray, functools.partial)
    for name in dir(kind)
)
"""Attributes that other objects have."""
_USUAL = """
    replace forward variables variable metadata parameters attributes as_text pretty_print
    set_mode kernel_init bias_init scale_init out_kernel_init out_bias_init
"""
"""Attributes that users give to classes of their own, or that other libraries' objects have."""
_CLASSES = re.compile(r" was ([A-Z]\w+); is ([A-Z]\w+)$")
"""How a sentence ends that is of the class of what an attribute gives."""


def met_by(entry: Difference, uses: Uses, operations: Operations) -> tuple[str, list[Use]] | None:
    """The object and what is done, with the lines that do it; None where none does.

    Args:
        entry: A difference of an attribute or operation of a type of objects.
        uses: The uses of each name.
        operations: What the sources do.

    """
    if _is_of_one_family(entry.sentence):
        return None
    kind, what = what_is_done(entry.key)
    kind = _ALIKE.get(kind, kind)
    wanted = {f"{kind}: {_asked(what)}"}
    if what.endswith("("):
        needed = entry.sentence.rpartition(" needs ")[2].count(",") + 1
        wanted = {f"{kind}: {what}{given}" for given in range(needed)}
    attribute = what.removeprefix(".").rstrip("()")
    telling = attribute not in _COMMON.union(_USUAL.split()) and len(attribute) >= _SHORTEST
    if what.startswith(".") and telling and not what.endswith("("):
        wanted.add(f"an object: {_asked(what)}")
    library = "flax.nnx" if kind in _NNX else "flax" if kind in _LINEN else "jax"
    files = uses.files.get(library, set())
    mine = [each for name in sorted(wanted) for each in operations.by_name.get(name, ())]
    mine = [each for each in mine if each.file in files]
    if not mine:
        return None
    if entry.kind is WARNS:
        # Most others of the file are of that type, too: `.value` of what `nnx.state` gives.
        files = {each.file for each in mine}
        alike = f"an object: {_asked(what)}"
        mine += [each for each in operations.by_name.get(alike, ()) if each.file in files]
    name = f"{kind}{as_called(what)}" if what.startswith((".", "[")) else kind
    return name, [Use(file=each.file, line=each.line, name=name) for each in mine]


def _is_of_one_family(sentence: str) -> bool:
    """Whether the class is one derived from the other, by its name: `AxisPrimitive` is a `Primitive`."""
    classes = _CLASSES.search(sentence)
    if classes is None:
        return False
    was, now = classes.groups()
    return was.endswith(now) or now.endswith(was)


def _asked(what: str) -> str:
    """How the sources' operations name it."""
    if what.startswith("is a "):
        return f"is a {what.rpartition('.')[2].removeprefix('is a ')}"
    return what
