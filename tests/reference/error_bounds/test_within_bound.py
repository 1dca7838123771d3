"""What every subject gives in float32, unmapped, lies within the bound, and an error does not."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import pytest

from properties import oracle
from properties.call import Axes, FunctionCall, ModuleCall, variables_like
from properties.compare import Expected, Mismatch, assert_agrees
from properties.sizes import sizes
from properties.subject import FunctionSubject, ModuleSubject
from properties.subjects import FUNCTIONS, MODULES
from reference.error_bounds.evaluate import evaluator

SEEDS = range(5)
SHAPES = [("distinct", 0), ("distinct", 2), ("one-wide", 1)]

Runs = tuple[Callable[..., Any], list[tuple[Any, ...]]]


def function_runs(subject: FunctionSubject, family: str, turn: int) -> Runs:
    """The function and its arguments for each seed."""
    axes = Axes((None,) * len(subject.arguments))
    calls = [FunctionCall(subject.name, sizes(subject, family, turn), (), seed=s) for s in SEEDS]
    return subject.function, [call.batch_first(axes) for call in calls]


def module_runs(subject: ModuleSubject, family: str, turn: int) -> Runs:
    """The reference as a function of variables, keys and inputs, and those for each seed."""
    axes = Axes((None,) * len(subject.inputs))
    shared = (dict.fromkeys(subject.collections), dict.fromkeys(subject.streams, False))
    runs = []
    for seed in SEEDS:
        call = ModuleCall(
            subject.name, sizes(subject, family, turn), (axes,), *shared, key=seed, seed=seed
        )
        variables = variables_like(oracle.variable_shapes(call), seed)
        runs.append((variables, call.rngs(), *call.batch_first(axes)))
    return oracle.applied(call), runs


TIGHT = {"self-attention": 1e-3}
"""How far from the largest value the bound of some seed is at most; 1e-5 where nothing is said. The
weights drawn make logits of a hundred, and exp multiplies the error by them."""


def assert_within(name: str, runs: Runs, eagerly: bool) -> None:
    function, every = runs
    compiled, evaluate = jax.jit(function), evaluator(function, *every[0])
    looseness = []
    for arguments in every:
        got = jax.tree_util.tree_map(np.asarray, compiled(*arguments))
        right = Expected(*evaluate(*arguments), got)
        assert_agrees(got, right)
        leaves, structure = jax.tree_util.tree_flatten(got)
        largest = np.max(np.abs(leaves[0]))
        if largest == 0:  # all of it dropped out
            continue
        wrong = np.where(np.abs(leaves[0]) == largest, np.float32(1.01) * leaves[0], leaves[0])
        with pytest.raises(Mismatch, match="values differ"):
            assert_agrees(structure.unflatten([wrong, *leaves[1:]]), right)
        looseness.append(np.max(jax.tree_util.tree_leaves(right.bound)[0]) / largest)
    assert min(looseness) <= TIGHT.get(name, 1e-5)
    if eagerly:
        assert_agrees(function(*every[-1]), Expected(*evaluate(*every[-1]), got))


@pytest.mark.parametrize(("family", "turn"), SHAPES)
@pytest.mark.parametrize(
    "subject", [s for s in FUNCTIONS if not s.exact], ids=lambda subject: subject.name
)
def test_function_is_within_its_bound(subject: FunctionSubject, family: str, turn: int) -> None:
    assert_within(subject.name, function_runs(subject, family, turn), eagerly=turn == 0)


@pytest.mark.parametrize(("family", "turn"), SHAPES[:2])
@pytest.mark.parametrize("subject", MODULES, ids=lambda subject: subject.name)
def test_module_is_within_its_bound(subject: ModuleSubject, family: str, turn: int) -> None:
    assert_within(subject.name, module_runs(subject, family, turn), eagerly=turn == 0)
