"""How many calls and shapes are right, for marks: counted by the judge, whatever the verdict."""

from __future__ import annotations

from collections.abc import Callable

import pytest


def test_a_solution_that_raises_at_one_shape_is_right_at_the_others(judge: Callable) -> None:
    source = (
        "def vectorized_square(x):\n    if len(x) == 1: raise ValueError('one')\n    return x * x\n"
    )
    (verdict,) = judge(source, go_on=True)
    assert verdict.verdict == "error"
    assert (verdict.right_shapes, verdict.drawn_shapes) == (7, 8)
    assert (verdict.right_calls, verdict.drawn_calls) == (14, 16)


def test_a_right_solution_has_all_and_a_wrong_one_none(judge: Callable) -> None:
    (right,) = judge("def vectorized_square(x):\n    return x * x\n")
    assert (right.right_calls, right.right_shapes) == (right.drawn_calls, right.drawn_shapes)
    (wrong,) = judge("def vectorized_square(x):\n    return -x * x - 1\n")
    assert (wrong.right_calls, wrong.right_shapes) == (0, 0)
    assert wrong.drawn_calls == 16


@pytest.mark.parametrize(
    "body",
    [
        "    y = x * x\n    x[...] = 0\n    return y\n",
        "    import os\n    os._exit(0)\n",
        "    raise ValueError('always')\n",
    ],
    ids=["changes its argument", "ends", "raises"],
)
def test_what_is_wrong_at_every_call_gets_nothing(body: str, judge: Callable) -> None:
    (verdict,) = judge(f"def vectorized_square(x):\n{body}", go_on=True)
    assert verdict.verdict != "conforms"
    assert (verdict.right_calls, verdict.right_shapes) == (0, 0)
