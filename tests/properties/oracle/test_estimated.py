"""Which oracles judged is said of the right part of a run."""

import pytest

from properties.oracle import estimated


def test_an_inner_run_that_saw_the_same_ends_by_itself() -> None:
    with estimated.judges() as outer:
        estimated.record("float64")
        with estimated.judges() as inner:
            estimated.record("float64")
        estimated.record("estimated")
    assert inner == {"float64"}
    assert outer == {"float64", "estimated"}


def test_an_inner_run_that_fails_before_anything_judged_ends_by_itself() -> None:
    with estimated.judges() as outer:
        with pytest.raises(ZeroDivisionError), estimated.judges():
            raise ZeroDivisionError
        estimated.record("estimated")
    assert outer == {"estimated"}
