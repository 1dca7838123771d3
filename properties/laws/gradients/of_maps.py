"""Derivatives of maps, and maps of derivatives, of functions and of generated programs."""

import functools
import inspect
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
import jax
import jax.numpy as jnp
import numpy as np
from hypothesis.strategies import SearchStrategy

from properties import oracle
from properties.call import Axes, FunctionCall, ProgramCall, move_batch_axis
from properties.compare import Expected, assert_agrees
from properties.joint_compile import run_together
from properties.law import attribute_to, law
from properties.laws.mapping import programs
from properties.profile import Profile
from properties.programs import drawing, infer
from properties.programs.constructs import CONSTRUCTS
from properties.programs.grammar import Program
from properties.recipe import Recipe
from properties.sizes import some_call
from properties.strategies import FunctionCases, function_calls
from properties.subject import FunctionSubject
from properties.subjects.programs import FAMILIES
from properties.transform import Transform
from properties.trees import Raised, literal
from properties.values import draw
from reference.types import Array, PyTree

WEIGHTS = 1_000_003
"""The seed of the weights of results, so that no two of them have the same gradient."""

Function = Callable[..., PyTree]


def _no_per_example_gradient(transform: Transform, subject: FunctionSubject) -> str | None:
    reason = _undifferentiable(subject, gradient_of)
    if reason or transform.name != "jax.shard_map" or len(subject.arguments) < 2:
        return reason
    return (
        "within shard_map the gradient by what all devices share is summed over the devices: "
        "https://docs.jax.dev/en/latest/301/sharding-ad.html"
    )


def no_gradient(transform: Transform, subject: FunctionSubject) -> str | None:
    """Why a function has no gradient; None where it has."""
    return _undifferentiable(subject, gradient_of)


def _no_forward_mode(transform: Transform, subject: FunctionSubject) -> str | None:
    return _undifferentiable(subject, forward_of)


@functools.cache
def _undifferentiable(
    subject: FunctionSubject, derivative: Callable[[FunctionCall], Function]
) -> str | None:
    """Why a function has no such derivative; None where it has."""
    if subject.answer is not None:
        return f"{subject.name} states its expected results, which say nothing of derivatives"
    if "float32" not in subject.dtypes or not float_arguments(subject):
        return f"{subject.name} takes integers, which have no derivative"
    call = some_call(attrs.evolve(subject, dtypes=("float32",)))
    if all(weights is None for weights in weights_of(call)):
        return f"{subject.name} returns no floats"
    try:
        # Of forward mode through custom_vjp, tracing says nothing.
        jax.jit(derivative(call)).lower(*call.example())
    except Exception as refused:
        return f"JAX does not differentiate {subject.name} unmapped: {Raised(refused)!r}"
    return None


def float_arguments(subject: FunctionSubject) -> tuple[int, ...]:
    """The positions of the arguments that contain floats only: those that have a gradient."""
    leaves = [jax.tree_util.tree_leaves(tree) for tree in subject.arguments]
    return tuple(
        i
        for i, arrays in enumerate(leaves)
        if all(array.below is None and array.dtype in (None, "float32") for array in arrays)
    )


def float_calls(unmapped: str, most: int = 3) -> FunctionCases:
    """Calls in float32, with arguments `unmapped` and `most` combinations as in `function_calls`."""

    def cases(
        transform: Transform, subject: FunctionSubject, profile: Profile
    ) -> SearchStrategy[FunctionCall]:
        # A gradient is many primitives, most of which the catalogue has more combinations of.
        calls = function_calls(unmapped=unmapped, most=1 if subject.kind == "rule" else most)
        return calls(transform, attrs.evolve(subject, dtypes=("float32",)), profile)

    return cases


def weights_of(call: FunctionCall) -> list[Any]:
    """The weights of each leaf of one example's result; None for a leaf that is not float32.

    Where the function does not round, nor does the weighted sum: the weights are small integers.
    """
    kind = "whole" if call.subject.exact else "normal"
    shapes = jax.tree_util.tree_leaves(jax.eval_shape(call.subject.function, *call.example()))
    return [
        draw(WEIGHTS + i, leaf.shape, "float32", kind=kind) if leaf.dtype == jnp.float32 else None
        for i, leaf in enumerate(shapes)
    ]


def total(result: PyTree, weights: Sequence[Any]) -> Array:
    """The weighted sum of a result."""
    leaves = zip(jax.tree_util.tree_leaves(result), weights, strict=True)
    return sum(jnp.sum(leaf * weight) for leaf, weight in leaves if weight is not None)


def gradient_of(call: FunctionCall) -> Function:
    """The gradient of one example's weighted result by every argument of floats."""
    return gradient_of_total(call.subject.function, weights_of(call), float_arguments(call.subject))


def gradient_of_total(
    function: Function, weights: Sequence[Any], places: tuple[int, ...]
) -> Function:
    """The gradient of the weighted sum of what a function gives by its arguments at `places`."""

    def weighted_sum(*arguments: PyTree) -> Array:
        return total(function(*arguments), weights)

    return jax.grad(weighted_sum, argnums=places)


def gradient_of_map(transform: Transform, call: FunctionCall) -> Function:
    """The gradient of the weighted sum over all examples, for the call's only axes."""
    mapped = transform.map(call.subject.function, call.axes[0])
    return gradient_of_total(mapped, weights_of_map(call), float_arguments(call.subject))


def along_itself(function: Any, places: tuple[int, ...]) -> Any:
    """The derivatives in forward mode of a function's floats by its arguments at `places`.

    The direction is that of the arguments themselves: no two examples have the same one.
    """

    def forward(*arguments: Any) -> list[Any]:
        def of_floats(*floats: Any) -> Any:
            given = dict(zip(places, floats, strict=True))
            return function(*(given.get(i, argument) for i, argument in enumerate(arguments)))

        floats = tuple(arguments[place] for place in places)
        tangents = jax.tree_util.tree_leaves(jax.jvp(of_floats, floats, floats)[1])
        return [leaf for leaf in tangents if leaf.dtype != jax.dtypes.float0]

    return forward


def forward_of(call: FunctionCall) -> Function:
    """The derivatives in forward mode of one example's result."""
    function: Function = along_itself(call.subject.function, float_arguments(call.subject))
    return function


def expected_gradients(call: FunctionCall) -> Expected:
    """The gradients of a call's only axes, one for each example, stacked along a new first axis."""
    return oracle.of_derivative(call.only(leading_out(call.axes[0])), gradient_of)


def expected_forward(call: FunctionCall) -> Expected:
    """The derivatives in forward mode, for the call's only axes."""
    return oracle.of_derivative(call, forward_of)


def expected_gradient_of_map(call: FunctionCall) -> Expected:
    """The gradients of the weighted sum over all examples by each argument of floats."""
    axes = call.axes[0].in_axes
    in_axes = [axes[place] for place in float_arguments(call.subject)]
    return summed_where_shared(expected_gradients(call), in_axes)


def weights_of_map(call: FunctionCall) -> list[Any]:
    """The same weights for every example, with the batch axis of the call's only axes."""
    return [
        weights
        if weights is None
        else move_batch_axis(np.stack([weights] * call.sizes["batch"]), call.axes[0].out_axes)
        for weights in weights_of(call)
    ]


def summed_where_shared(each: Expected, in_axes: Sequence[int | None]) -> Expected:
    """Per-example gradients: summed over the examples for axis None, else with that batch axis."""

    def place(axis: int | None, value: Array, bound: Array, like: Any) -> tuple[Any, Any, Any]:
        if axis is not None:
            shape = jax.ShapeDtypeStruct(np.moveaxis(value, 0, axis).shape, like.dtype)
            return move_batch_axis(value, axis), move_batch_axis(bound, axis), shape
        more = oracle.sum_error(value)
        shape = jax.ShapeDtypeStruct(like.shape[1:], like.dtype)
        return value.sum(0), bound.sum(0) + more, shape

    placed = []
    for axis, *trees in zip(in_axes, each.value, each.bound, each.like, strict=True):
        leaves, structure = zip(*map(jax.tree_util.tree_flatten, trees), strict=True)
        triples = [place(axis, *leaf) for leaf in zip(*leaves, strict=True)]
        # The state of a module without parameters has no arrays to place.
        parts = zip(*triples, strict=True) if triples else ((), (), ())
        placed.append([structure[0].unflatten(part) for part in parts])
    return Expected(*(tuple(part) for part in zip(*placed, strict=True)))


_TOTAL = """
def total(result):
    leaves = zip(jax.tree_util.tree_leaves(result), weights)
    return sum(jnp.sum(leaf * weight) for leaf, weight in leaves if weight is not None)

"""


def _gradient_code(call: FunctionCall) -> str:
    return f"""
forward, weights = function, {literal(weights_of(call))}
{_TOTAL}
function = jax.grad(lambda *x: total(forward(*x)), {float_arguments(call.subject)})"""


def gradient_code(call: FunctionCall, weights: Sequence[Any], function: str) -> str:
    """Python that sets `gradient`, that of the weighted sum of what the function of that name gives."""
    return f"""
weights = {literal(weights)}
{_TOTAL}
gradient = jax.grad(lambda *x: total({function}(*x)), {float_arguments(call.subject)})"""


def gradient_of_map_code(call: FunctionCall) -> str:
    """Python that sets `gradient`, that of the weighted sum of a map."""
    return gradient_code(call, weights_of_map(call), "mapped")


def _forward_code(call: FunctionCall) -> str:
    places = float_arguments(call.subject)
    return f"{inspect.getsource(along_itself)}\n\nfunction = along_itself(function, {places})"


def _forward_of_map_code(call: FunctionCall) -> str:
    places = float_arguments(call.subject)
    return f"{inspect.getsource(along_itself)}\n\ngot = along_itself(mapped, {places})(*arguments)"


def leading_out(axes: Axes) -> Axes:
    """The axes of the map of a gradient: each argument's keep their places, the results' come first."""
    return attrs.evolve(axes, out_axes=0)


MAP_OF_GRADIENT = Recipe("map of the gradient", setup_code=_gradient_code, axes=leading_out)
GRADIENT_OF_MAP = Recipe(
    "gradient of the map",
    result_code=lambda call: f"{gradient_of_map_code(call)}\ngot = gradient(*arguments)",
)
MAP_OF_FORWARD = Recipe("map of the derivative in forward mode", setup_code=_forward_code)
FORWARD_OF_MAP = Recipe("derivative in forward mode of the map", result_code=_forward_of_map_code)


@law(
    "gradients.per-example",
    cases=float_calls("any"),
    kinds=("function", "rule"),
    skip_if=_no_per_example_gradient,
)
def per_example(transform: Transform, call: FunctionCall) -> None:
    """Mapping a gradient gives the gradient at each example."""
    gradient = gradient_of(call)
    pieces = [transform.map(gradient, leading_out(axes)) for axes in call.axes]
    _check_derivatives(transform, call, expected_gradients, {MAP_OF_GRADIENT: pieces})


@law(
    "gradients.shared-sum",
    tier="derived",
    cases=float_calls("any"),
    kinds=("function", "rule"),
    skip_if=no_gradient,
)
def shared_sum(transform: Transform, call: FunctionCall) -> None:
    """The gradient of a map is each example's gradient, and by a shared argument the sum of them."""
    pieces = [gradient_of_map(transform, call.only(axes)) for axes in call.axes]
    _check_derivatives(transform, call, expected_gradient_of_map, {GRADIENT_OF_MAP: pieces})


@law(
    "gradients.forward",
    tier="derived",
    cases=float_calls("any"),
    kinds=("function", "rule"),
    skip_if=_no_forward_mode,
)
def forward(transform: Transform, call: FunctionCall) -> None:
    """In forward mode, the map of the derivative and the derivative of the map give each example's."""
    function, places = call.subject.function, float_arguments(call.subject)
    inside = [transform.map(along_itself(function, places), axes) for axes in call.axes]
    outside = [along_itself(transform.map(function, axes), places) for axes in call.axes]
    pieces = {MAP_OF_FORWARD: inside, FORWARD_OF_MAP: outside}
    _check_derivatives(transform, call, expected_forward, pieces)


def _check_derivatives(
    transform: Transform,
    call: FunctionCall,
    expected_of: Callable[[FunctionCall], Expected],
    pieces: Mapping[Recipe, Sequence[Function]],
) -> None:
    """Check functions, made by each recipe for each combination of axes, with what is expected of it."""
    arguments = [call.arguments(axes) for axes in call.axes]
    expected = [expected_of(call.only(axes)) for axes in call.axes]
    joined = transform.traceable and not call.eager
    every = [piece for each in pieces.values() for piece in each]
    results = run_together(every, arguments * len(pieces), joined)
    compared = [
        (recipe, *one) for recipe in pieces for one in zip(call.axes, expected, strict=True)
    ]
    for (recipe, axes, right), got in zip(compared, results, strict=True):
        with attribute_to(call.only(axes), recipe, expected=right):
            assert_agrees(got, right)


def _in_reverse(family: str) -> tuple[str, ...]:
    """The constructs of the family that have a derivative in reverse mode."""
    return tuple(name for name in FAMILIES[family] if CONSTRUCTS[name].reverse)


def _no_reverse_mode(transform: Transform, subject: FunctionSubject) -> str | None:
    if _in_reverse(subject.name):
        return None
    return f"{subject.name} has no derivative in reverse mode"


def _differentiable_program(family: str, seed: int) -> Program:
    """A program with a float among its inputs, and one among its results."""
    for turn in itertools.count():
        program = drawing.draw(seed + turn, _in_reverse(family), reverse=True)
        types = infer.check(program)
        given = any(each.dtype == "float32" for each in program.inputs)
        if given and any(types[name].is_float for name in program.body.gives):
            return program
    raise AssertionError("there are such programs")


@law(
    "gradients.generated-program",
    tier="derived",
    cases=functools.partial(programs.calls, draw=_differentiable_program),
    kinds=("program",),
    only_transform="jax.vmap",
    skip_if=_no_reverse_mode,
    smaller=programs.smaller,
)
def generated_program(transform: Transform, call: ProgramCall) -> None:
    """The gradient of a map of a generated program is each example's, and by a shared input their sum."""
    (axes,), places = call.axes, float_arguments(call.subject)
    leading = attrs.evolve(call, axes=(leading_out(axes),))
    each = programs.expected_with(leading, gradient_of)
    gradient = gradient_of_map(transform, call)
    expected = summed_where_shared(each, [axes.in_axes[place] for place in places])
    (got,) = run_together([gradient], [call.arguments(axes)], not call.eager)
    with attribute_to(call, GRADIENT_OF_MAP, expected=expected):
        assert_agrees(got, expected)
