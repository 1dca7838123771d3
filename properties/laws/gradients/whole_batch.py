"""Gradients of subjects that take a whole batch by themselves, as their author says with `batched`."""

from typing import Any

import attrs
import jax
import jax.numpy as jnp
from hypothesis.strategies import SearchStrategy

from properties import oracle
from properties.batch_axes import front
from properties.call import Axes, FunctionCall
from properties.compare import assert_agrees
from properties.joint_compile import run_together
from properties.law import attribute_to, law
from properties.laws.gradients import of_maps
from properties.laws.mapping.whole_batch import batched, has_state
from properties.profile import Profile
from properties.recipe import Recipe
from properties.sizes import some_call
from properties.strategies import function_calls
from properties.subject import FunctionSubject, Subject
from properties.transform import Transform
from properties.trees import Raised
from properties.values import draw
from reference.types import PyTree

LARGE = 4
"""The weights' factor: a rule that clips gradients, as custom ones do, has something to clip."""


def _weights(call: FunctionCall) -> list[Any]:
    """Weights of each leaf of the whole result; None for a leaf that is not float32.

    Each example has its own: where all had the same, a rule that mixes the examples would not show.
    """
    shapes = jax.tree_util.tree_leaves(jax.eval_shape(call.subject.function, *call.example()))
    batch = call.sizes["batch"]
    return [
        LARGE * draw(of_maps.WEIGHTS + i, (batch, *leaf.shape), "float32")
        if leaf.dtype == jnp.float32
        else None
        for i, leaf in enumerate(shapes)
    ]


def _gradient(function: of_maps.Function, call: FunctionCall) -> of_maps.Function:
    """The gradient of a function's weighted result, which takes the weights, too."""
    places = of_maps.float_arguments(call.subject)

    def gradient(weights: list[Any], *arguments: PyTree) -> PyTree:
        return of_maps.gradient_of_total(function, weights, places)(*arguments)

    return gradient


def _gradient_of_whole(call: FunctionCall) -> of_maps.Function:
    whole = batched(call.subject)
    assert whole is not None
    return _gradient(whole, call)


def _code(call: FunctionCall) -> str:
    return f"""\
batched = subject.own.batched
whole = function if batched is True else batched
{of_maps.gradient_code(call, _weights(call), "whole")}
got = jax.jit(gradient)(*arguments)"""


OF_MAP = Recipe(
    "gradient of the map",
    result_code=lambda call: (
        f"{of_maps.gradient_code(call, _weights(call), 'mapped')}\ngot = gradient(*arguments)"
    ),
)
WHOLE = Recipe("gradient of the function of the whole batch", result_code=_code)


def _calls(
    transform: Transform, subject: FunctionSubject, profile: Profile
) -> SearchStrategy[FunctionCall]:
    in_floats = attrs.evolve(subject, dtypes=("float32",))
    return function_calls(front, front, most=1)(transform, in_floats, profile)


def _is_about(subject: Subject) -> bool:
    # Of a state that all examples share, a whole batch leaves one, and a map one for each.
    return batched(subject) is not None and not has_state(subject)


def _no_gradient(transform: Transform, subject: FunctionSubject) -> str | None:
    """Why the gradients cannot be compared; None where they can."""
    reason = of_maps.no_gradient(transform, subject)
    if reason is not None:
        return reason
    some = some_call(attrs.evolve(subject, dtypes=("float32",)))
    call = some.only(Axes((0,) * len(subject.arguments), 0))
    try:
        jax.jit(_gradient_of_whole(call)).lower(_weights(call), *call.arguments(call.axes[0]))
    except Exception as refused:
        return f"JAX does not differentiate {subject.name} of a whole batch: {Raised(refused)!r}"
    return None


@law(
    "gradients.whole-batch",
    cases=_calls,
    only_transform="jax.vmap",
    where=_is_about,
    skip_if=_no_gradient,
)
def whole_batch(transform: Transform, call: FunctionCall) -> None:
    """The gradient of a function of the whole batch is each example's gradient."""
    weights, (axes,) = _weights(call), call.axes
    arguments = (weights, *call.arguments(axes))
    of_map = _gradient(transform.map(call.subject.function, axes), call)
    pieces = [of_map, _gradient_of_whole(call)]
    joined = transform.traceable and not call.eager
    results = run_together(pieces, [arguments, arguments], joined)
    expected = oracle.of_weighted(call, _gradient(call.subject.function, call), weights)
    for recipe, got in zip((OF_MAP, WHOLE), results, strict=True):
        with attribute_to(call, recipe, expected=expected):
            assert_agrees(got, expected)
