"""Comparison is strict where closeness is tempting, and never takes an error above the bound."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from properties.compare import (
    Expected,
    Mismatch,
    assert_agrees,
    assert_equal,
    assert_same_structure,
    computed,
    exactly,
)
from properties.trees import Raised
from reference.error_bounds.agreement import SLACK, ulps

ONE = np.array([1.0, 2.0], np.float32)


def within(value: Any, bound: Any) -> Expected:
    return Expected(np.asarray(value, np.float64), np.asarray(bound, np.float64), ONE)


@pytest.mark.parametrize(
    ("got", "right"),
    [
        (np.float32(1), np.ones(3, np.float32)),
        (np.ones(3, np.float32), np.ones((1, 3), np.float32)),
        (np.ones((3, 2), np.float32), np.ones((2, 3), np.float32)),
        (np.ones(3, jnp.bfloat16), np.ones(3, np.float32)),
        (np.ones(3, np.float64), np.ones(3, np.float32)),
        (np.ones(3, np.int32), np.ones(3, np.float32)),
        (np.ones(3, bool), np.ones(3, np.int32)),
        ({"a": ONE}, {"a": ONE, "b": ONE}),
        ({"a": ONE, "b": ONE}, {"a": ONE}),
        ({"a": ONE}, {"b": ONE}),
        ((ONE,), [ONE]),
        ((ONE, ()), (ONE,)),
        ((ONE, {}), (ONE, None)),
    ],
)
def test_structure_shape_and_dtype_are_held_to_exactly(got: Any, right: Any) -> None:
    with pytest.raises(Mismatch, match=r"shapes differ: expected .*, got ") as caught:
        assert_equal(got, right)
    assert caught.value.kind == "structure"
    with pytest.raises(Mismatch, match="shapes differ"):
        assert_same_structure(got, right)


@pytest.mark.parametrize("shape", [(1,), (4,), (3, 1)])
def test_an_answer_by_hand_has_a_shape_of_its_own(shape: tuple[int, ...]) -> None:
    """A fault that the unmapped function has, too, changes what is expected of the structure."""
    got = [np.ones(3, np.float32)]
    wanted, bound = [np.ones(shape)], [np.zeros(shape)]
    with pytest.raises(Mismatch, match=r"shapes differ in \[0\]: expected ") as caught:
        assert_agrees(got, Expected(wanted, bound, got))
    assert caught.value.kind == "structure"
    assert_agrees(got, Expected([np.ones(3)], [np.zeros(3)], got))


def test_the_message_of_a_structure_names_both() -> None:
    with pytest.raises(Mismatch, match=r"expected \(float32\[2\],\), got \(float32\[3,2\],\)$"):
        assert_equal((np.zeros((3, 2), np.float32),), (ONE,))


@pytest.mark.parametrize(
    ("got", "right"),
    [
        (np.float32(np.nan), np.float32(1)),
        (np.float32(1), np.float32(np.nan)),
        (np.float32(-0.0), np.float32(0.0)),
        (np.float32(np.inf), np.float32(-np.inf)),
        (np.float32(1), np.nextafter(np.float32(1), np.float32(2))),
        (np.float32(0), np.float32(1e-45)),
        (np.int32(2**24), np.int32(2**24 + 1)),
        (np.uint32(0), np.uint32(2**32 - 1)),
        (np.bool_(True), np.bool_(False)),
    ],
)
def test_exact_means_every_bit(got: Any, right: Any) -> None:
    assert_equal(got, got)
    assert_equal(right, right)
    with pytest.raises(Mismatch, match="values differ"):
        assert_equal(got, right)


def test_nan_equals_nan_of_another_payload() -> None:
    quiet, other = (
        np.array([bits], np.uint32).view(np.float32) for bits in (0x7FC00000, 0xFFC00001)
    )
    assert_equal(quiet, other)


@pytest.mark.parametrize("make", [jax.random.key, jax.random.PRNGKey])
def test_keys_are_compared_by_their_bits(make: Any) -> None:
    assert_equal(make(1), make(1))
    with pytest.raises(Mismatch, match="values differ"):
        assert_equal(make(1), make(2))


@pytest.mark.parametrize("bound", [1e-6, 1e-3, 10.0])
def test_no_error_above_the_bound_is_accepted(bound: float) -> None:
    right = within([1.0, 2.0], [bound, bound])
    step = SLACK * bound
    for inside in (0.0, 0.5 * step, 0.9 * step, -0.9 * step):
        assert_agrees(np.array([1.0 + inside, 2.0], np.float32), right)
    for outside in (1.2 * step, -1.2 * step, 100 * step, np.inf, np.nan):
        with pytest.raises(Mismatch, match="values differ at index"):
            assert_agrees(np.array([1.0, 2.0 + outside], np.float32), right)


def test_a_bound_of_one_element_does_not_serve_another() -> None:
    right = within([1.0, 2.0], [10.0, 0.0])
    assert_agrees(np.array([5.0, 2.0], np.float32), right)
    with pytest.raises(Mismatch, match=r"at index \(1,\)"):
        assert_agrees(np.array([1.0, 2.0001], np.float32), right)


@pytest.mark.parametrize(("value", "accepted"), [(np.inf, np.inf), (-np.inf, -np.inf)])
def test_infinities_match_themselves_only(value: float, accepted: float) -> None:
    right = within([value, 2.0], [1e-6, 1e-6])
    assert_agrees(np.array([accepted, 2], np.float32), right)
    for wrong in (-accepted, np.nan, 3e38):
        with pytest.raises(Mismatch):
            assert_agrees(np.array([wrong, 2], np.float32), right)


def test_nan_is_no_answer_to_a_number_nor_a_number_to_nan() -> None:
    for value, got in ((1.0, np.nan), (np.nan, 1.0)):
        with pytest.raises(Mismatch):
            assert_agrees(np.array([got, 2], np.float32), within([value, 2.0], [1.0, 1.0]))
    assert_agrees(np.array([np.nan, 2], np.float32), within([np.nan, 2.0], [1.0, 1.0]))


def test_a_disagreement_says_where_how_far_and_what_was_allowed() -> None:
    right = Expected(
        {"a": ONE.astype(np.float64), "b": np.array([[1.0, 2.0]])},
        {"a": np.zeros(2), "b": np.array([[1e-7, 1e-7]])},
        {"a": ONE, "b": ONE[None]},
    )
    got = {"a": ONE, "b": np.array([[1.0, 2.0 + 2**-20]], np.float32)}
    with pytest.raises(Mismatch) as caught:
        assert_agrees(got, right)
    wrong = caught.value
    assert str(wrong) == (
        "values differ in ['b'] at index (0, 1): expected 2, got 2.00000095 (4 ULP)"
    )
    assert (wrong.kind, wrong.path, wrong.max_ulps) == ("value", "['b']", 4.0)
    assert wrong.max_error == 2**-20
    assert wrong.allowed == SLACK * 1e-7


@pytest.mark.parametrize(
    ("got", "value", "distance"),
    [
        (np.float32(1 + 2**-23), 1.0, 1),
        (np.float32(1.5), 1.0, 2**22),
        (np.float32(1e-45), 0.0, 1),
        (np.float32(2.0), 2.0, 0),
        (jnp.bfloat16(1 + 2**-7), 1.0, 1),
        (np.int32(7), 3, 4),
    ],
)
def test_ulps_are_spacings_of_the_answers_dtype(got: Any, value: float, distance: float) -> None:
    np.testing.assert_allclose(ulps(np.asarray(got), value), distance, rtol=0.01)


def test_an_answer_that_was_raised_disagrees() -> None:
    raised = Raised(ValueError("no such axis\nand a long story"))
    for check in (assert_equal, assert_same_structure):
        with pytest.raises(Mismatch, match=r"it raised ValueError: no such axis$") as caught:
            check(raised, ONE)
        assert caught.value.kind == "raised"


class Unreadable:
    """An array as jax 0.10 gives where a batch of no example is sharded."""

    shape, dtype = (0, 4), np.dtype("float32")

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise ValueError("could not broadcast")


def test_an_answer_that_cannot_be_read_disagrees() -> None:
    with pytest.raises(Mismatch, match="it raised ValueError: could not broadcast") as found:
        assert_agrees(Unreadable(), exactly(np.zeros((0, 4), np.float32)))
    assert found.value.kind == "raised"
    assert computed(Unreadable(), within([1, 2], [0, 0])) is None


def test_a_computed_measure_allows_for_its_own_rounding() -> None:
    right = within([1.0, 2.0], [1e-6, 1e-6])
    measure = computed(np.array([1.0 + 1e-6, 2.0], np.float32), right)
    assert_agrees(np.array([1.0 - 1e-6, 2.0], np.float32), measure)
    with pytest.raises(Mismatch):
        assert_agrees(np.array([1.0 + 6e-6, 2.0], np.float32), measure)


def test_a_measure_of_the_wrong_structure_fixes_the_structure_only() -> None:
    measure = computed(np.ones((3, 2), np.float32), within([1.0, 2.0], [1, 1]))
    assert_agrees(np.full((3, 2), 7, np.float32), measure)
    with pytest.raises(Mismatch, match="shapes differ"):
        assert_agrees(ONE, measure)


def test_what_was_raised_is_no_measure() -> None:
    assert computed(Raised(ValueError("x")), exactly(ONE)) is None


def test_the_place_named_is_one_that_disagrees() -> None:
    right = np.array([np.nan, 1, 0, 2], np.float32)
    with pytest.raises(Mismatch, match=r"at index \(2,\): expected 0, got -0 \(0 ULP\)"):
        assert_equal(np.array([np.nan, 1, -0.0, 2], np.float32), right)


@pytest.mark.parametrize(("got", "value"), [(np.nan, 1.0), (1.0, np.nan), (np.inf, 1.0)])
def test_a_number_and_none_are_infinitely_far_apart(got: float, value: float) -> None:
    with pytest.raises(Mismatch, match=r"got \S+ \(inf ULP\)") as caught:
        assert_agrees(np.array([np.nan, got], np.float32), within([np.nan, value], [1.0, 1.0]))
    assert caught.value.max_ulps == np.inf
