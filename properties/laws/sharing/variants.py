"""Options, other lifts and aliases, as each transform lists them in `Transform.variants`."""

import attrs

from properties import oracle
from properties.call import ModuleCall
from properties.compare import assert_agrees, assert_same_structure
from properties.joint_compile import init_shapes, run_together, transform_or_raise
from properties.law import attribute_to
from properties.laws.errors.calls import assert_raises
from properties.laws.sharing.cases import (
    check_outputs,
    law,
    no_variants,
    one_call,
)
from properties.strategies import module_calls
from properties.transform import Transform
from properties.trees import attempt


def check_variants(transform: Transform, call: ModuleCall, group: str) -> None:
    """Check that no variant of a group changes the variables' shapes or the module's output."""
    listed = transform.variants(call).get(group, ())
    if group == "nests" and call.seed and len(listed) > 1:
        # Each is a program of its own: half of them, by the seed. A minimal call, of seed 0, has all.
        listed = listed[call.seed % 2 :: 2]
    calls = [attrs.evolve(call, options=options) for options in listed]
    variables, (axes,) = oracle.drawn_variables(call, transform.derivation), call.axes
    shapes = oracle.variable_shapes(call)
    expected = oracle.of_module(call, variables, transform.derivation)
    for each in calls:
        with attribute_to(each, "init"):
            assert_same_structure(init_shapes(transform.lift(each), each), shapes)
    pieces = [transform_or_raise(lambda e: transform.lift(e).apply, each) for each in calls]
    arguments = [(variables, call.rngs(), *call.inputs(axes)) for _ in calls]
    results = run_together(pieces, arguments, transform.traceable and not call.init_jitted)
    for each, got in zip(calls, results, strict=True):
        with attribute_to(each, "apply"):
            assert_agrees(got, expected)


@law(
    "sharing.options",
    tier="derived",
    cases=module_calls(most=1, ensemble=None),
    skip_if=no_variants("options"),
)
def options(transform: Transform, call: ModuleCall) -> None:
    """Options that name the batch axis, give its size or choose methods do not change the result."""
    check_variants(transform, call, "options")


@law(
    "sharing.nested",
    tier="derived",
    cases=module_calls(most=1, ensemble=None),
    skip_if=no_variants("nests"),
)
def nested(transform: Transform, call: ModuleCall) -> None:
    """`jit`, `remat`, a loop or another map, around the lift or inside it, does not change the result."""
    check_variants(transform, call, "nests")


@law(
    "sharing.aliases",
    tier="derived",
    cases=one_call(ensemble=True),
    skip_if=no_variants("aliases"),
    only_transform="flax.nnx.vmap",
)
def aliases(transform: Transform, call: ModuleCall) -> None:
    """A module passed twice is one module: the same axes change nothing, other axes raise ValueError."""
    alike, *apart = (
        attrs.evolve(call, options=options) for options in transform.variants(call)["aliases"]
    )
    variables, (axes,) = oracle.drawn_variables(call, transform.derivation), call.axes
    check_outputs(transform, alike, variables)
    for each in apart:
        got = attempt(transform.lift(each).apply, variables, call.rngs(), *call.inputs(axes))
        with attribute_to(each, "apply"):
            first, *_ = variables["params"]
            assert_raises(got, ValueError, "it is mapped in two ways at once", (first,))
