"""A map of a generated program gives what the program gives of each example."""

import random
from collections.abc import Callable, Iterator

import attrs
import jax
from hypothesis import strategies as st

from properties.call import Axes, ProgramCall
from properties.compare import Expected, assert_agrees
from properties.joint_compile import map_together
from properties.law import attribute_to, law
from properties.oracle import unmapped
from properties.oracle.placement import placed
from properties.profile import Profile
from properties.programs import drawing, infer, shrinking
from properties.programs.grammar import Program
from properties.recipe import MAP
from properties.strategies import EAGER, SEEDS, one_of
from properties.subject import AXIS, FunctionSubject
from properties.subjects.programs import FAMILIES
from properties.transform import Transform
from properties.trees import Raised, attempt
from reference.error_bounds.bounded_array import BranchUndecidable
from reference.loop import per_example
from reference.types import PyTree

BATCHES = (2, 3, 4, 1)
"""Among them the sizes of the programs' own dimensions."""
UNMAPPED_IN_TEN = 3
Draw = Callable[[str, int], Program]


def _of_family(family: str, seed: int) -> Program:
    return drawing.draw(seed, FAMILIES[family])


def calls(
    transform: Transform, subject: FunctionSubject, profile: Profile, draw: Draw = _of_family
) -> st.SearchStrategy[ProgramCall]:
    """Calls of programs: `draw(family, seed)` gives one."""

    def call(seed: int, eager: bool) -> ProgramCall:
        chance = random.Random(seed)
        program = draw(subject.name, seed)
        ranks = [len(each.shape) for each in program.inputs]
        known = infer.check(program)
        last = min(len(known[name].shape) for name in program.body.gives)
        axes = Axes(_in_axes(ranks, chance), chance.choice((0, 0, last)))
        sizes = {AXIS: chance.choice(BATCHES)}
        return ProgramCall(subject.name, sizes, (axes,), seed=seed, eager=eager, program=program)

    eager = one_of("eager", EAGER, subject, profile)
    return st.builds(call, one_of("seed", SEEDS, subject, profile), eager)


def _in_axes(ranks: list[int], chance: random.Random) -> tuple[int | None, ...]:
    """Every input mapped in front, or each anywhere or not at all; one is mapped."""
    if chance.random() < 0.5:
        return (0,) * len(ranks)
    axes = [
        None if chance.randrange(10) < UNMAPPED_IN_TEN else chance.randrange(rank + 1)
        for rank in ranks
    ]
    return tuple(axes) if any(axis is not None for axis in axes) else (0, *axes[1:])


def expected_of(call: ProgramCall) -> Expected:
    """What the program gives of each example, unmapped, to the bit but for the signs of zeros.

    Raises:
        BranchUndecidable: this release cannot do it unmapped.
    """
    return expected_with(call, lambda call: call.subject.function)


def expected_with(
    call: ProgramCall, derived: Callable[[ProgramCall], Callable[..., PyTree]]
) -> Expected:
    """What a function that is derived from the program gives of each example.

    Raises:
        BranchUndecidable: this release cannot do it unmapped.
    """
    (axes,) = call.axes
    size = call.sizes[AXIS]

    def each(*arguments: PyTree) -> PyTree:
        # Nothing rounds, but sums of zeros have one sign or the other.
        exact = unmapped.exactly(derived(call), unmapped.SMALLEST)
        return per_example(exact, axes.leading.in_axes, axis_size=size)(*arguments)

    results = attempt(each, *call.batch_first(axes))
    if isinstance(results, Raised):
        raise BranchUndecidable(f"jax {jax.__version__} does not do it unmapped: {results!r}")
    like = jax.eval_shape(derived(call), *call.example())
    return placed(results, like, size, axes)


def smaller(call: ProgramCall) -> Iterator[ProgramCall]:
    """Calls of programs that do less, or take less."""
    (axes,) = call.axes
    for position in shrinking.unused_inputs(call.program):
        in_axes = axes.in_axes[:position] + axes.in_axes[position + 1 :]
        if any(axis is not None for axis in in_axes):
            program = shrinking.without_input(call.program, position)
            fewer = attrs.evolve(axes, in_axes=in_axes)
            yield attrs.evolve(call, program=program, axes=(fewer,))
    if any(axis not in (0, None) for axis in (*axes.in_axes, axes.out_axes)):
        yield attrs.evolve(call, axes=(axes.leading,))
    for program in shrinking.smaller(call.program):
        yield attrs.evolve(call, program=program)


@law(
    "mapping.generated-program",
    tier="generated",
    cases=calls,
    kinds=("program",),
    only_transform="jax.vmap",
    smaller=smaller,
)
def generated_program(transform: Transform, call: ProgramCall) -> None:
    """Mapping a generated program gives the results of the program for each example, stacked."""
    ((_, got),) = map_together(transform, call)
    expected = expected_of(call)
    with attribute_to(call, MAP, expected=expected):
        assert_agrees(got, expected)
