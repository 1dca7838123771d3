"""An array is the same bits again, and what contradicts itself is refused."""

import json
import math
import re
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from conformance.events.arrays import DEEPEST, Array, decode, encode, with_arrays


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=np.float32).reshape(2, 3).T,
        np.array([2**63 - 1, -(2**63)], np.int64),
        np.array([np.nan, np.inf, -0.0, 1e-45], np.float32),
        np.array([[1.5, -2.0]], jnp.bfloat16),
        np.array([1.0, 2.0], jnp.float8_e4m3fn),
        np.array([True, False]),
        np.zeros((0, 3), np.uint8),
        np.float64(0.1),
        np.arange(3, dtype=">i4"),
        np.array([1 - 2j], np.complex64),
    ],
    ids=lambda array: array.dtype.name,
)
def test_an_array_is_the_same_bits_again(array: Any) -> None:
    text = json.dumps(encode({"a": [array]}), allow_nan=False)
    for again in (decode(json.loads(text))["a"][0], decode(with_arrays(json.loads(text)))["a"][0]):
        assert again.shape == array.shape
        assert again.dtype.name == array.dtype.name
        assert again.tobytes() == array.astype(array.dtype.newbyteorder("=")).tobytes()


def test_a_tuple_comes_back_where_it_is_told_from_a_list() -> None:
    value = {"in_axes": (0, [1, (None,)]), "empty": (), "list": [0, 1]}
    text = json.dumps(encode(value, tuples=True))
    assert decode(json.loads(text)) == value
    assert decode(with_arrays(json.loads(text))) == value
    assert encode(value) == {"in_axes": [0, [1, [None]]], "empty": [], "list": [0, 1]}


def test_bytes_are_little_endian_base64() -> None:
    assert encode(np.array([1], ">u2")) == {"dtype": "uint16", "shape": [1], "data": "AQA="}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_json_lacks_is_not_written_bare(value: float) -> None:
    text = json.dumps(encode({"x": value}), allow_nan=False)
    np.testing.assert_equal(float(decode(json.loads(text))["x"]), value)


@pytest.mark.parametrize(
    "array", [np.array([None]), np.array("word"), np.zeros(2, jax.dtypes.float0)]
)
def test_what_has_no_plain_bytes_is_written_as_words(array: Any) -> None:
    assert isinstance(encode(array), str)


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"dtype": "float33"}, "dtype 'float33' of an array is unknown"),
        ({"dtype": "object"}, "unknown"),
        ({"dtype": "float"}, "unknown"),
        ({"dtype": "void"}, "unknown"),
        ({"dtype": "O"}, "matching regex"),
        ({"shape": [3]}, "has 8 bytes of data, not 12"),
        ({"shape": [10**30]}, "has 8 bytes of data"),
        ({"shape": [0, 10**30], "data": ""}, "cannot have the shape"),
        ({"shape": [2] + [1] * 70}, "cannot have the shape"),
        ({"shape": [-2]}, ">= 0"),
        ({"shape": 2}, "Expected `array`"),
        ({"shape": ["2"]}, "Expected `int`"),
        ({"data": "AAAA"}, "has 3 bytes of data, not 8"),
        ({"data": "AAAAAAAAAA!="}, "not base64"),
        ({"data": "ä"}, "not base64"),
        ({"data": None}, "Expected `str`"),
    ],
)
def test_a_malformed_array_is_refused_with_its_place(
    fields: dict[str, Any], complaint: str
) -> None:
    whole = {"dtype": "float32", "shape": [2], "data": "AAAAAAAAAAA="}
    assert with_arrays([{"y": whole}])[0]["y"] == Array("float32", (2,), "AAAAAAAAAAA=")
    with pytest.raises(ValueError, match=re.escape(complaint)) as caught:
        with_arrays([{"y": {**whole, **fields}}], "got")
    assert "`$.got[0].y" in str(caught.value)


def test_a_value_may_be_nested_only_so_deep() -> None:
    value: Any = 1
    for _ in range(DEEPEST):
        value = [value]
    assert with_arrays(value) == value
    with pytest.raises(ValueError, match=f"more than {DEEPEST} levels"):
        with_arrays([value])
