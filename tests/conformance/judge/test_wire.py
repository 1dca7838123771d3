"""Hostile bytes never get further than the wire."""

from __future__ import annotations

import json
import pickle
import struct
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.judge.sandbox import wire


def body_of(arrays: object, content: bytes) -> bytes:
    text = json.dumps({"arrays": arrays}).encode()
    return struct.pack("<I", len(text)) + text + content


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


@pytest.mark.parametrize(
    "array",
    [
        ["<f4", [5]],
        ["<f4", [3]],
        ["<f4", [-4]],
        ["<f4", [10**30]],
        ["<f4", [0, 10**30]],
        ["<f4", [True, 4]],
        ["<f4", ["4"]],
        ["<f4", 4],
        ["<f4", [1] * 100],
        ["|O", [2]],
        ["<c8", [2]],
        ["|V4", [4]],
        ["<f99", [1]],
        ["f4,f4", [2]],
        ["<f4", [4], "more"],
        "<f4",
        7,
    ],
)
def test_a_header_that_does_not_fit_its_bytes_is_refused(array: object) -> None:
    assert wire.decode(body_of([["<f4", [4]]], bytes(16)))[1][0].shape == (4,)
    with pytest.raises(wire.Malformed):
        wire.decode(body_of([array], bytes(16)))


def test_a_pickle_is_refused() -> None:
    content = pickle.dumps(np.array([{}], dtype=object))
    with pytest.raises(wire.Malformed):
        wire.decode(body_of([["|O", [1]]], content))


def test_frames_are_read_in_several_threads_at_a_time() -> None:
    body = wire.encode({"id": 1}, [np.arange(4.0)])[8:]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            results = list(pool.map(lambda _: wire.decode(body)[1][0].sum(), range(20_000)))
    finally:
        sys.setswitchinterval(before)
    assert set(results) == {6.0}


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
