"""How far right solutions are from the expected answers, in every way to compile: prints JSON.

`python compilings.py EXERCISE SEEDS` runs in an environment with or without XLA's optimisations.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from conformance.judge.exercises import load_exercises
from conformance.judge.exercises.exercise import Exercise
from conformance.judge.expected_answers import Call, compute, draw_calls
from reference.error_bounds.agreement import SLACK
from tests.conformance.judge.other_orders import ORDERS

LIFT = """
import functools, jax, flax.linen as nn
@functools.partial(jax.jit, static_argnums=2)
def run(key, x, features):
    layer = nn.vmap(nn.Dense, in_axes=0, out_axes=0, variable_axes={"params": %s},
                    split_rngs={"params": %s})(features)
    return layer.apply(layer.init(key, x), x).reshape(-1)
def whole(seed, x_batch, features):
    return run(jax.random.PRNGKey(seed), x_batch, features)
"""
STATIC = {
    "init_params": (0,),
    "vectorized_add": (2, 3),
    "nn_vmap_forward": (),
    "nn_vmap_ensemble_forward": (),
}


def whole(name: str, solution: Callable[..., Any]) -> Callable[..., Any]:
    """The solution in one compiled program, keys and parameters with it."""
    space: dict[str, Any] = {}
    if name == "nn_vmap_forward":
        exec(LIFT % ("None", "False"), space)
    elif name == "nn_vmap_ensemble_forward":
        exec(LIFT % ("0", "True"), space)
    else:
        space["whole"] = jax.jit(solution, static_argnums=STATIC.get(name, ()))
    return space["whole"]


def without_jit(solution: Callable[..., Any]) -> Callable[..., Any]:
    def run(*arguments: Any) -> Any:
        with jax.disable_jit():
            return solution(*arguments)

    return run


def fused(solution: Callable[..., Any]) -> Callable[..., Any]:
    """With more around it, which XLA may fuse: nothing that changes a value."""

    def more(leaf: jax.Array) -> jax.Array:
        return leaf * 2.0 * 0.5 if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf ^ 1 ^ 1

    return lambda *a: jax.tree_util.tree_map(more, solution(*a))


def hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) and all(type(v) is int for v in value) else value


def one_turn(exercise: Exercise, seed: int) -> list[Call]:
    """One call at each shape; over twelve seeds these are of every kind that is drawn."""
    return draw_calls(exercise, (seed % 12 + 1) * len(exercise.shapes), seed)[
        -len(exercise.shapes) :
    ]


@lru_cache(maxsize=2)
def cases(name: str, seeds: int, cancels: bool = False) -> list[tuple[Any, ...]]:
    """Arguments and expected answer of every call; `cancels`: where terms may cancel."""
    exercise = load_exercises()[name]
    reference = exercise.also_right[0] if cancels else exercise.reference
    return [
        (
            [hashable(call.arguments[each]) for each in exercise.parameters],
            compute(reference, call.arguments),
        )
        for seed in range(seeds)
        for call in one_turn(exercise, seed)
    ]


def worst(
    name: str,
    solution: Callable[..., Any],
    seeds: int,
    only: int | None = None,
    *,
    cancels: bool = False,
) -> float:
    """The largest error over `seeds`, as a multiple of the one that is allowed."""
    found = 0.0
    for arguments, expected in cases(name, seeds, cancels)[:only]:
        leaves = jax.tree_util.tree_leaves(solution(*arguments))
        for leaf, right in zip(leaves, expected.leaves, strict=True):
            found = max(found, _ratio(np.asarray(leaf), right.value, right.error))
    return found


def _ratio(given: np.ndarray, value: np.ndarray, error: np.ndarray | None) -> float:
    if error is None:
        return 0.0 if np.array_equal(given, value) else float("inf")
    distance = np.abs(given.astype(np.float64) - value)
    ratio = np.where(distance == 0, 0.0, distance / np.maximum(SLACK * error, 1e-300))
    return float(np.max(ratio, initial=0.0))


def main(name: str, seeds: int) -> dict[str, float]:
    """The largest error of each way to compile, and of answers rounded to bfloat16, the control."""
    space: dict[str, Any] = {}
    exec(load_exercises()[name].solution, space)
    solution = space[name]
    compiled = whole(name, solution)
    static = STATIC.get(name)
    together = jax.jit(fused(solution), static_argnums=static) if static else fused(compiled)
    return {
        "eager": worst(name, solution, seeds),
        "whole": worst(name, compiled, seeds),
        "fused": worst(name, together, seeds),
        "without jit": worst(name, without_jit(solution), seeds, 3),
        **_other_orders(name, seeds, static or ()),
        "bfloat16": worst(name, in_bfloat16(solution), seeds, 8),
    }


def _other_orders(name: str, seeds: int, static: tuple[int, ...]) -> dict[str, float]:
    """The largest error of each other order, eager and in one compiled program."""
    return {
        order: max(
            worst(name, solution, seeds, cancels=order == "expanded"),
            worst(
                name,
                jax.jit(solution, static_argnums=static),
                seeds,
                cancels=order == "expanded",
            ),
        )
        for order, solution in ORDERS.get(name, {}).items()
    }


def in_bfloat16(solution: Callable[..., Any]) -> Callable[..., Any]:
    def rounded(leaf: Any) -> jax.Array:
        array = jnp.asarray(leaf)
        return array.astype(jnp.bfloat16).astype(array.dtype)

    return lambda *a: jax.tree_util.tree_map(rounded, solution(*a))


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]))))
