"""A right solution that loops in Python where a map is asked for gets a remark, and conforms."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conformance.judge.sandbox.loops import without_map

IMPORTS = "import jax, jax.numpy as jnp\n"
LOOP = "def vectorized_square(x):\n    return jnp.stack([v * v for v in x])\n"
FOR = (
    "def vectorized_square(x):\n    y = jnp.zeros(len(x))\n    for i in range(len(x)):\n"
    "        y = y.at[i].set(x[i] ** 2)\n    return y\n"
)
WITHOUT_REMARK = {
    "map": "def vectorized_square(x):\n    return jax.vmap(lambda v: v * v)(x)\n",
    "broadcast": "def vectorized_square(x):\n    return x * x\n",
    "loop-over-the-power": (
        "def vectorized_square(x):\n    def power(v):\n        y = 1.0\n"
        "        for _ in range(2):\n            y = y * v\n        return y\n"
        "    return jax.vmap(power)(x)\n"
    ),
    "loop-over-the-arguments": (
        "def vectorized_square(x):\n    v, w = (jnp.asarray(each) for each in (x, x))\n"
        "    y = v\n    for _, f in enumerate([w]):\n        y = y * f\n"
        "    for _ in range(1, 2):\n        y = y * 1\n"
        "    for one, each in zip((1,), x):\n        y = y * one\n    return y\n"
    ),
    "lax-map": "def vectorized_square(x):\n    return jax.lax.map(lambda v: v * v, x)\n",
}


STARRED = "def vectorized_square(x):\n    return jnp.stack([v * v for v in [*x]])\n"


@pytest.mark.parametrize("source", [LOOP, FOR, STARRED])
def test_a_loop_gets_a_remark(source: str, judge: Callable) -> None:
    (verdict,) = judge(IMPORTS + source, patience=20.0)
    assert verdict.verdict == "conforms", verdict
    assert "loops in Python" in verdict.remarks[-1]


@pytest.mark.parametrize("name", WITHOUT_REMARK)
def test_no_other_solution_gets_it(name: str, judge: Callable) -> None:
    (verdict,) = judge(IMPORTS + WITHOUT_REMARK[name], patience=20.0)
    assert verdict.verdict == "conforms", verdict
    assert not any("loops in Python" in remark for remark in verdict.remarks)


LAYERS = {
    "pairs": "[(w - g, b) for w, b in p]",
    "in-a-zip": "[(w - u, b) for (w, b), (u, v) in zip(p, g)]",
    "named": "[tuple(a - d for a, d in zip(one, other)) for one, other in zip(params, g)]",
    "axes": "[s(k) for k in (in_axes if f(in_axes) else (in_axes,) * 2)]",
}
EXAMPLES = {
    "rows": "[f(v) for v in x]",
    "numbers": "[f(x[i]) for i in range(n)]",
    "two-batches": "[f(v, w) for v, w in zip(x, y)]",
    "numbered": "[f(n, v) for n, v in enumerate(x)]",
    "so-many": "[f(v) for v in x * 2]",
}


@pytest.mark.parametrize(
    ("loop", "told"),
    [
        *((loop, False) for loop in LAYERS.values()),
        *((loop, True) for loop in EXAMPLES.values()),
    ],
    ids=[*LAYERS, *EXAMPLES],
)
def test_loops_over_layers_are_none_over_examples(loop: str, told: bool) -> None:
    source = f"def solve(p, params, x, y, in_axes):\n    return {loop}\n"
    assert (without_map(source, ["solve"]) == ["solve"]) is told


def test_a_comment_maps_nothing() -> None:
    source = "def solve(x):\n    # no vmap here\n    return [f(v) for v in x]\n"
    assert without_map(source, ["solve"]) == ["solve"]


def test_a_task_that_asks_for_no_map_gets_none(judge: Callable) -> None:
    source = (
        "def neural_network(params, x):\n    for w, b in params:\n        x = jnp.tanh(x @ w + b)\n"
        "    return x\n"
    )
    (verdict,) = judge(IMPORTS + source, patience=20.0)
    assert verdict.verdict == "conforms", verdict
    assert verdict.remarks == ()
