"""A map of many examples gives what a map of few of them gives."""

from functools import partial
from typing import Any

import attrs
import jax
import numpy as np
from hypothesis import strategies as st

from properties import compiler_options, oracle
from properties.batch_axes import anywhere, combinations, covering
from properties.call import FunctionCall
from properties.compare import Expected, Mismatch, assert_agrees, exactly
from properties.law import attribute_to, law
from properties.laws.mapping.values import select_arguments, selected
from properties.profile import Profile
from properties.recipe import Recipe
from properties.strategies import SEEDS, one_of
from properties.subject import AXIS, FunctionSubject
from properties.transform import Transform
from properties.trees import Raised, attempt

FEW = 16
"""So many examples differ; every other one is one of them again."""
LARGE = (33_000, 2**16 + 1, 2**17)
"""The sizes of a batch: where indices of 15 and of 16 bits end, and where XLA divides work otherwise."""


def _result_code(call: FunctionCall) -> str:
    axes = call.axes[0]
    return f"""
chosen = np.random.RandomState({call.seed}).randint({FEW}, size={call.sizes[AXIS]})
many = [
    x if axis is None else jax.tree_util.tree_map(lambda leaf, k=axis: np.take(leaf, chosen, k), x)
    for x, axis in zip(arguments, {axes.in_axes})
]
few, got = mapped(*arguments), jax.jit(mapped)(*many)
differ = jax.tree_util.tree_map(
    lambda a, b: np.sum(np.take(np.asarray(a), chosen, {axes.out_axes}) != np.asarray(b)), few, got
)
got = np.array(sum(map(int, jax.tree_util.tree_leaves(differ))))"""


MANY = Recipe(
    "number of results that differ between a map of many examples and of few",
    result_code=_result_code,
)


def _calls(
    transform: Transform, subject: FunctionSubject, profile: Profile
) -> st.SearchStrategy[FunctionCall]:
    every = combinations(subject, anywhere, anywhere, "any")

    def call(seed: int, dtype: str) -> FunctionCall:
        chosen = covering(every, len(LARGE), seed)
        axes = [attrs.evolve(chosen[i % len(chosen)], batch=batch) for i, batch in enumerate(LARGE)]
        return FunctionCall(subject.name, {AXIS: FEW}, tuple(axes), dtype, seed)

    drawn = partial(one_of, subject=subject, profile=profile)
    return st.builds(call, drawn("seed", SEEDS), drawn("dtype", subject.dtypes))


@law(
    "mapping.large-batch",
    tier="derived",
    cases=_calls,
    kinds=("large",),
    only_transform="jax.vmap",
)
def large_batch(transform: Transform, call: FunctionCall) -> None:
    """A jitted map of tens of thousands of examples gives each example's result."""
    for axes in call.axes:
        single = call.only(axes)
        size = single.sizes[AXIS]
        few = single.only(attrs.evolve(axes, batch=FEW))
        chosen = np.random.RandomState(call.seed).randint(FEW, size=size)
        mapped = transform.map(call.subject.function, single.axes[0])
        many = select_arguments(few, few.axes[0], chosen)
        # Whether XLA divides the work of a large array rightly depends on its default options.
        with compiler_options.defaults():
            got = attempt(jax.jit(mapped), *many)
        expected = oracle.of_function(few)
        take = partial(selected, selection=chosen, axis=axes.out_axes)
        with attribute_to(single, MANY, few.arguments(few.axes[0]), exactly(np.array(0))):
            try:
                assert_agrees(got, Expected(*map(take, expected)))
            except Mismatch as found:
                raised = isinstance(got, Raised)
                raise (found if raised else _counted(found, got, take(expected.value))) from None


def _counted(found: Mismatch, got: Any, expected: Any) -> Mismatch:
    """How many results differ, where shapes and dtypes are right; else what was found."""
    if found.kind != "value":
        return found
    pairs = zip(*map(jax.tree_util.tree_leaves, (got, expected)), strict=True)
    count = sum(int(np.sum(np.asarray(one) != np.asarray(other))) for one, other in pairs)
    message = f"{count:,} results differ from those of {FEW} examples: {found.message}"
    return Mismatch("value", message, np.array(0), np.array(count))
