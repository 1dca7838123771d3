"""Code that ends the process is a failure of a user's test, never the end of pytest."""

import os
import sys
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import pytest

from conformance.testing import assert_conforms, parametrize_subjects
from conformance.user_subjects import subjects
from conformance.user_subjects.inputs import SubjectsError

LAW = "mapping.equals-per-example"
ENDS: dict[str, Callable[[], Any]] = {
    "sys.exit": lambda: sys.exit(0),
    "os._exit": lambda: os._exit(0),
}


def leaving(how: str, after: int) -> Callable[[Any], Any]:
    """A function that ends the process when it is called the `after`-th time."""
    calls: list[int] = []

    def function(x: Any) -> Any:
        calls.append(0)
        if len(calls) > after:
            ENDS[how]()
        return jnp.sin(x)

    return function


@pytest.mark.parametrize("how", ENDS)
@pytest.mark.parametrize("after", [0, 1, 2, 4])
def test_a_function_that_ends_the_process_does_not_conform(how: str, after: int) -> None:
    with pytest.raises((AssertionError, SubjectsError), match=r"status 0|sys\.exit\(0\)"):
        assert_conforms(leaving(how, after), [("n",)], ["jax.vmap"], laws=[LAW])


def test_one_that_would_end_it_much_later_conforms() -> None:
    assert_conforms(leaving("os._exit", 10_000), [("n",)], ["jax.vmap"], laws=[LAW])


def test_each_law_of_such_a_subject_fails() -> None:
    subject = subjects.function("leaving", leaving("os._exit", 1), [("n",)])
    test = parametrize_subjects([subject], ["jax.vmap"], [LAW])
    (mark,) = test.pytestmark  # type: ignore[attr-defined]  # pytest's mark of the function
    (case,) = mark.args[1]
    with pytest.raises((AssertionError, pytest.fail.Exception), match="status 0"):
        test(case)
