"""Which of a user's functions `nnx.vmap` cannot map for an argument that is left out."""

from collections.abc import Callable
from typing import Any

import jax
import pytest

from conformance import own
from conformance.known_defects.lifted import LIFTED
from conformance.testing import assert_conforms
from conformance.user_subjects.subjects import registered
from properties.call import Axes, FunctionCall

(LEFT_OUT,) = (each for each in LIFTED if each.id == "nnx-vmap-left-out-default")


def scaled(x: Any, scale: float = 2.0) -> Any:
    """One argument is left out."""
    return scale * x


def negated(x: Any, *, again: bool = False) -> Any:
    """A keyword-only argument is left out."""
    return x if again else -x


def added(x: Any, y: Any = 0.0) -> Any:
    """Both arguments are given."""
    return x + y


@pytest.mark.parametrize(
    ("function", "given", "affected"),
    [
        (scaled, 1, True),
        (negated, 1, True),
        (jax.nn.softmax, 1, True),
        (added, 2, False),
        (lambda x: 2 * x, 1, False),
    ],
    ids=["default", "keyword-only", "softmax", "given", "none"],
)
def test_a_default_that_is_left_out_is_known(
    function: Callable[..., Any], given: int, affected: bool
) -> None:
    call = FunctionCall("mine", {"batch": 2, "n": 4}, (Axes((0,) * given, 0),))
    with registered(own.function("mine", function, [("n",)] * given)):
        assert LEFT_OUT.affects(call) == affected


def test_a_function_with_a_default_conforms() -> None:
    pytest.importorskip("flax.nnx", reason="this flax has no nnx")
    laws = ["mapping.equals-per-example"]
    assert_conforms(scaled, [("n",)], ["jax.vmap", "flax.linen.vmap"], laws=laws)
    assert_conforms(scaled, [("n",)], laws=laws)
