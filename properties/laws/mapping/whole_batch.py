"""The law of subjects that take a whole batch by themselves, as their author says with `batched`."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from hypothesis import strategies as st

from properties import oracle
from properties.batch_axes import front
from properties.call import Axes, FunctionCall
from properties.compare import Expected, Mismatch, assert_agrees
from properties.law import Law, attribute_to
from properties.profile import Profile
from properties.recipe import Recipe
from properties.strategies import function_calls
from properties.subject import FunctionSubject, Subject
from properties.transform import Transform
from properties.trees import attempt

WHOLE = Recipe("function of the whole batch", result_code=lambda call: "got = batched(*arguments)")


def laws(subject: Subject) -> tuple[Law, ...]:
    """The laws that are about this subject of a user's, beside those of all subjects."""
    return (LAW,) if isinstance(subject, FunctionSubject) and batched(subject) else ()


def batched(subject: FunctionSubject) -> Callable[..., Any] | None:
    """The function of a whole batch that must give what the subject gives for each example."""
    given = subject.own.batched if subject.own else None
    return subject.function if given is True else given


def _cases(transform: Transform, subject: FunctionSubject, profile: Profile) -> Any:
    def shared_state(call: FunctionCall) -> FunctionCall:
        (axes,) = call.axes
        assert subject.own is not None
        mapped = (None, *axes.in_axes[1:]) if subject.own.has_state else axes.in_axes
        return call.only(Axes(mapped, 0))

    calls: st.SearchStrategy[FunctionCall] = function_calls(front, front, most=1)(
        transform, subject, profile
    )
    return calls.map(shared_state)


def _check(transform: Transform, call: FunctionCall) -> None:
    """A function given the whole batch gives what it gives for each example."""
    whole = batched(call.subject)
    assert whole is not None
    arguments = jax.tree_util.tree_map(jax.numpy.asarray, call.arguments(call.axes[0]))
    got = attempt(jax.jit(whole), *arguments)
    right = oracle.of_function(call)
    with attribute_to(call, WHOLE, expected=right):
        if call.subject.own is not None and call.subject.own.has_state:
            right = _with_one_state(right)
        assert_agrees(got, right)


def _with_one_state(right: Expected) -> Expected:
    """The outputs of all examples, and the one state that all of them leave."""
    value, bound, like = right
    leaves = jax.tree_util.tree_leaves(value[1])
    if any(not np.array_equal(leaf[0], other) for leaf in leaves for other in leaf):
        raise Mismatch("value", "each example leaves a state of its own in the module")

    def first(tree: Any) -> Any:
        return jax.tree_util.tree_map(lambda leaf: leaf[0], tree)

    shapes = jax.tree_util.tree_map(
        lambda leaf: jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype), like[1]
    )
    return Expected((value[0], first(value[1])), (bound[0], first(bound[1])), (like[0], shapes))


LAW = Law(
    id="mapping.whole-batch",
    sentence="A function given the whole batch gives what it gives for each example.",
    check=_check,
    cases=_cases,
    subjects=FunctionSubject,
    skip_if=lambda transform, subject: None,
    only_transform="jax.vmap",
    kinds=("function",),
)
