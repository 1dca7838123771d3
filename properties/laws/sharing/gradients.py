"""What else a lifted module carries: collections, streams, names of axes, options, other lifts."""

import functools
from collections.abc import Callable
from functools import partial
from typing import Any

import attrs
import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import strategies as st

from properties import oracle
from properties.batch_axes import ENSEMBLE_AXES, ensemble_axes
from properties.call import ModuleCall, move_batch_axis
from properties.compare import Expected, Mismatch, assert_agrees, assert_same_structure
from properties.joint_compile import apply_together, init_shapes, run_together, transform_or_raise
from properties.law import attribute_to, law
from properties.laws.errors import must_raise
from properties.laws.sharing.parameters import answers_as_each_example, one_call
from properties.profile import Profile
from properties.strategies import module_calls, one_of
from properties.subject import ModuleSubject
from properties.transform import Transform
from properties.trees import Raised, attempt
from properties.values import draw
from reference import keys
from reference.error_bounds.evaluate import evaluator
from reference.loop import example, stack

law = partial(law, subjects=ModuleSubject)
WEIGHTS = 2_000_003
"""The seed of what outputs are weighted with, so that no two of them have the same gradient."""


def _drawn(call: ModuleCall) -> Any:
    return oracle.drawn_variables(call)


def _same_with(group: str) -> Callable[[Transform, ModuleCall], None]:
    """A check that none of the transform's variants of a group changes what the module gives."""

    def check(transform: Transform, call: ModuleCall) -> None:
        calls = [
            attrs.evolve(call, options=options)
            for options in transform.variants(call).get(group, ())
        ]
        variables, (axes,) = _drawn(call), call.axes
        shapes = oracle.variable_shapes(call)
        right = oracle.of_module(call, variables, transform.derivation)
        for each in calls:
            with attribute_to(each, "init"):
                assert_same_structure(init_shapes(transform.lift(each), each), shapes)
        pieces = [transform_or_raise(lambda e: transform.lift(e).apply, each) for each in calls]
        arguments = [(variables, call.rngs(), *call.inputs(axes)) for _ in calls]
        results = run_together(pieces, arguments, transform.traceable and not call.init_jitted)
        for each, got in zip(calls, results, strict=True):
            with attribute_to(each, "apply"):
                assert_agrees(got, right)

    return check


def no_variants(group: str) -> Callable[[Transform, ModuleSubject], str | None]:
    """Why a law about a group of variants has nothing to say: there are none."""

    def reason(transform: Transform, subject: ModuleSubject) -> str | None:
        some = ModuleCall(subject.name, {"batch": 3}, (), {}, {})
        if transform.variants(some).get(group):
            return None
        return f"{transform.name} has no {group} to try on {subject.name}"

    return reason


@law(
    "sharing.options",
    tier="derived",
    cases=module_calls(most=1, ensemble=None),
    skip_if=no_variants("options"),
)
def options_change_no_result(transform: Transform, call: ModuleCall) -> None:
    """Options that name the batch axis, say its size or choose methods change no result."""
    _same_with("options")(transform, call)


@law(
    "sharing.nested",
    tier="derived",
    cases=module_calls(most=1, ensemble=None),
    skip_if=no_variants("nests"),
)
def other_lifts_change_no_result(transform: Transform, call: ModuleCall) -> None:
    """`jit`, `remat`, a loop or another map, around the lift or inside it, change no result."""
    _same_with("nests")(transform, call)


def _no_other_collection(transform: Transform, subject: ModuleSubject) -> str | None:
    if set(subject.collections) - {"params"}:
        return None
    return f"{subject.name} has no collection but its parameters"


def _placed_collections(transform: Transform, subject: ModuleSubject, profile: Profile) -> Any:
    """Calls whose collections other than the parameters are mapped along an axis they all have, other
    than the first, which is every other law's."""

    def placed(call: ModuleCall, axis: int) -> ModuleCall:
        axes = {k: v if k == "params" else axis for k, v in call.variable_axes.items()}
        return attrs.evolve(call, variable_axes=axes)

    calls = module_calls(most=1, ensemble=None)(transform, subject, profile)
    others = [name for name in subject.collections if name != "params"]
    axes = ensemble_axes(subject, *others)[1:] or ENSEMBLE_AXES[:1]
    return st.builds(placed, calls, one_of("collections", axes, subject, profile))


@law("sharing.collections", tier="derived", cases=_placed_collections, skip_if=_no_other_collection)
def collections_are_mapped_where_asked(transform: Transform, call: ModuleCall) -> None:
    """A collection is mapped along the axis asked for, however the filters that choose it are written."""
    with attribute_to(call, "init"):
        assert_same_structure(init_shapes(transform.lift(call), call), oracle.variable_shapes(call))
    answers_as_each_example(transform, call, _drawn(call))
    _same_with("spellings")(transform, call)


def _shared_collections(transform: Transform, subject: ModuleSubject, profile: Profile) -> Any:
    """Calls of several examples whose collections are all shared."""
    calls = module_calls(most=1)(transform, subject, profile)
    return calls.filter(lambda call: call.size > 1).map(
        lambda call: attrs.evolve(call, variable_axes=dict.fromkeys(call.variable_axes))
    )


@law(
    "sharing.updates-differ",
    tier="derived",
    cases=_shared_collections,
    skip_if=_no_other_collection,
)
def one_collection_has_one_update(transform: Transform, call: ModuleCall) -> None:
    """A shared collection that each example would update in its own way raises ValueError."""
    variables = _drawn(call)
    ((_, got),) = apply_together(transform, call, variables)
    with attribute_to(call, "apply"):
        if oracle.updates_differ(call, variables, transform.derivation):
            must_raise(got, ValueError, "what is shared has one value after the call")
        elif not (isinstance(got, Raised) and isinstance(got.error, ValueError)):
            # All examples update it alike, as a counter of steps: that is its value after the call.
            assert_agrees(got, oracle.of_module(call, variables, transform.derivation))


def _no_other_stream(transform: Transform, subject: ModuleSubject) -> str | None:
    if set(subject.streams) - {"params"}:
        return None
    return f"{subject.name} draws from no stream but that of its parameters"


@law(
    "sharing.rng-streams",
    tier="derived",
    cases=module_calls(most=1, ensemble=None),
    skip_if=_no_other_stream,
)
def streams_are_split_apart(transform: Transform, call: ModuleCall) -> None:
    """Each stream is split or not by itself: shared parameters with split noise, and the opposite."""
    for axis in (None, 0) if "params" in call.subject.collections else (None,):
        for split in (False, True):
            streams = {name: split for name in call.subject.streams if name != "params"}
            apart = call.with_params(axis, split=axis is not None)
            apart = attrs.evolve(apart, split_rngs={**apart.split_rngs, **streams})
            answers_as_each_example(transform, apart, _drawn(apart))


def _no_names(transform: Transform, subject: ModuleSubject) -> str | None:
    return None if subject.names else f"{subject.name} does not name the axes of its parameters"


@law("sharing.metadata", tier="derived", cases=one_call(ensemble=True), skip_if=_no_names)
def names_stand_where_the_axes_do(transform: Transform, call: ModuleCall) -> None:
    """The names of a parameter's axes say where the ensemble's axis is, and are left alone when shared."""
    for each in (call, call.sharing()):
        right = names_of(each)
        try:
            got = transform.lift(each).names(each.rngs(), *each.inputs(each.axes[0]))
        except Exception as error:
            got = f"{type(error).__name__}: {error}"
        with attribute_to(each, "names"):
            if got != right:
                message = f"names of axes differ: expected {right}, got {got}"
                raise Mismatch("structure", message, str(right), str(got))


def names_of(call: ModuleCall) -> dict[str, tuple[str, ...]]:
    """What the axes of the parameters must be called."""
    axis = call.variable_axes["params"]
    return {name: _widened(names, axis) for name, names in call.subject.names.items()}


def _widened(names: tuple[str, ...], axis: int | None) -> tuple[str, ...]:
    if axis is None:
        return names
    place = axis if axis >= 0 else axis + len(names) + 1
    return (*names[:place], NEW_AXIS, *names[place:])


NEW_AXIS = "members"
"""What the ensemble's axis is to be called."""


@law(
    "sharing.aliases",
    tier="derived",
    cases=one_call(ensemble=True),
    skip_if=no_variants("aliases"),
    only_transform="flax.nnx.vmap",
)
def one_module_is_mapped_one_way(transform: Transform, call: ModuleCall) -> None:
    """A module given twice is one module: mapped alike it changes nothing, mapped in two ways is an error."""
    alike, *apart = (
        attrs.evolve(call, options=options) for options in transform.variants(call)["aliases"]
    )
    variables, (axes,) = _drawn(call), call.axes
    answers_as_each_example(transform, alike, variables)
    for each in apart:
        got = attempt(transform.lift(each).apply, variables, call.rngs(), *call.inputs(axes))
        with attribute_to(each, "apply"):
            first, *_ = variables["params"]
            must_raise(got, ValueError, "it is mapped in two ways at once", (first,))


def _no_gradient(transform: Transform, subject: ModuleSubject) -> str | None:
    if subject.collections != ("params",):
        return f"{subject.name} has no parameters, or more than those"
    return subject.no_gradient and f"{subject.name} has no gradient: {subject.no_gradient}"


@law("sharing.gradients", tier="derived", cases=module_calls(most=1), skip_if=_no_gradient)
def gradients_are_summed_where_shared(transform: Transform, call: ModuleCall) -> None:
    """The gradient by shared parameters is the sum over the examples; by an ensemble's, each its own."""
    for each in (call.sharing(), call.ensemble()):
        variables = _drawn(each)
        pieces = [
            transform_or_raise(lambda e: _gradient(transform.lift(e).apply, e), each.only(axes))
            for axes in each.axes
        ]
        arguments = [(variables, each.rngs(), *each.inputs(axes)) for axes in each.axes]
        results = run_together(pieces, arguments, transform.traceable and not each.init_jitted)
        for axes, got in zip(each.axes, results, strict=True):
            single = each.only(axes)
            right = _right_gradient(single, variables, transform.derivation)
            with attribute_to(single, "gradient", right=right):
                assert_agrees(got, right)


def weights_of(call: ModuleCall, variables: Any) -> Any:
    """What each leaf of one example's output is weighted with."""
    own = oracle.member(variables, call.variable_axes, 0)
    output, _ = jax.eval_shape(oracle.applied(call), own, call.rngs(), *call.example())
    leaves, structure = jax.tree_util.tree_flatten(output)
    drawn = [draw(WEIGHTS + i, leaf.shape, "float32") for i, leaf in enumerate(leaves)]
    return jax.tree_util.tree_unflatten(structure, drawn)


def spread(call: ModuleCall, variables: Any) -> Any:
    """The weights for every example, the batch axis where the call's only axes put it."""
    weights = weights_of(call, variables)
    each = jax.tree_util.tree_map(lambda leaf: np.stack([leaf] * call.size), weights)
    return move_batch_axis(each, call.axes[0].out_axes)


def _total(output: Any, weights: Any) -> Any:
    products = jax.tree_util.tree_map(lambda o, w: jnp.sum(o * w), output, weights)
    return sum(jax.tree_util.tree_leaves(products))


def _gradient(apply: Callable[..., Any], call: ModuleCall) -> Callable[..., Any]:
    """The gradient by the parameters of the weighted sum of all outputs."""

    def total(params: Any, variables: Any, rngs: Any, *inputs: Any) -> Any:
        output, _ = apply({**variables, "params": params}, rngs, *inputs)
        return _total(output, spread(call, variables))

    def gradient(variables: Any, rngs: Any, *inputs: Any) -> Any:
        return jax.grad(total)(variables["params"], variables, rngs, *inputs)

    return gradient


def _right_gradient(call: ModuleCall, variables: Any, derivation: keys.Derivation) -> Expected:
    """The right gradients: of each example, summed where shared, else stacked along the axis."""
    (axes,), axis, inputs = call.axes, call.variable_axes["params"], call.batch_first(call.axes[0])
    streams = keys.lift(call.rngs(), call.split_rngs, call.size, derivation)
    sizes = tuple(sorted(call.sizes.items()))
    evaluate = _gradient_evaluator(
        call.subject_name, sizes, tuple(streams[0]), call.typed_keys, derivation
    )
    each = [
        evaluate(
            oracle.member(variables, call.variable_axes, i)["params"],
            streams[i],
            *example(inputs, axes.leading.in_axes, i),
        )
        for i in range(call.size)
    ]
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


@functools.cache
def _gradient_evaluator(
    subject_name: str,
    sizes: tuple[tuple[str, int], ...],
    streams: tuple[str, ...],
    typed_keys: bool,
    derivation: keys.Derivation,
) -> Callable[..., Any]:
    """The gradient by its parameters of one example's weighted output, in float64 with its bound."""
    call = ModuleCall(
        subject_name,
        dict(sizes),
        (),
        {"params": None},
        dict.fromkeys(streams, False),
        typed_keys=typed_keys,
    )
    rngs = keys.lift(call.rngs(), call.split_rngs, 1)[0]
    variables, one = _drawn(call), oracle.applied(call, derivation)
    weights = weights_of(call, variables)

    def total(params: Any, rngs: Any, *example: Any) -> Any:
        return _total(one({"params": params}, rngs, *example)[0], weights)

    return evaluator(jax.grad(total), variables["params"], rngs, *call.example())
