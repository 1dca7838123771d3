"""What a mapped function does beside giving a result: it calls back into Python."""

from typing import Any

import jax
import numpy as np

from properties.call import FunctionCall
from properties.compare import assert_agrees, exactly
from properties.law import attribute_to, law
from properties.recipe import Recipe
from properties.strategies import function_calls
from properties.subjects.effects import NOTES
from properties.transform import Transform
from properties.trees import attempt

_CODE = """\
def noted(mapped):
    function.seen = []
    jax.block_until_ready(mapped(*arguments))
    jax.effects_barrier()
    return np.sort(np.array(function.seen, np.float32))


called = {called}
got = [noted(called), noted(called)]"""


def _recipe(call: FunctionCall) -> Recipe:
    called, what = ("mapped", "") if call.eager else ("jax.jit(mapped)", "jit of the ")
    return Recipe(
        f"what two calls of the {what}map call back",
        result_code=lambda call: _CODE.format(called=called),
    )


@law(
    "mapping.calls-back",
    tier="derived",
    cases=function_calls(most=1),
    only_transform="jax.vmap",
    kinds=("effect",),
)
def calls_back(transform: Transform, call: FunctionCall) -> None:
    """What a function calls back, the map calls back once for each example, with that example's values."""
    (axes,) = call.axes
    arguments, function = call.arguments(axes), call.subject.function
    mapped = transform.map(function, axes)
    called = mapped if call.eager else jax.jit(mapped)
    due: list[float] = []
    # The numbers have no axis but the batch's.
    for a, b in zip(*arguments, strict=True):
        due += NOTES[call.subject_name](float(a), float(b))
    expected = exactly([np.sort(np.array(due, np.float32))] * 2)

    def noted() -> Any:
        function.seen = []  # type: ignore[attr-defined]
        jax.block_until_ready(called(*arguments))
        jax.effects_barrier()
        return np.sort(np.array(function.seen, np.float32))  # type: ignore[attr-defined]

    with attribute_to(call, _recipe(call), expected=expected):
        assert_agrees(attempt(lambda: [noted(), noted()]), expected)
