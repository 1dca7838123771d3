"""The control of a mutation test: the unbroken transform must pass where a mutant is to be killed."""

from collections.abc import Callable, Iterable

import attrs

from conformance.runner.installed_defects import defects_of_call
from properties.call import Call
from properties.law import Law, Violation, violation
from properties.laws.randomness import maps_inexact_keys
from properties.profile import Profile
from properties.run_law import CallFilter, run_law
from properties.subject import Subject
from properties.transform import Transform
from reference.error_bounds.bounded_array import BranchUndecidable, UnsupportedPrimitive


@attrs.frozen
class Control:
    """What a run of the unbroken transform gave."""

    calls: tuple[Call, ...]
    """The calls that the law checked: those on which mutants are tried."""
    violation: Violation | None
    """What it raised, if anything; then a kill on these calls would say nothing."""


def unbroken(
    law: Law,
    transform: Transform,
    subject: Subject,
    profile: Profile,
    change: Callable[[Call], Call] = lambda call: call,
) -> Control:
    """Check the law of the transform as a run does: known defects are excluded.

    Args:
        law: The law to check.
        transform: The transform, not broken.
        subject: The function or module that is mapped.
        profile: How many calls are drawn.
        change: What is done to each call before it is checked.

    """
    calls: list[Call] = []

    def check(transform: Transform, call: Call) -> None:
        calls.append(change(call))
        law.check(transform, calls[-1])

    recording = attrs.evolve(law, check=check)
    exclude = excluded(law, transform)
    try:
        run = run_law(recording, transform, subject, profile, exclude=exclude, shrink=False)
    except UnsupportedPrimitive:
        return Control((), None)
    return Control(tuple(calls), run.violation)


def excluded(law: Law, transform: Transform) -> CallFilter:
    """The calls that a run does not check: known defects, and keys documented to draw otherwise."""
    affecting = defects_of_call(law, transform.name)
    return lambda call: bool(affecting(call)) or maps_inexact_keys(transform, call)


def first_violation(law: Law, mutant: Transform, calls: Iterable[Call]) -> Violation | None:
    """What the law finds in a mutant, on the calls on which the unbroken transform passed."""
    for call in calls:
        try:
            found = violation(law, mutant, call)
        except (BranchUndecidable, UnsupportedPrimitive):
            continue
        if found is not None:
            return found
    return None
