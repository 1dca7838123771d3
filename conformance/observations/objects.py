"""The surface of objects that public calls give: each attribute, what it is, and each operation."""

import collections.abc
import contextlib
import copy
import functools
import inspect
import json
import numbers
import operator
import pickle
import re
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from conformance.observations.object_makers import makers
from conformance.observations.record import Absent, Observation, first_line, needed, one
from conformance.observations.selection import EVERYTHING, Selection
from conformance.observations.started import fixed_stream

_NOT_CALLED = re.compile(
    "delete|block|clear|buffer|shutdown|live|profil|unsafe|sow|close|reset|on_dev|transfer|infeed|outfeed|poke|trap"
)
_OF_CHANCE = frozenset({"count", "device_buffers"})
_LONGEST = 200
"""Characters of a text."""
_MOST = 9
"""Items of a container that are told one by one."""
WARNS = " warns"
"""What a fact's name ends with that says of what the attribute or operation of that name warns."""
_RENAMED = {"P": "PartitionSpec", "ArrayImpl": "Array", "ArrayMeta": "Array"}
"""Names of classes that only `type(x).__name__` shows."""


def observe(selection: Selection = EVERYTHING) -> Iterator[Observation]:
    """`objects/TYPE`: by attribute and by operation, what it is, as text; `!` and a type where it raises.

    A name that ends in ` warns` has the deprecation that the attribute or operation tells.
    """
    with fixed_stream():
        for name, make in makers().items():
            yield from one(f"objects/{name}", partial(walked, make))


def walked(make: Callable[[], Any]) -> dict[str, str]:
    """What each attribute of an object is, what each operation on it gives, and what it warns of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = make()
        facts = {
            f"is a {name}": "True" for name, kind in _kinds().items() if isinstance(found, kind)
        }

        def tell(what: str, learn: Callable[[], dict[str, str]]) -> None:
            caught.clear()
            facts.update(learn())
            said = [str(each.message) for each in caught if _is_of_deprecation(each.category)]
            if said:
                facts[f"{what}{WARNS}"] = " ".join(said[0].split())[:_LONGEST]

        def use(what: str, function: Callable[[], Any]) -> None:
            tell(what, lambda: {what: _tried(function)})

        for name in dir(found):
            if not name.startswith("_") and name not in _OF_CHANCE:
                use(f".{name}", partial(getattr, found, name))
                tell(f".{name}()", partial(_called, name, found))
        for name, operation in OPERATIONS.items():
            use(name, partial(operation, found))
        # What changes the object comes last, on another one.
        other = make()
        use("== another like it", lambda: found == other)
        for name, operation in CHANGES.items():
            use(name, partial(operation, other))
    # A deprecated method warns when it is looked up.
    return {
        what: said
        for what, said in facts.items()
        if not (what.endswith(f"(){WARNS}") and what.replace("()", "") in facts)
    }


def _is_of_deprecation(category: type[Warning]) -> bool:
    return issubclass(category, DeprecationWarning | PendingDeprecationWarning | FutureWarning)


def _called(name: str, found: Any) -> dict[str, str]:
    """What a method gives, or what it needs."""
    of_arrays = isinstance(found, jax.Array) and hasattr(jnp, name)
    if _NOT_CALLED.search(name) or of_arrays:
        return {}
    try:
        method = getattr(found, name)
        if not callable(method) or inspect.isclass(method):
            return {}
        given = [
            p
            for p in inspect.signature(method).parameters.values()
            if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
        ]
    except Exception:
        return {}
    if given:
        words = ", ".join(p.name for p in given)
        return {f".{name}(": f"needs {words}"}
    return {f".{name}()": _tried(lambda: _begun(method()))}


def _begun(value: Any) -> Any:
    """A result; what a generator warns of, it says when it is asked for its first item."""
    if inspect.isgenerator(value):
        next(value, None)
    return value


def _tried(function: Callable[[], Any]) -> str:
    try:
        return _text(function())
    except Absent:
        raise
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return f"!{type(error).__name__}: {first_line(error)[:_LONGEST]}"


def _text(value: Any) -> str:
    kind = _RENAMED.get(type(value).__name__, type(value).__name__)
    if isinstance(value, str):
        return first_line(repr(value.strip().replace("\n", " ")))[:_LONGEST]
    if value is None or isinstance(value, bool | int | float | complex):
        return repr(value)
    if type(value) in (tuple, list) and len(value) < _MOST:
        inner = ", ".join(map(_text, value))
        return f"({inner})" if kind == "tuple" else f"[{inner}]"
    if type(value) is dict and len(value) < _MOST:
        return (
            "{" + ", ".join(f"{k!r}: {_text(v)}" for k, v in sorted(value.items(), key=str)) + "}"
        )
    if isinstance(value, np.dtype):
        return f"dtype {value}"
    if inspect.isclass(value):
        return f"class {value.__name__}"
    if callable(value) and not hasattr(value, "dtype"):
        return "callable"
    if not type(value).__module__.startswith("flax.") and hasattr(value, "dtype"):
        weak = " weak" if getattr(value, "weak_type", False) else ""
        return f"{kind} {value.dtype}{list(getattr(value, 'shape', ()))}{weak}"
    return kind


@functools.cache
def _kinds() -> dict[str, Any]:
    kinds = {
        "tuple": tuple,
        "list": list,
        "dict": dict,
        "str": str,
        "int": int,
        "float": float,
        "type": type,
        "Mapping": collections.abc.Mapping,
        "Sequence": collections.abc.Sequence,
        "Hashable": collections.abc.Hashable,
        "Iterable": collections.abc.Iterable,
        "Callable": collections.abc.Callable,
        "Number": numbers.Number,
        "partial": functools.partial,
        "ndarray": np.ndarray,
    }
    theirs = """
        jax.Array jax.core.Tracer jax.core.ShapedArray jax.core.Jaxpr jax.core.ClosedJaxpr
        jax.tree_util.Partial jax.tree_util.PyTreeDef jax.Device jax.sharding.Mesh
        jax.sharding.PartitionSpec jax.sharding.NamedSharding jax.sharding.Sharding jax.ShapeDtypeStruct
        jax.stages.Lowered jax.stages.Compiled jax.stages.Wrapped
        flax.linen.Module flax.core.FrozenDict flax.linen.Partitioned flax.core.meta.AxisMetadata
        flax.nnx.Variable flax.nnx.VariableState flax.nnx.Param flax.nnx.State flax.nnx.Module
        flax.nnx.Object flax.nnx.Pytree flax.nnx.GraphDef flax.nnx.Rngs flax.nnx.RngStream
    """
    for name in theirs.split():
        try:
            found = needed(name)
        except Absent:
            continue
        if inspect.isclass(found):
            kinds[name] = found
    return kinds


def _entered(found: Any) -> Any:
    with found as inner:
        return inner


def _set(found: Any, value: Any) -> type:
    """What an attribute is that is set to this. It is removed: some objects are JAX's own, made once."""
    found.new = value
    kind = type(found.new)
    with contextlib.suppress(Exception):  # what refuses that is an object of ours
        del found.new
    return kind


_ITEMS = 20
"""So many items are asked for of an object that has no end of them."""


def _has(container: Any, value: float) -> bool | str:
    """Whether `value in container`, or that Python would never know.

    Of a class without `__contains__` and `__iter__`, Python asks for item 0, 1, 2 and so on until an
    IndexError. JAX takes an index that is too large for the last one.
    """
    kind = type(container)
    if hasattr(kind, "__contains__") or hasattr(kind, "__iter__"):
        return value in container
    try:
        found = any(container[place] == value for place in range(_ITEMS))
    except IndexError:
        return False
    return found or "never ends"


OPERATIONS: dict[str, Callable[[Any], Any]] = {
    "hash": lambda o: isinstance(hash(o), int),
    "key of a dict": lambda o: {o: 1}[o],
    "bool": bool,
    "len": len,
    "iter": lambda o: [type(each).__name__ for _, each in zip(range(4), o, strict=False)],
    "[0]": lambda o: o[0],
    "[...]": lambda o: o[...],
    "[None]": lambda o: o[None],
    "[-1]": lambda o: o[-1],
    "['a']": lambda o: o["a"],
    "in": lambda o: _has(o, 1.0),
    "str": lambda o: str(o).strip(),
    "repr": lambda o: repr(o).strip(),
    "float": float,
    "int": int,
    "index": operator.index,
    "pickle": lambda o: pickle.loads(pickle.dumps(o)),  # noqa: S301 (our own bytes)
    "json": json.dumps,
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "tree leaves": lambda o: [type(leaf).__name__ for leaf in jax.tree_util.tree_leaves(o)],
    "tree paths": lambda o: [
        jax.tree_util.keystr(path) for path, _ in jax.tree_util.tree_flatten_with_path(o)[0]
    ],
    "tree map": lambda o: jax.tree_util.tree_map(lambda leaf: leaf, o),
    "with": _entered,
    "call": lambda o: o(),
    "call with an array": lambda o: o(jnp.ones(2)),
    "np.asarray": np.asarray,
    "jnp.asarray": jnp.asarray,
    "jnp.sum": jnp.sum,
    "+ 1": lambda o: o + 1,
    "1 + ": lambda o: 1 + o,
    "* 2": lambda o: o * 2,
    "- ": operator.neg,
    "/ 2": lambda o: o / 2,
    "// 2": lambda o: o // 2,
    "** 2": lambda o: o**2,
    "% 2": lambda o: o % 2,
    "@": lambda o: o @ o,
    "abs": abs,
    "< 1": lambda o: o < 1,
    "| itself": lambda o: o | o,
    "+ (1,)": lambda o: operator.add(o, (1,)),
    "== a tuple": lambda o: o == (1,),
    "== None": lambda o: o == None,  # noqa: E711
    "== 1": lambda o: o == 1,
    "!= itself": lambda o: o != o,
    "round": round,
    "reversed": lambda o: len(list(reversed(o))),
    "device_put": jax.device_put,
    "serialized": needed("flax.serialization.to_state_dict"),
    "to bytes": lambda o: type(needed("flax.serialization.to_bytes")(o)),
    "class": type,
}
CHANGES: dict[str, Callable[[Any], Any]] = {
    "[0] = ": lambda o: operator.setitem(o, 0, 1.0),
    "[...] = ": lambda o: operator.setitem(o, ..., 1.0),
    "set a new attribute": lambda o: _set(o, 1),
    "set an array": lambda o: _set(o, jnp.ones(1)),
    "set a list": lambda o: _set(o, [jnp.ones(1)]),
    "+= 1": lambda o: operator.iadd(o, 1),
}
"""What changes the object, or what an attribute of it is."""
