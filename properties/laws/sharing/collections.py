"""Collections other than the parameters, and streams of keys other than theirs."""

import attrs
from hypothesis import strategies as st

from properties import oracle
from properties.batch_axes import ENSEMBLE_AXES, ensemble_axes
from properties.call import ModuleCall
from properties.compare import assert_agrees, assert_same_structure
from properties.joint_compile import apply_together, init_shapes
from properties.law import attribute_to
from properties.laws.errors.calls import assert_raises
from properties.laws.sharing.cases import check_outputs, law
from properties.laws.sharing.variants import check_variants
from properties.profile import Profile
from properties.strategies import module_calls, one_of
from properties.subject import ModuleSubject
from properties.transform import Transform
from properties.trees import Raised


def _params_only(transform: Transform, subject: ModuleSubject) -> str | None:
    if set(subject.collections) - {"params"}:
        return None
    return f"{subject.name} has no collection but its parameters"


def _mapped_collections(
    transform: Transform, subject: ModuleSubject, profile: Profile
) -> st.SearchStrategy[ModuleCall]:
    """Calls whose collections other than the parameters are mapped along another axis than 0.

    In every other law they are mapped along 0.
    """

    def mapped(call: ModuleCall, axis: int) -> ModuleCall:
        axes = {k: v if k == "params" else axis for k, v in call.variable_axes.items()}
        return attrs.evolve(call, variable_axes=axes)

    calls = module_calls(most=1, ensemble=None)(transform, subject, profile)
    others = [name for name in subject.collections if name != "params"]
    axes = ensemble_axes(subject, *others)[1:] or ENSEMBLE_AXES[:1]
    return st.builds(mapped, calls, one_of("collections", axes, subject, profile))


def _shared_collections(
    transform: Transform, subject: ModuleSubject, profile: Profile
) -> st.SearchStrategy[ModuleCall]:
    """Calls of several examples whose collections are all shared."""
    calls = module_calls(most=1)(transform, subject, profile)
    return calls.filter(lambda call: call.size > 1).map(
        lambda call: attrs.evolve(call, variable_axes=dict.fromkeys(call.variable_axes))
    )


@law("sharing.collections", tier="derived", cases=_mapped_collections, skip_if=_params_only)
def collections(transform: Transform, call: ModuleCall) -> None:
    """A collection is mapped along the axis given for it, however the filter that selects it is written."""
    with attribute_to(call, "init"):
        assert_same_structure(init_shapes(transform.lift(call), call), oracle.variable_shapes(call))
    check_outputs(transform, call, oracle.drawn_variables(call, transform.derivation))
    check_variants(transform, call, "spellings")


@law("sharing.updates-differ", tier="derived", cases=_shared_collections, skip_if=_params_only)
def updates_differ(transform: Transform, call: ModuleCall) -> None:
    """A shared collection that each example updates differently raises ValueError."""
    variables = oracle.drawn_variables(call, transform.derivation)
    ((_, got),) = apply_together(transform, call, variables)
    with attribute_to(call, "apply"):
        if oracle.updates_differ(call, variables, transform.derivation):
            assert_raises(got, ValueError, "what is shared has one value after the call")
        elif not (isinstance(got, Raised) and isinstance(got.error, ValueError)):
            # All examples update it alike, as a counter of steps: that is its value after the call.
            assert_agrees(got, oracle.of_module(call, variables, transform.derivation))


def _params_stream_only(transform: Transform, subject: ModuleSubject) -> str | None:
    if set(subject.streams) - {"params"}:
        return None
    return f"{subject.name} draws from no stream but that of its parameters"


@law(
    "sharing.rng-streams",
    tier="derived",
    cases=module_calls(most=1, ensemble=None),
    skip_if=_params_stream_only,
)
def rng_streams(transform: Transform, call: ModuleCall) -> None:
    """Each RNG stream is split or shared by itself: shared parameters with split noise, and the opposite."""
    for axis in (None, 0) if "params" in call.subject.collections else (None,):
        for split in (False, True):
            streams = {name: split for name in call.subject.streams if name != "params"}
            each = call.with_params(axis, split=axis is not None)
            each = attrs.evolve(each, split_rngs={**each.split_rngs, **streams})
            check_outputs(transform, each, oracle.drawn_variables(each, transform.derivation))
