"""Gradients of a lifted module by its parameters."""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from properties import oracle
from properties.call import ModuleCall, move_batch_axis
from properties.compare import Expected, assert_agrees
from properties.joint_compile import run_together, transform_or_raise
from properties.law import attribute_to
from properties.laws.sharing.cases import law
from properties.strategies import module_calls
from properties.subject import ModuleSubject
from properties.transform import Transform
from properties.values import draw
from reference import keys
from reference.error_bounds.evaluate import Rounded, evaluator
from reference.loop import example, stack
from reference.types import Array, PyTree

WEIGHTS = 2_000_003
"""The seed of the weights of outputs, so that no two of them have the same gradient."""


def _no_gradient(transform: Transform, subject: ModuleSubject) -> str | None:
    if subject.collections != ("params",):
        return f"{subject.name} has no parameters, or more than those"
    return subject.no_gradient and f"{subject.name} has no gradient: {subject.no_gradient}"


@law("sharing.gradients", tier="derived", cases=module_calls(most=1), skip_if=_no_gradient)
def gradients(transform: Transform, call: ModuleCall) -> None:
    """The gradient by shared parameters is the sum over the examples; each ensemble member has its own."""
    for each in (call.sharing(), call.ensemble()):
        variables = oracle.drawn_variables(each, transform.derivation)
        pieces = [
            transform_or_raise(lambda e: _gradient(transform.lift(e).apply, e), each.only(axes))
            for axes in each.axes
        ]
        arguments = [(variables, each.rngs(), *each.inputs(axes)) for axes in each.axes]
        results = run_together(pieces, arguments, transform.traceable and not each.init_jitted)
        for axes, got in zip(each.axes, results, strict=True):
            single = each.only(axes)
            expected = _expected_gradient(single, variables, transform.derivation)
            with attribute_to(single, "gradient", expected=expected):
                assert_agrees(got, expected)


def _weights_of(call: ModuleCall, variables: PyTree) -> PyTree:
    """The weights of each leaf of one example's output."""
    own = oracle.member(variables, call.variable_axes, 0)
    output, _ = jax.eval_shape(oracle.applied(call), own, call.rngs(), *call.example())
    leaves, structure = jax.tree_util.tree_flatten(output)
    drawn = [draw(WEIGHTS + i, leaf.shape, "float32") for i, leaf in enumerate(leaves)]
    return jax.tree_util.tree_unflatten(structure, drawn)


def weights_of_map(call: ModuleCall, variables: PyTree) -> PyTree:
    """The same weights for every example, with the batch axis of the call's only axes."""
    weights = _weights_of(call, variables)
    each = jax.tree_util.tree_map(lambda leaf: np.stack([leaf] * call.size), weights)
    return move_batch_axis(each, call.axes[0].out_axes)


def _total(output: PyTree, weights: PyTree) -> Array:
    """The weighted sum of an output."""
    products = jax.tree_util.tree_map(lambda o, w: jnp.sum(o * w), output, weights)
    return sum(jax.tree_util.tree_leaves(products))


def _gradient(apply: Callable[..., PyTree], call: ModuleCall) -> Callable[..., PyTree]:
    """The gradient by the parameters of the weighted sum of all outputs."""

    def total(params: PyTree, variables: PyTree, rngs: PyTree, *inputs: PyTree) -> Array:
        output, _ = apply({**variables, "params": params}, rngs, *inputs)
        return _total(output, weights_of_map(call, variables))

    def gradient(variables: PyTree, rngs: PyTree, *inputs: PyTree) -> PyTree:
        return jax.grad(total)(variables["params"], variables, rngs, *inputs)

    return gradient


def _expected_gradient(
    call: ModuleCall, variables: PyTree, derivation: keys.Derivation
) -> Expected:
    """The gradients of each example: summed where shared, else stacked along the parameters' axis."""
    axis = call.variable_axes["params"]
    each = _each_gradient(call, variables, derivation)
    like = jax.tree_util.tree_map(
        lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), variables["params"]
    )
    values, errors = stack([r.value for r in each]), stack([r.error for r in each])
    if axis is not None:
        return Expected(move_batch_axis(values, axis), move_batch_axis(errors, axis), like)
    bound = jax.tree_util.tree_map(
        lambda value, error: error.sum(0) + oracle.sum_error(value), values, errors
    )
    return Expected(jax.tree_util.tree_map(lambda v: v.sum(0), values), bound, like)


def _each_gradient(
    call: ModuleCall, variables: PyTree, derivation: keys.Derivation
) -> list[Rounded]:
    (axes,), inputs = call.axes, call.batch_first(call.axes[0])
    streams = keys.lift(call.rngs(), call.split_rngs, call.size, derivation)
    evaluate = _gradient_evaluator(
        call.subject,
        tuple(sorted(call.sizes.items())),
        tuple(streams[0]),
        call.typed_keys,
        derivation,
    )
    return [
        evaluate(
            oracle.member(variables, call.variable_axes, i)["params"],
            streams[i],
            *example(inputs, axes.leading.in_axes, i),
        )
        for i in range(call.size)
    ]


@functools.cache
def _gradient_evaluator(
    subject: ModuleSubject,
    sizes: tuple[tuple[str, int], ...],
    streams: tuple[str, ...],
    typed_keys: bool,
    derivation: keys.Derivation,
) -> Callable[..., Rounded]:
    """The gradient by its parameters of one example's weighted output, in float64 with its bound."""
    call = ModuleCall(
        subject.name,
        dict(sizes),
        (),
        {"params": None},
        dict.fromkeys(streams, False),
        typed_keys=typed_keys,
    )
    rngs = keys.lift(call.rngs(), call.split_rngs, 1)[0]
    variables, one = oracle.drawn_variables(call, derivation), oracle.applied(call, derivation)
    weights = _weights_of(call, variables)

    def total(params: PyTree, rngs: PyTree, *example: PyTree) -> Array:
        return _total(one({"params": params}, rngs, *example)[0], weights)

    return evaluator(jax.grad(total), variables["params"], rngs, *call.example())
