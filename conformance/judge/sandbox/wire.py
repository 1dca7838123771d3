"""Frames between the judge and a worker: one JSON header and the bytes of arrays, never a pickle.

A frame is an 8-byte length, then a 4-byte length of the header, the header, and the arrays one
after another, whose dtypes and shapes the header gives: NumPy's own format has a Python literal for
a header, and Python's parser is not safe to use in several threads (python/cpython#106905).
Everything that arrives in the judge is hostile until `decode` has looked at it.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

MAX_FRAME = 64 * 2**20
KINDS = "biuf"
"""Array kinds that may travel: booleans, integers and floats."""


class Malformed(Exception):
    """What arrived is not a frame."""


def encode(header: dict[str, Any], arrays: Sequence[np.ndarray] = ()) -> bytes:
    """One frame. Raises ValueError for an array that is no plain block of numbers."""
    described, blobs = [], []
    for array in arrays:
        if array.dtype.kind not in KINDS:
            raise ValueError(f"arrays of dtype {array.dtype} do not travel, only numbers do")
        plain = np.asarray(array, array.dtype.newbyteorder("<"), order="C")
        described.append([plain.dtype.str, list(plain.shape)])
        blobs.append(plain.tobytes())
    text = json.dumps({**header, "arrays": described}).encode()
    body = struct.pack("<I", len(text)) + text + b"".join(blobs)
    return struct.pack("<Q", len(body)) + body


OWN_FAILURE = encode({"own_failure": True})
"""What a worker sends whose own code, not the candidate's, has raised: made before a candidate is loaded.

An exit status would not do: a candidate can choose its own.
"""


def decode(body: bytes) -> tuple[dict[str, Any], list[np.ndarray]]:
    """The header and the arrays of a frame's body. Raises Malformed, and nothing else."""
    try:
        (size,) = struct.unpack_from("<I", body)
        header = json.loads(body[4 : 4 + size].decode())
        start, arrays = 4 + size, []
        for kind, shape in header.pop("arrays"):
            array, start = _array(kind, shape, body, start)
            arrays.append(array)
        if start != len(body):
            raise Malformed("the lengths do not add up")
    except Malformed:
        raise
    except Exception as problem:  # whatever hostile bytes bring about
        raise Malformed("it cannot be read") from problem
    return header, arrays


def _array(kind: str, shape: list[int], body: bytes, start: int) -> tuple[np.ndarray, int]:
    """An array and where it ends, refused before anything is allocated that is not in the body."""
    if not re.fullmatch("[<|][biuf][0-9]{1,2}", kind):
        raise Malformed(f"an array of dtype {kind[:20]!r}")
    dtype = np.dtype(kind)
    count = 1
    for size in shape:
        if type(size) is not int or size < 0:
            raise Malformed(f"an array with an axis of size {str(size)[:20]}")
        count *= size
    end = start + count * dtype.itemsize
    if end > len(body):
        raise Malformed("an array's shape does not match its bytes")
    array = np.frombuffer(body[start:end], dtype).reshape(shape).copy()
    return array.astype(dtype.newbyteorder("="), copy=False), end


def flatten(tree: Any, arrays: list[np.ndarray], leaf: Callable[[Any], Any]) -> Any:
    """Nested lists, tuples and dicts as JSON; arrays are appended to `arrays`.

    `leaf` turns what is none of these into an array, or returns it as it is for JSON.
    """
    if isinstance(tree, (tuple, list)):  # named tuples among them
        kind = "tuple" if isinstance(tree, tuple) else "list"
        return {kind: [flatten(item, arrays, leaf) for item in tree]}
    if isinstance(tree, dict):
        return {"dict": {str(k): flatten(v, arrays, leaf) for k, v in tree.items()}}
    value = leaf(tree)
    if type(value) is np.ndarray:
        arrays.append(value)
        return {"array": len(arrays) - 1}
    return {"value": value}


def unflatten(spec: Any, arrays: Sequence[Any]) -> Any:
    """The inverse of `flatten`. Raises Malformed."""
    try:
        ((kind, content),) = spec.items()
        if kind in ("tuple", "list"):
            items = [unflatten(item, arrays) for item in content]
            return tuple(items) if kind == "tuple" else items
        if kind == "dict":
            return {key: unflatten(item, arrays) for key, item in content.items()}
        if kind == "array" and content >= 0:
            return arrays[content]
        if kind == "value":
            return content
    except (Malformed, RecursionError):
        raise Malformed("a tree that cannot be read") from None
    except Exception as problem:
        raise Malformed(f"{type(problem).__name__}: {problem}") from None
    raise Malformed(f"a node of kind {kind!r}")
