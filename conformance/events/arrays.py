"""Arrays in the event log: base64 of the little-endian bytes, beside dtype and shape."""

import base64
import binascii
import math
from collections.abc import Mapping
from typing import Annotated, Any

import ml_dtypes
import msgspec
import numpy as np
from msgspec import Meta, Struct

ARRAY_FIELDS = frozenset({"dtype", "shape", "data"})
TUPLE = "tuple"
"""The only field of an object that is a tuple, where a value must tell it from a list."""
DEEPEST = 100
"""Levels of nesting in a value; more are refused, since every reader walks them."""

Count = Annotated[int, Meta(ge=0)]


class Array(Struct, frozen=True, forbid_unknown_fields=True):
    """Base64 of the little-endian bytes in C order; also NaN and Infinity, which JSON lacks."""

    dtype: Annotated[str, Meta(pattern="^[a-z][a-z0-9_]*$")]
    shape: tuple[Count, ...]
    data: Annotated[str, Meta(extra_json_schema={"contentEncoding": "base64"})]

    def __post_init__(self) -> None:
        self.to_numpy()

    def to_numpy(self) -> np.ndarray:
        """The array, read-only. Raises ValueError where the three fields contradict each other."""
        dtype = _dtype(self.dtype)
        try:
            data = base64.b64decode(self.data, validate=True)
        except (binascii.Error, ValueError) as error:
            raise ValueError(f"the data of an array is not base64: {error}") from None
        wanted = math.prod(self.shape) * dtype.itemsize
        if len(data) != wanted:
            raise ValueError(
                f"an array of {self.dtype}{list(self.shape)} has {len(data)} bytes of data, not {wanted}"
            )
        try:
            return np.frombuffer(data, dtype).reshape(self.shape)
        except ValueError as error:
            raise ValueError(
                f"an array cannot have the shape {list(self.shape)}: {error}"
            ) from None


Value = Annotated[Any, Meta(extra_json_schema={"$ref": "#/$defs/Value"})]
"""A tree of arrays, numbers and words."""

Quantity = Annotated[
    float | Array | None,
    Meta(
        description="A number, infinite or NaN as an array without axes; null where there is none."
    ),
]


def _dtype(name: str) -> np.dtype[Any]:
    """The dtype of that name. Raises ValueError for one that is unknown, or has no fixed bytes."""
    try:
        dtype = np.dtype(name)
    except TypeError:
        dtype = None
    if dtype is None or dtype.name != name or not _has_plain_bytes(dtype):
        raise ValueError(f"the dtype {name!r} of an array is unknown")
    return dtype


def _has_plain_bytes(dtype: np.dtype[Any]) -> bool:
    return dtype.kind in "biufc" or getattr(ml_dtypes, dtype.name, None) is dtype.type


def encode(value: Any, *, tuples: bool = False) -> Any:
    """JSON-ready data: arrays as {dtype, shape, data}, floats that JSON lacks as such arrays.

    Args:
        value: a tree of arrays, numbers and words.
        tuples: whether a tuple is {"tuple": [...]}, and not a list as one.

    """
    if isinstance(value, Array):
        return {"dtype": value.dtype, "shape": list(value.shape), "data": value.data}
    if isinstance(value, Mapping):
        return {str(k): encode(v, tuples=tuples) for k, v in value.items()}
    if isinstance(value, list | tuple):
        items = [encode(v, tuples=tuples) for v in value]
        return {TUPLE: items} if tuples and isinstance(value, tuple) else items
    if isinstance(value, float) and not math.isfinite(value):
        value = np.float64(value)
    if isinstance(value, np.ndarray | np.generic):
        array = np.asarray(value)
        if not _has_plain_bytes(array.dtype):
            return str(array)
        little = array.astype(array.dtype.newbyteorder("<"), order="C")
        data = base64.b64encode(little.tobytes()).decode()
        return {"dtype": array.dtype.name, "shape": list(array.shape), "data": data}
    return value


def quantity(number: Any) -> float | Array | None:
    """A number as records have it: what JSON lacks as an array without axes."""
    encoded = encode(number)
    return msgspec.convert(encoded, Array) if isinstance(encoded, dict) else encoded


def decode(value: Any) -> Any:
    """The inverse of `encode`; a tuple that was written as a list is one."""
    if isinstance(value, Array):
        return value.to_numpy()
    if isinstance(value, Mapping):
        if set(value) == ARRAY_FIELDS:
            return msgspec.convert(value, Array).to_numpy()
        if set(value) == {TUPLE} and isinstance(value[TUPLE], list):
            return tuple(map(decode, value[TUPLE]))
        return {k: decode(v) for k, v in value.items()}
    if isinstance(value, list):
        return [decode(v) for v in value]
    return value


def with_arrays(value: Any, path: str = "", depth: int = 0) -> Any:
    """The value as read from a log, each array in it checked and made an `Array`.

    Raises ValueError, naming the place, for an array that is malformed and for nesting beyond `DEEPEST`.
    """
    if depth > DEEPEST:
        raise ValueError(f"is nested more than {DEEPEST} levels deep - at `$.{path}`")
    if isinstance(value, dict):
        if set(value) == ARRAY_FIELDS:
            try:
                return msgspec.convert(value, Array)
            except msgspec.ValidationError as error:
                raise ValueError(relocated(error, path)) from None
        return {k: with_arrays(v, f"{path}.{k}", depth + 1) for k, v in value.items()}
    if isinstance(value, list):
        return [with_arrays(v, f"{path}[{i}]", depth + 1) for i, v in enumerate(value)]
    return value


def relocated(error: Exception, path: str) -> str:
    """The message of a validation error in a part of a record, with the part's place in it."""
    message, _, place = str(error).partition(" - at `$")
    return f"{message} - at `$.{path}{place.removesuffix('`')}`"
