"""A step of training in which every device has a shard of the batch."""

import inspect
from collections.abc import Callable
from typing import Any

import attrs
import jax
import numpy as np

from properties import oracle
from properties.applicability import takes_specs
from properties.call import Axes, FunctionCall
from properties.compare import Expected, assert_agrees
from properties.joint_compile import run_together
from properties.law import attribute_to, law
from properties.recipe import Recipe
from properties.strategies import function_calls
from properties.subject import AXIS, FunctionSubject
from properties.transform import Transform
from reference.error_bounds.roundoff import gamma, unit_roundoff

RATE = 0.125
"""The learning rate: a power of two, so that scaling rounds nothing."""


def _no_loss(transform: Transform, subject: FunctionSubject) -> str | None:
    if subject.name == "mlp-loss":
        return takes_specs(transform, subject)
    return f"{subject.name} is no loss that parameters could be trained by"


@law(
    "parallel.data-parallel-step",
    cases=function_calls(unmapped="any", most=1),
    skip_if=_no_loss,
)
def data_parallel_step(transform: Transform, call: FunctionCall) -> None:
    """A step with averaged gradients is the full batch's step; without averaging each shard takes its own."""
    axes = attrs.evolve(call.axes[0], in_axes=(None, 0, 0), name=AXIS)
    single, joined = call.only(axes), transform.traceable and not call.eager
    for averaged, recipe in ((True, AVERAGED), (False, UNAVERAGED)):
        mapped = transform.map(stepping(call.subject.function, averaged), recipe.axes(axes))
        (got,) = run_together([mapped], [single.arguments(axes)], joined)
        expected = expected_step(single, averaged)
        with attribute_to(single, recipe, expected=expected):
            assert_agrees(got, expected)


def stepping(loss: Any, averaged: bool) -> Any:
    """One step of gradient descent on one shard, its gradient averaged over all shards or not."""

    def step(params: Any, *data: Any) -> Any:
        gradient = jax.grad(loss)(params, *data)
        if averaged:
            gradient = jax.lax.pmean(gradient, AXIS)
        return jax.tree_util.tree_map(lambda p, g: p - RATE * g, params, gradient)

    return step


def gradient_of_loss(call: FunctionCall) -> Callable[..., Any]:
    """The gradient of the call's function, a loss, by its first argument."""
    return jax.grad(call.subject.function)


def expected_step(call: FunctionCall, averaged: bool) -> Expected:
    """What the step should give every shard, stacked along a new first axis.

    The mean of n float32 values is off by gamma(n + 1) of their magnitudes' mean, and subtracting it
    rounds once (Higham, Accuracy and Stability of Numerical Algorithms, section 4.2).
    """
    each = oracle.of_derivative(call, gradient_of_loss)
    size = call.sizes["batch"]
    params = call.batch_first(call.axes[0])[0]

    def leaf(parameter: Any, value: Any, error: Any) -> tuple[Any, Any]:
        if averaged:
            more = gamma(size + 1, "float32") * np.abs(value).mean(0)
            value = np.broadcast_to(value.mean(0), value.shape)
            error = np.broadcast_to(error.mean(0) + more, value.shape)
        new = parameter.astype(np.float64) - RATE * value
        return new, RATE * error + unit_roundoff("float32") * np.abs(new)

    pairs = jax.tree_util.tree_map(leaf, params, each.value, each.bound)
    value, bound = (
        jax.tree_util.tree_map(lambda _, pair, part=part: pair[part], params, pairs)
        for part in (0, 1)
    )
    return Expected(value, bound, each.like)


def _step_code(averaged: bool) -> Callable[[FunctionCall], str]:
    def setup_code(call: FunctionCall) -> str:
        text = inspect.getsource(stepping)
        head = f"AXIS, RATE = {AXIS!r}, {RATE}"
        return f"{head}\n\n{text}\n\nfunction = stepping(function, {averaged})"

    return setup_code


def _leading_out(axes: Axes) -> Axes:
    return attrs.evolve(axes, out_axes=0)


AVERAGED = Recipe("step of the averaged gradient", setup_code=_step_code(True), axes=_leading_out)
UNAVERAGED = Recipe(
    "step of each shard's own gradient", setup_code=_step_code(False), axes=_leading_out
)
