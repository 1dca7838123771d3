"""The law of generated programs notices faults of what is right alone and wrong within another construct."""

import functools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from unittest import mock

import attrs
import jax
import pytest
from jax import lax

from conformance.transforms import TRANSFORMS
from properties.call import Axes, ProgramCall
from properties.law import violation
from properties.laws import LAWS
from properties.programs import drawing
from properties.programs.constructs import CONSTRUCTS
from properties.programs.grammar import Block, Program
from reference.error_bounds.bounded_array import BranchUndecidable

LAW = LAWS["mapping.generated-program"]
VMAP = TRANSFORMS["jax.vmap"]
Construct = Callable[..., Any]
OUTER = (
    *((jax, name) for name in ("jit", "checkpoint", "vmap")),
    *((jax, name) for name in ("grad", "jvp", "vjp", "jacfwd", "jacrev", "hessian")),
    *((lax, name) for name in ("scan", "fori_loop", "while_loop", "cond", "switch")),
)


def first_branch(right: Construct) -> Construct:
    return lambda predicate, first, second, *operands: first(*operands)


def never_reversed(right: Construct) -> Construct:
    return lambda *given, **options: right(*given, **{**options, "reverse": False})


def one_turn_less(right: Construct) -> Construct:
    return lambda lower, upper, *rest: right(lower, upper - 1, *rest)


def examples_reversed(right: Construct) -> Construct:
    def vmap(*arguments: Any, **options: Any) -> Construct:
        mapped = right(*arguments, **options)
        return lambda *given: jax.tree_util.tree_map(lambda leaf: leaf[::-1], mapped(*given))

    return vmap


FAULTS = {
    "cond": (lax, "cond", first_branch),
    "scan-reversed": (lax, "scan", never_reversed),
    "fori": (lax, "fori_loop", one_turn_less),
    "vmap": (jax, "vmap", examples_reversed),
}
"""By the construct of programs: where JAX has it, and what a broken map does instead, within others."""
PROGRAMS = 40
"""So many programs that have the construct within another one are tried."""


def mutant(module: Any, name: str, wrong: Callable[[Construct], Construct]) -> Any:
    """`jax.vmap`, which traces functions with that construct wrong where another one traces it."""

    def mapping(function: Construct, axes: Axes) -> Construct:
        depth = 0

        def counted(traced: Construct) -> Construct:
            def within(*given: Any, **named: Any) -> Any:
                nonlocal depth
                depth += 1
                try:
                    return traced(*given, **named)
                finally:
                    depth -= 1

            return within

        def around(original: Construct, *arguments: Any, **options: Any) -> Any:
            given = [counted(each) if callable(each) else each for each in arguments]
            return original(*given, **options)

        right = getattr(module, name)

        def maybe_wrong(*arguments: Any, **options: Any) -> Any:
            if depth:
                return wrong(right)(*arguments, **options)
            return around(right, *arguments, **options)

        def broken(*arguments: Any) -> Any:
            with ExitStack() as stack:
                for place in OUTER:
                    stand_in = functools.partial(around, getattr(*place))
                    stack.enter_context(mock.patch.object(*place, stand_in))
                stack.enter_context(mock.patch.object(module, name, maybe_wrong))
                return function(*arguments)

        return VMAP.map(broken, axes)

    return attrs.evolve(VMAP, map=mapping)


def having_within(name: str) -> Iterator[Program]:
    """Programs that have the construct within another one."""
    for seed in range(10_000):
        one = drawing.draw(seed, list(CONSTRUCTS))
        if any(nests(statement.blocks, name) for statement in one.body.statements):
            yield one


def nests(blocks: tuple[Block, ...], name: str) -> bool:
    return any(
        statement.does == name or nests(statement.blocks, name)
        for block in blocks
        for statement in block.statements
    )


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_that_only_a_composition_shows_is_noticed(name: str) -> None:
    broken, tried = mutant(*FAULTS[name]), 0
    for one in having_within(name):
        axes = Axes((0,) * len(one.inputs))
        call = ProgramCall("program-control", {"batch": 3}, (axes,), program=one)
        tried += 1
        try:
            control = violation(LAW, VMAP, call)
            found = violation(LAW, broken, call)
        except BranchUndecidable:
            continue
        assert control is None
        if found is not None:
            return
        assert tried < PROGRAMS
