"""A lift of a generated module gives what the module gives of each example."""

import random
from collections.abc import Iterator, Mapping
from typing import Any

import attrs
from hypothesis import strategies as st

from properties.call import Axes, GeneratedModuleCall
from properties.compare import assert_agrees, exactly
from properties.generated_modules import drawing, shrinking
from properties.generated_modules.grammar import KINDS, Node, nodes
from properties.law import attribute_to
from properties.law import law as any_law
from properties.oracle.unmapped import SMALLEST
from properties.profile import Profile
from properties.strategies import SEEDS, one_of
from properties.subject import AXIS, ModuleFamily
from properties.transform import Transform
from properties.trees import Raised, attempt
from reference.error_bounds.bounded_array import BranchUndecidable

BATCHES = (2, 3, 4, 1)
"""Among them the sizes of the modules' own dimensions."""

SIMPLEST = {"params": None, "state": 0}
"""The axes of variables in the calls that shrinking ends at."""


def _calls(
    transform: Transform, subject: ModuleFamily, profile: Profile
) -> st.SearchStrategy[GeneratedModuleCall]:
    def call(seed: int) -> GeneratedModuleCall:
        chance = random.Random(seed)
        module = drawing.draw(seed, subject.kinds)
        apart = chance.random() < 0.5
        in_axis = chance.choice((0, 0, 1, None))
        drawn = GeneratedModuleCall(
            subject.name,
            {AXIS: chance.choice(BATCHES)},
            (Axes((in_axis,), chance.choice((0, 1))),),
            {
                "params": chance.choice((0, 1, -1)) if apart else None,
                "state": chance.choice((0, 1)),
            },
            {"params": apart, "noise": _splits_noise(module) or chance.random() < 0.5},
            seed=seed,
            init_jitted=chance.random() < 0.3,
            module=module,
        )
        allowed = [
            each for each in transform.variants(drawn).get("uses", [{}]) if _may(drawn, each)
        ]
        return attrs.evolve(drawn, options=chance.choice(allowed))

    return st.builds(call, one_of("seed", SEEDS, subject, profile))


def _splits_noise(module: Node) -> bool:
    """Whether examples may draw a different number of times: then they share no stream."""
    return any(each.does == "cond" for each in nodes(module))


def _may(call: GeneratedModuleCall, options: Mapping[str, Any]) -> bool:
    """Whether the module can be lifted so."""
    if "graph" in options or "graph_updates" in options:
        return not any(KINDS[each.does].bound for each in nodes(call.module))
    return True


def _smaller(call: GeneratedModuleCall) -> Iterator[GeneratedModuleCall]:
    """Calls of fewer modules, or that ask for less."""
    for module in shrinking.smaller(call.module):
        yield attrs.evolve(call, module=module)
    if call.options:
        yield attrs.evolve(call, options={})
    if call.init_jitted:
        yield attrs.evolve(call, init_jitted=False)
    if call.axes != (Axes((0,)),):
        yield attrs.evolve(call, axes=(Axes((0,)),))
    if call.variable_axes != SIMPLEST:
        shared = {**call.split_rngs, "params": False}
        yield attrs.evolve(call, variable_axes=SIMPLEST, split_rngs=shared)
    if call.size > 2:
        yield attrs.evolve(call, sizes={AXIS: 2})


@any_law(
    "sharing.generated-module",
    tier="derived",
    cases=_calls,
    subjects=ModuleFamily,
    smaller=_smaller,
)
def generated_module(transform: Transform, call: GeneratedModuleCall) -> None:
    """A lift of a generated module gives its outputs, variables and gradients of each example."""
    used = attempt(transform.use, call)
    if isinstance(used, Raised):
        # What the unmapped module gives is computed there.
        raise BranchUndecidable(f"{transform.name} does not have it unmapped: {used!r}")
    mapped, right = used
    # Whole numbers do not round, but sums of zeros have one sign or the other.
    expected = exactly(right, SMALLEST)
    with attribute_to(call, "use", expected=expected):
        assert_agrees(attempt(mapped), expected)
