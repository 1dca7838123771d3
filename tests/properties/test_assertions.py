"""A failed assertion of chex arrives as a mismatch, in plain words."""

import chex
import numpy as np
import pytest

from properties.assertions import comparing, is_chex
from properties.compare import Mismatch
from properties.trees import Raised

ONE, OTHER = {"w": np.zeros((3, 2))}, {"w": np.zeros((2, 3))}


def test_a_failed_assertion_is_a_mismatch_in_plain_words() -> None:
    with pytest.raises(Mismatch) as caught, comparing(ONE, OTHER):
        chex.assert_trees_all_equal_shapes_and_dtypes(ONE, OTHER)
    assert "Chex" not in caught.value.message
    assert "(3, 2)" in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.kind == "structure"
    assert (caught.value.expected, caught.value.got) == (
        {"w": "float64[2,3]"},
        {"w": "float64[3,2]"},
    )
    assert caught.value.__suppress_context__


def test_what_raised_is_a_mismatch_before_anything_is_compared() -> None:
    failed = comparing(Raised(ValueError("no")), ONE)
    with pytest.raises(Mismatch, match="it raised ValueError: no") as caught, failed:
        raise NotImplementedError
    assert caught.value.kind == "raised"


def test_trees_that_agree_pass() -> None:
    with comparing(ONE, ONE):
        chex.assert_trees_all_equal_shapes_and_dtypes(ONE, ONE)


def test_a_fault_of_the_suite_stays_what_it_is() -> None:
    with pytest.raises(AssertionError, match="not of chex") as caught, comparing(ONE, ONE):
        raise AssertionError("not of chex")
    assert not isinstance(caught.value, Mismatch)
    assert not is_chex(caught.value)
