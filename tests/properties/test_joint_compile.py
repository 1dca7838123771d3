"""What fails under jit alone is reported: it is not tried again without."""

from typing import Any

import attrs
import pytest
from jax.extend.core import Primitive
from jax.interpreters import mlir

from conformance.transforms import TRANSFORMS
from properties.call import Axes, FunctionCall
from properties.law import violation
from properties.laws import LAWS

SQUARE = FunctionCall("square", {"batch": 3, "m": 2, "n": 2}, (Axes((0,), 0), Axes((1,), 0)))
VMAP = TRANSFORMS["jax.vmap"]


@pytest.mark.parametrize("is_lowered", [False, True], ids=["fault", "control"])
def test_a_map_that_only_compiling_shows_to_fail_is_noticed(is_lowered: bool) -> None:
    same: Any = Primitive(f"same_{is_lowered}")
    same.def_impl(lambda x: x)
    same.def_abstract_eval(lambda x: x)
    if is_lowered:
        mlir.register_lowering(same, mlir.lower_fun(lambda x: x, multiple_results=False))

    def mapped(function: Any, axes: Axes) -> Any:
        return lambda *given: same.bind(VMAP.map(function, axes)(*given))

    found = violation(LAWS["mapping.equals-per-example"], attrs.evolve(VMAP, map=mapped), SQUARE)
    assert (found is None) is is_lowered
    assert is_lowered or "NotImplementedError" in str(found)
