"""An answer as plain arrays, and whether a call has changed its arguments."""

from __future__ import annotations

import types
from typing import Any

import numpy as np

from . import wire


def pack(result: Any, sent: list[np.ndarray], tree: bool, largest: int) -> dict[str, Any]:
    """The answer as arrays in `sent`; what is too large or no number is only described."""
    dtypes: list[str] = []
    weak: list[bool] = []

    def leaf(value: Any) -> Any:
        array = _as_array(value)
        if array.dtype.kind not in wire.KINDS + "V" or array.dtype.names:
            raise _Unfit(_described(value, array))
        if array.nbytes > largest:
            raise _Unfit(f"an array of shape {array.shape}, far larger than the right one")
        dtypes.append(_dtype(value, array))
        weak.append(_plain(value))
        return array.astype(np.float32) if array.dtype.kind == "V" else np.array(array, order="C")

    try:
        if _has_more_parts(result, largest // SMALLEST_PART):
            raise _Unfit("lists of far more parts than the right one has")
        spec = (
            wire.flatten(result, sent, leaf)
            if tree
            else wire.flatten(_Leaf(result), sent, _own(leaf))
        )
    except RecursionError:
        sent.clear()
        return {"unfit": "lists that are nested too deeply"}
    except _Unfit as problem:
        sent.clear()
        # What has several parts is sent as them: which of them is right says what is wrong.
        if not tree and (isinstance(result, (tuple, dict)) or _holds_arrays(result)):
            parts = pack(result, sent, True, largest)
            if "answer" in parts and sent:
                return parts
            sent.clear()
        return {"unfit": str(problem)[:300]}
    reply: dict[str, Any] = {"answer": spec, "dtypes": dtypes, "weak": weak}
    if not tree and isinstance(result, (tuple, list)) and any(hasattr(p, "dtype") for p in result):
        reply["container"] = "tuple" if isinstance(result, tuple) else "list"
    return reply


SMALLEST_PART = 4
"""Bytes that a part of a right answer has at least."""


def _holds_arrays(result: Any) -> bool:
    """Whether this is a list of arrays alone, such as those that every layer gives."""
    return isinstance(result, list) and all(hasattr(part, "dtype") for part in result)


def _has_more_parts(tree: Any, limit: int) -> bool:
    """Whether nested containers have more than `limit` parts; a few lists can have any number."""
    pending, count = [tree], 0
    while pending and count <= limit:
        node = pending.pop()
        count += 1
        if isinstance(node, dict):
            pending += node.values()
        elif isinstance(node, (list, tuple)):
            pending += node
    return count > limit


def _described(value: Any, array: np.ndarray) -> str:
    """What is no number, in a few words; the name of its type is the first of them."""
    if value is None:
        return "None"
    name = type(value).__name__
    if isinstance(value, types.CoroutineType):
        value.close()  # or Python warns that nobody has waited for it
    if array.dtype == object and not isinstance(value, np.ndarray):
        return f"{name} object"
    return f"{name} of dtype {array.dtype}"


def _as_array(value: Any) -> np.ndarray:
    try:
        return np.asarray(value)
    except ValueError:
        if isinstance(value, (list, tuple)):
            raise _Unfit(f"a {type(value).__name__} of parts whose shapes differ") from None
        raise


class _Unfit(Exception):
    """An answer that is not made of numbers, or far larger than any right one."""


class _Leaf:
    """A whole answer that is one array, whatever containers it is made of."""

    def __init__(self, value: Any) -> None:
        self.value = value


def _own(leaf: Any) -> Any:
    return lambda wrapped: leaf(wrapped.value)


def _dtype(value: Any, array: np.ndarray) -> str:
    """The dtype's name, the same for either order of its bytes."""
    if array.dtype.kind == "V":  # bfloat16 and its like
        return str(getattr(value, "dtype", array.dtype))
    return array.dtype.newbyteorder("=").name


def _plain(value: Any) -> bool:
    """Whether the answer is Python's own numbers, which have no dtype of JAX's."""
    while type(value) in (list, tuple) and value:
        value = value[0]
    return type(value) in (int, float, bool)


def as_jax_array(array: np.ndarray) -> Any:
    """The array as one of JAX's; as it is where JAX would give it another dtype."""
    import jax

    if jax.dtypes.canonicalize_dtype(array.dtype) != array.dtype:
        return array
    return jax.device_put(array)


def parts(tree: Any) -> list[tuple[Any, bytes]]:
    """What nested lists and tuples hold, and the bytes of its arrays."""
    if isinstance(tree, (list, tuple)):
        return [part for item in tree for part in parts(item)]
    return [(tree, tree.tobytes() if isinstance(tree, np.ndarray) else b"")]


def changed(before: list[tuple[Any, bytes]], tree: Any) -> bool:
    """Whether an argument's arrays, or a list's items, are other ones than before."""
    try:
        after = parts(tree)
    except RecursionError:  # a list that was put into itself
        return True
    return len(after) != len(before) or any(
        one is not other or held != now
        for (one, held), (other, now) in zip(before, after, strict=True)
    )
