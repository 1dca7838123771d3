"""Hostile bytes never get further than the wire."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.judge.inside import wire


def body_of(header: dict, *blobs: bytes) -> bytes:
    text = json.dumps({**header, "arrays": [len(blob) for blob in blobs]}).encode()
    return struct.pack("<I", len(text)) + text + b"".join(blobs)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=np.float32).reshape(2, 3),
        np.float32(1.5).reshape(()),
        np.zeros((0, 3), np.int64),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.array([True, False]),
        np.arange(3, dtype=">i4"),
    ],
)
def test_arrays_come_back_as_they_went(array: np.ndarray) -> None:
    frame = wire.encode({"id": 3}, [array])
    header, (back,) = wire.decode(frame[8:])
    assert header == {"id": 3}
    assert back.shape == array.shape
    assert back.dtype == array.dtype.newbyteorder("=")
    assert np.array_equal(back, array)


@pytest.mark.parametrize("dtype", [object, "U3", "S3", [("a", "i4")], complex, "M8[s]"])
def test_what_is_no_number_does_not_travel(dtype: object) -> None:
    with pytest.raises(ValueError, match="only numbers"):
        wire.encode({}, [np.zeros(2, dtype)])


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(st.binary(max_size=300))
def test_noise_is_malformed_and_nothing_else(noise: bytes) -> None:
    with pytest.raises(wire.Malformed):
        wire.decode(noise)


def test_a_header_that_promises_more_than_it_holds_allocates_nothing() -> None:
    array = np.zeros(4, np.float32)
    frame = wire.encode({}, [array])[8:]
    assert b"'shape': (4,), " in frame
    lying = frame.replace(b"'shape': (4,), ", b"'shape': (10**9,), "[:15].ljust(15))
    for shape in (b"(9,), ", b"(-4,),"):
        lying = frame.replace(b"(4,), ", shape)
        with pytest.raises(wire.Malformed):
            wire.decode(lying)


def test_a_pickle_is_refused() -> None:
    import io

    stream = io.BytesIO()
    np.save(stream, np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(wire.Malformed):
        wire.decode(body_of({}, stream.getvalue()))


def test_deep_nesting_is_malformed() -> None:
    text = b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b',"arrays":[]}'
    with pytest.raises(wire.Malformed):
        wire.decode(struct.pack("<I", len(text)) + text)


@pytest.mark.parametrize(
    "spec", [None, 3, {}, {"list": 3}, {"array": -1}, {"array": 7}, {"odd": []}, {"a": 1, "b": 2}]
)
def test_a_tree_that_is_none_is_malformed(spec: object) -> None:
    with pytest.raises(wire.Malformed):
        wire.unflatten(spec, [np.zeros(1)])


def test_trees_come_back_as_they_went() -> None:
    tree = {"a": (1, [2.5, np.ones(2)], {"b": None}), "c": "x"}
    arrays: list[np.ndarray] = []
    spec = wire.flatten(tree, arrays, lambda leaf: leaf)
    back = wire.unflatten(json.loads(json.dumps(spec)), arrays)
    assert repr(back) == repr(tree)
