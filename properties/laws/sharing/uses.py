"""The documented uses of a lift, beside the loop over the unmapped module."""

import attrs
from hypothesis import strategies as st

from properties.call import Axes, ModuleCall
from properties.compare import assert_agrees, exactly
from properties.law import attribute_to
from properties.law import law as any_law
from properties.oracle.unmapped import SMALLEST
from properties.profile import Profile
from properties.sizes import pool
from properties.strategies import SEEDS, one_of
from properties.subject import ModuleFamily, UseSubject
from properties.transform import Transform
from properties.trees import attempt


def _calls(
    transform: Transform, subject: UseSubject, profile: Profile
) -> st.SearchStrategy[ModuleCall]:
    """Calls with a number of examples and a seed, which decides all else."""
    sets = pool(subject, profile, transform.max_batch_size())
    return st.builds(
        lambda sizes, seed: ModuleCall(subject.name, sizes, (Axes((0,)),), {}, {}, seed=seed),
        st.sampled_from(sets),
        one_of("seed", SEEDS, subject, profile),
    )


def _no_size_alone(transform: Transform, subject: UseSubject) -> str | None:
    if subject.name != "use.size-alone" or transform.accepts_axis_size_only:
        return None
    return f"{transform.name} needs an argument that is mapped"


@any_law(
    "sharing.documented-uses",
    tier="derived",
    cases=_calls,
    subjects=UseSubject,
    where=lambda subject: not isinstance(subject, ModuleFamily),
    skip_if=_no_size_alone,
)
def documented_uses(transform: Transform, call: ModuleCall) -> None:
    """A documented use gives what a loop over the unmapped module gives, and leaves nothing else behind."""
    first, *others = transform.variants(call).get("uses", [{}])
    # The other ways to write it take turns: a call of each would cost as much as the first one.
    turn = [others[call.seed % len(others)]] if others else []
    for options in (first, *turn):
        each = attrs.evolve(call, options=options)
        mapped, right = transform.use(each)
        # Whole numbers do not round, but sums of zeros have one sign or the other.
        expected = exactly(right, SMALLEST)
        with attribute_to(each, "use", expected=expected):
            assert_agrees(attempt(mapped), expected)
