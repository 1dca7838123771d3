"""An answer is right within the error bound, and in shape and dtype exactly."""

from __future__ import annotations

import numpy as np
import pytest

from conformance.judge.compare import GivenAnswer, compare, received
from conformance.judge.expected_answers import ExpectedAnswer, Leaf
from conformance.judge.sandbox import answers, wire

ARRAY = {"array": 0}


def right(value: object, error: object = None, dtype: str = "float32") -> ExpectedAnswer:
    array = np.asarray(value)
    bound = None if error is None else np.broadcast_to(np.asarray(error, float), array.shape)
    return ExpectedAnswer(ARRAY, (Leaf(array, bound, dtype),))


def answer(value: object, dtype: str | None = None, *, weak: bool = False) -> GivenAnswer:
    array = np.asarray(value)
    return GivenAnswer(ARRAY, (array,), (dtype or str(array.dtype),), (weak,))


BOUNDED = right([1.0, 2.0], [1e-6, 1e-6])


def test_within_twice_the_bound_is_right_and_beyond_is_not() -> None:
    assert compare(answer(np.float32([1.000001, 2.0])), BOUNDED) is None
    mismatch = compare(answer(np.float32([1.00001, 2.0])), BOUNDED)
    assert mismatch is not None
    assert "[0]" in mismatch.message
    assert mismatch.ulps == pytest.approx(84, abs=2)


@pytest.mark.parametrize("wild", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_match_nothing(wild: float) -> None:
    mismatch = compare(answer(np.float32([wild, 2.0])), BOUNDED)
    assert mismatch is not None
    assert mismatch.what == "values"


@pytest.mark.parametrize("shape", [(2, 1), (1, 2), (1,), (), (3,)])
def test_another_shape_is_wrong_even_where_it_would_broadcast(shape: tuple[int, ...]) -> None:
    mismatch = compare(answer(np.ones(shape, np.float32)), right(np.ones(2), np.ones(2)))
    assert mismatch is not None
    assert mismatch.what == "shape"


@pytest.mark.parametrize("dtype", ["float64", "float16", "bfloat16", "int32", "bool"])
def test_another_dtype_is_wrong(dtype: str) -> None:
    array = np.ones(2, np.float32 if dtype == "bfloat16" else dtype)
    mismatch = compare(answer(array, dtype), right(np.ones(2), np.ones(2)))
    assert mismatch is not None
    assert mismatch.what == "dtype"
    assert dtype in mismatch.message


def test_python_numbers_have_no_dtype_to_be_wrong() -> None:
    assert compare(answer(np.float64([1.0, 2.0]), weak=True), BOUNDED) is None
    assert compare(answer(np.int64([1, 2]), weak=True), BOUNDED) is None
    assert compare(answer(np.float64([1.0, 2.0])), BOUNDED) is not None


def test_integers_stay_integers_exactly() -> None:
    whole = right(np.int32([1, 2]), dtype="int32")
    assert compare(answer(np.int32([1, 2])), whole) is None
    assert compare(answer(np.int64([1, 2])), whole) is None
    assert compare(answer(np.int16([1, 2])), whole) is not None
    assert compare(answer(np.float32([1, 2])), whole) is not None
    assert compare(answer(np.int32([1, 3])), whole) is not None


def test_containers_are_compared_a_list_doing_for_a_tuple() -> None:
    leaves = (Leaf(np.ones(1), np.zeros(1), "float32"),) * 2
    pair = ExpectedAnswer({"list": [{"tuple": [{"array": 0}, {"array": 1}]}]}, leaves)
    ones = (np.ones(1, np.float32),) * 2
    dtypes, weak = ("float32",) * 2, (False,) * 2
    nested = {"tuple": [{"list": [{"array": 0}, {"array": 1}]}]}
    assert compare(GivenAnswer(nested, ones, dtypes, weak), pair) is None
    flat = {"list": [{"array": 0}, {"array": 1}]}
    mismatch = compare(GivenAnswer(flat, ones, dtypes, weak), pair)
    assert mismatch is not None
    assert "[[array, array]]" in mismatch.message


@pytest.mark.parametrize("spec", [None, 7, {"value": True}, {"list": "x"}, {"array": 0, "x": 1}])
def test_a_forged_form_is_wrong(spec: object) -> None:
    given = GivenAnswer(spec, (np.float32([1.0, 2.0]),), ("float32",), (False,))
    assert compare(given, BOUNDED) is not None


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"answer": ARRAY, "dtypes": [], "weak": []},
        {"answer": {"array": 5}, "dtypes": ["float32"], "weak": [False]},
        {"answer": ARRAY, "dtypes": "float32", "weak": [False]},
    ],
)
def test_a_forged_reply_is_malformed(header: dict) -> None:
    with pytest.raises(wire.Malformed):
        received(header, [np.float32([1.0])])


def test_a_claimed_dtype_cannot_hide_the_real_one() -> None:
    header = {"answer": ARRAY, "dtypes": ["float32"], "weak": [False]}
    given = received(header, [np.float64([1.0, 2.0])])
    assert compare(given, BOUNDED) is not None


@pytest.mark.parametrize(
    ("result", "described"),
    [
        (None, "None"),
        (abs, "builtin_function_or_method object"),
        (np.array("word"), "ndarray of dtype <U4"),
        ([[1.0], [1.0, 2.0]], "a list of parts whose shapes differ"),
    ],
)
def test_an_answer_that_is_no_number_is_described(result: object, described: str) -> None:
    assert answers.pack(result, [], False, 100) == {"unfit": described}
    mismatch = compare(GivenAnswer(unfit=described), right([1.0]))
    assert mismatch is not None
    article = (
        "a " if described.partition(" ")[0] in ("builtin_function_or_method", "ndarray") else ""
    )
    said = f"the answer is {article}{described}; expected an array of real numbers"
    assert mismatch.message == said
