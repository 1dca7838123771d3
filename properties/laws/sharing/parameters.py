"""Parameters: one set for all examples, or an ensemble of one for each."""

import attrs
import chex
import jax
import numpy as np

from properties import oracle
from properties.assertions import comparing
from properties.batch_axes import front
from properties.call import ModuleCall
from properties.compare import Mismatch, assert_agrees, assert_same_structure
from properties.joint_compile import init_now, init_shapes
from properties.law import attribute_to
from properties.laws.errors.calls import assert_raises
from properties.laws.mapping.whole_batch import STATES_DIFFER
from properties.laws.sharing.cases import check_outputs, law, no_params, one_call
from properties.strategies import module_calls, or_shared_inputs
from properties.subject import ModuleSubject
from properties.transform import Transform
from properties.trees import attempt
from reference.keys import LINEN


def _no_split_rngs(transform: Transform, subject: ModuleSubject) -> str | None:
    if transform.derivation is not LINEN:
        return f"{transform.name} takes no split_rngs: streams are split before it is called"
    return no_params(transform, subject)


def _no_broadcast(transform: Transform, subject: ModuleSubject) -> str | None:
    if transform.derivation is not LINEN:
        return f"this is about the modules, not the map: {transform.name} has the same"
    if subject.native_broadcast is None:
        return None
    return f"{subject.name} takes no leading batch axes: {subject.native_broadcast}"


@law("sharing.no-batch-axis", cases=one_call(), skip_if=no_params)
def no_batch_axis(transform: Transform, call: ModuleCall) -> None:
    """Shared parameters have exactly the shapes of the unmapped module's parameters."""
    got, expected = init_shapes(transform.lift(call), call), oracle.variable_shapes(call)
    with attribute_to(call, "init"), comparing(got, expected):
        chex.assert_trees_all_equal_shapes_and_dtypes(got, expected)


@law("sharing.init-matches-reference", cases=one_call(), skip_if=no_params)
def init_matches_reference(transform: Transform, call: ModuleCall) -> None:
    """Shared parameters are initialised with the values that the pure-JAX reference derives from the seed."""
    with attribute_to(call, "init"):
        expected = oracle.of_variables(call, transform.derivation)
        assert_agrees(init_now(transform.lift(call), call), expected)


@law("sharing.equals-per-example", tier="essential", cases=module_calls())
def equals_per_example(transform: Transform, call: ModuleCall) -> None:
    """The lifted module gives what the unmapped one gives for each example with the same parameters."""
    check_outputs(transform, call, oracle.drawn_variables(call, transform.derivation))


@law("sharing.native-broadcast", cases=module_calls(front, front, "none", 1), skip_if=_no_broadcast)
def native_broadcast(transform: Transform, call: ModuleCall) -> None:
    """The unmapped module, given the whole batch, gives what it gives for each example."""
    if call.subject.own is not None:
        # A whole batch has one state, and no example a key of its own.
        shared = dict.fromkeys(call.variable_axes)
        unsplit = dict.fromkeys(call.split_rngs, False)
        call = attrs.evolve(call, variable_axes=shared, split_rngs=unsplit)
    variables = oracle.drawn_variables(call, transform.derivation)
    (axes,) = call.axes
    got = attempt(transform.unlifted(call).apply, variables, call.rngs(), *call.inputs(axes))
    with attribute_to(call, "plain"):
        if call.subject.own is not None and oracle.updates_differ(call, variables):
            raise Mismatch("value", STATES_DIFFER)
        assert_agrees(got, oracle.of_module(call, variables))


@law("sharing.ensemble-leading-axis", cases=one_call(ensemble=True), skip_if=no_params)
def ensemble_leading_axis(transform: Transform, call: ModuleCall) -> None:
    """An ensemble's parameters have one more axis, of the batch's size, where `variable_axes` says."""
    got, expected = init_shapes(transform.lift(call), call), oracle.variable_shapes(call)
    axis = call.variable_axes["params"]
    with attribute_to(call, "init"), comparing(got, expected):
        chex.assert_trees_all_equal_structs(got, expected)
        for leaf in jax.tree_util.tree_leaves(got["params"]):
            # Chex takes arrays only; this one has the shape and no memory of its own.
            chex.assert_axis_dimension(np.broadcast_to(0, leaf.shape), axis, call.size)
        chex.assert_trees_all_equal_shapes_and_dtypes(got, expected)


@law(
    "sharing.ensemble-members",
    cases=or_shared_inputs(one_call(ensemble=True)),
    skip_if=no_params,
)
def ensemble_members(transform: Transform, call: ModuleCall) -> None:
    """Ensemble member i is the unmapped module initialised with the i-th split key, and gives its outputs."""
    members = oracle.of_variables(call, transform.derivation)
    with attribute_to(call, "init"):
        assert_agrees(init_now(transform.lift(call), call), members)
    check_outputs(transform, call, members.value)


@law("sharing.split-table", tier="derived", cases=one_call(), skip_if=_no_split_rngs)
def split_table(transform: Transform, call: ModuleCall) -> None:
    """Parameters, shared or mapped, with keys split or not, are one set, an ensemble, copies or an error."""
    for one_or_many in (call.sharing(), call.ensemble()):
        with attribute_to(one_or_many, "init"):
            shapes = init_shapes(transform.lift(one_or_many), one_or_many)
            assert_same_structure(shapes, oracle.variable_shapes(one_or_many))
    copies = call.with_params(0, split=False)
    with attribute_to(copies, "init"):
        assert_agrees(init_now(transform.lift(copies), copies), oracle.of_variables(copies))
    contradiction = call.with_params(None, split=True)
    with attribute_to(contradiction, "init"):
        shapes = init_shapes(transform.lift(contradiction), contradiction)
        if call.subject.draws:
            assert_raises(shapes, ValueError, "split keys cannot give one set of parameters")
        else:
            # Nothing uses the keys, so nothing depends on the example.
            assert_same_structure(shapes, oracle.variable_shapes(contradiction))
    without_stream = call.without_stream("params")
    if call.subject.draws:
        with attribute_to(without_stream, "init"):
            shapes = init_shapes(transform.lift(without_stream), without_stream)
            why = "the stream is not in split_rngs"
            assert_raises(shapes, transform.missing_stream, why)
