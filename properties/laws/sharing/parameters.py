"""Lifting a module: one set of parameters for all examples, or one for each."""

from functools import partial
from typing import Any

from properties import oracle
from properties.batch_axes import front
from properties.call import ModuleCall
from properties.compare import assert_agrees, assert_same_structure
from properties.joint_compile import apply_together, init_now, init_shapes
from properties.law import attribute_to, law
from properties.laws.errors import must_raise
from properties.strategies import module_calls
from properties.subject import ModuleSubject
from properties.transform import Transform
from properties.trees import attempt
from reference.keys import LINEN

law = partial(law, subjects=ModuleSubject)
one_call = partial(module_calls, most=1)


def _no_params(transform: Transform, subject: ModuleSubject) -> str | None:
    return None if "params" in subject.collections else f"{subject.name} has no parameters"


def _no_table(transform: Transform, subject: ModuleSubject) -> str | None:
    if transform.derivation is not LINEN:
        return f"{transform.name} takes no split_rngs: streams are split before it is called"
    return _no_params(transform, subject)


def _no_broadcast(transform: Transform, subject: ModuleSubject) -> str | None:
    if transform.derivation is not LINEN:
        return f"it speaks of the modules, not of the map: {transform.name} has the same"
    if subject.native_broadcast is None:
        return None
    return f"{subject.name} takes no leading batch axes: {subject.native_broadcast}"


@law("sharing.no-batch-axis", cases=one_call(), skip_if=_no_params)
def shared_params_carry_no_batch_axis(transform: Transform, call: ModuleCall) -> None:
    """Shared parameters have exactly the shapes of the unmapped module's."""
    with attribute_to(call, "init"):
        assert_same_structure(init_shapes(transform.lift(call), call), oracle.variable_shapes(call))


@law("sharing.init-matches-reference", cases=one_call(), skip_if=_no_params)
def shared_init_gives_the_reference_params(transform: Transform, call: ModuleCall) -> None:
    """For a seed, the shared parameters are those the pure-JAX reference derives."""
    with attribute_to(call, "init"):
        right = oracle.of_variables(call, transform.derivation)
        assert_agrees(init_now(transform.lift(call), call), right)


@law("sharing.equals-per-example", cases=module_calls())
def shared_module_equals_the_loop(transform: Transform, call: ModuleCall) -> None:
    """The lifted module gives what the unmapped one gives on each example with the same parameters."""
    variables = oracle.drawn_variables(call, transform.derivation)
    answers_as_each_example(transform, call, variables)


def answers_as_each_example(transform: Transform, call: ModuleCall, variables: Any) -> None:
    for axes, got in apply_together(transform, call, variables):
        single = call.only(axes)
        with attribute_to(single, "apply"):
            assert_agrees(got, oracle.of_module(single, variables, transform.derivation))


@law("sharing.native-broadcast", cases=module_calls(front, front, "none", 1), skip_if=_no_broadcast)
def plain_module_broadcasts(transform: Transform, call: ModuleCall) -> None:
    """The unmapped module, given the whole batch, gives what it gives on each example."""
    variables = oracle.drawn_variables(call, transform.derivation)
    (axes,) = call.axes
    got = attempt(transform.unlifted(call).apply, variables, call.rngs(), *call.inputs(axes))
    with attribute_to(call, "plain"):
        assert_agrees(got, oracle.of_module(call, variables))


@law("sharing.ensemble-leading-axis", cases=one_call(ensemble=True), skip_if=_no_params)
def ensemble_params_gain_an_axis(transform: Transform, call: ModuleCall) -> None:
    """The ensemble configuration adds one axis of the batch's size, where asked for."""
    with attribute_to(call, "init"):
        assert_same_structure(init_shapes(transform.lift(call), call), oracle.variable_shapes(call))


@law("sharing.ensemble-members", cases=one_call(ensemble=True), skip_if=_no_params)
def ensemble_members_are_independent(transform: Transform, call: ModuleCall) -> None:
    """Member i is the unmapped module initialised with the i-th split key, and answers as it does."""
    members = oracle.of_variables(call, transform.derivation)
    with attribute_to(call, "init"):
        assert_agrees(init_now(transform.lift(call), call), members)
    answers_as_each_example(transform, call, members.value)


@law("sharing.split-table", tier="derived", cases=one_call(), skip_if=_no_table)
def sharing_and_splitting_combine(transform: Transform, call: ModuleCall) -> None:
    """Shared or mapped parameters, split or unsplit keys: share, ensemble, equal copies, an error."""
    for table_entry in (call.sharing(), call.ensemble()):
        with attribute_to(table_entry, "init"):
            assert_same_structure(
                init_shapes(transform.lift(table_entry), table_entry),
                oracle.variable_shapes(table_entry),
            )
    copies = call.with_params(0, split=False)
    with attribute_to(copies, "init"):
        assert_agrees(init_now(transform.lift(copies), copies), oracle.of_variables(copies))
    contradiction = call.with_params(None, split=True)
    with attribute_to(contradiction, "init"):
        drawn = init_shapes(transform.lift(contradiction), contradiction)
        if call.subject.draws:
            must_raise(drawn, ValueError, "split keys cannot give one set of parameters")
        else:
            # Nothing uses the keys, so nothing depends on the example.
            assert_same_structure(drawn, oracle.variable_shapes(contradiction))
    forgotten = call.without_stream("params")
    if call.subject.draws:
        with attribute_to(forgotten, "init"):
            must_raise(
                init_shapes(transform.lift(forgotten), forgotten),
                transform.missing_stream,
                "the stream is not in split_rngs",
            )
