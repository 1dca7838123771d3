"""Subjects that take a whole batch by themselves, as their author says with `batched`."""

from collections.abc import Callable

import jax
import numpy as np
from hypothesis.strategies import SearchStrategy

from properties import oracle
from properties.batch_axes import front
from properties.call import Axes, FunctionCall
from properties.compare import Expected, Mismatch, assert_agrees
from properties.joint_compile import run_together
from properties.law import attribute_to, law
from properties.profile import Profile
from properties.recipe import MAP, Recipe
from properties.strategies import function_calls
from properties.subject import FunctionSubject, Subject
from properties.transform import Transform
from reference.types import PyTree

_CODE = """\
batched = subject.own.batched
got = jax.jit(function if batched is True else batched)(*arguments)"""

STATES_DIFFER = "each example leaves a state of its own in the module"
"""What is said where no one state of a whole batch could be right."""
WHOLE = Recipe("function of the whole batch", result_code=lambda call: _CODE)


def batched(subject: Subject) -> Callable[..., PyTree] | None:
    """The function of a whole batch that must give what the subject gives for each example."""
    if not isinstance(subject, FunctionSubject) or subject.own is None:
        return None
    given: Callable[..., PyTree] | bool | None = subject.own.batched
    return subject.function if given is True else given or None


def has_state(subject: Subject) -> bool:
    """Whether the first argument, and the last result, is a state that the examples of a batch share."""
    return subject.own is not None and subject.own.has_state


def _calls(
    transform: Transform, subject: FunctionSubject, profile: Profile
) -> SearchStrategy[FunctionCall]:
    shares = has_state(subject)

    def with_shared_state(call: FunctionCall) -> FunctionCall:
        (axes,) = call.axes
        return call.only(Axes((None, *axes.in_axes[1:]), 0)) if shares else call

    calls = function_calls(front, front, most=1)
    return calls(transform, subject, profile).map(with_shared_state)


@law(
    "mapping.whole-batch",
    cases=_calls,
    only_transform="jax.vmap",
    where=lambda subject: batched(subject) is not None,
)
def whole_batch(transform: Transform, call: FunctionCall) -> None:
    """A function given the whole batch gives what mapping it gives."""
    whole = batched(call.subject)
    assert whole is not None
    (axes,) = call.axes
    arguments = call.arguments(axes)
    pieces = [transform.map(call.subject.function, axes), whole]
    joined = transform.traceable and not call.eager
    mapped, got = run_together(pieces, [arguments, arguments], joined)
    each = oracle.of_function(call)
    with attribute_to(call, MAP, expected=each):
        assert_agrees(mapped, each)
    with attribute_to(call, WHOLE, expected=each):
        expected = _with_one_state(call.subject, each)
    with attribute_to(call, WHOLE, expected=expected):
        assert_agrees(got, expected)


def _with_one_state(subject: FunctionSubject, each: Expected) -> Expected:
    """The outputs of all examples, and the one state that all of them leave."""
    if not has_state(subject):
        return each
    value, bound, like = each
    leaves = jax.tree_util.tree_leaves(value[1])
    if any(not np.array_equal(leaf[0], other) for leaf in leaves for other in leaf):
        raise Mismatch("value", STATES_DIFFER)

    def first(tree: PyTree) -> PyTree:
        return jax.tree_util.tree_map(lambda leaf: leaf[0], tree)

    shapes = jax.tree_util.tree_map(
        lambda leaf: jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype), like[1]
    )
    return Expected((value[0], first(value[1])), (bound[0], first(bound[1])), (like[0], shapes))
