"""Broken batching rules, one at a time: does the suite notice?"""

from collections.abc import Sequence

import attrs

from conformance.mutation.control import first_violation, unbroken
from conformance.mutation.results import CONTROL, RuleMutationResult
from conformance.mutation.rule_faults import (
    EQUIVALENT,
    RULE_MUTANTS,
    DoesNotApply,
    RuleMutant,
    unchanged,
)
from conformance.runner import rule_coverage
from conformance.transforms import TRANSFORMS
from properties.call import Call, FunctionCall
from properties.laws import LAWS
from properties.profile import PROFILES
from properties.subjects import SUBJECTS

LAW = "mapping.equals-per-example"
TRANSFORM = "jax.vmap"
PROFILE = attrs.evolve(PROFILES["quick"], examples=2, shapes=2)
MAX_SUBJECTS = 4
"""Subjects on which the mutants of one rule are tried, those named after it first."""
NOTHING_MAPPED = "there is nothing mapped to change"
KNOWN_DEFECT = "every subject that reaches it shows a known defect"


def mutate_rule(rule: str, subjects: Sequence[str]) -> list[RuleMutationResult]:
    """Put each mutant of a rule into JAX's table and check the law of the map.

    Args:
        rule: The name of the batching rule.
        subjects: The names of those that reach the rule.

    Returns:
        The control first, the rule as it is, then one result for each mutant.

    """
    calls, failing = _calls(subjects)
    if not calls and failing is None:
        return [
            RuleMutationResult(rule, name, None, KNOWN_DEFECT) for name in (CONTROL, *RULE_MUTANTS)
        ]
    control = _mutate(rule, CONTROL, unchanged, calls)
    if failing is not None:
        control = RuleMutationResult(rule, CONTROL, failing)
    return [
        control,
        *(_mutate(rule, name, mutant, calls) for name, mutant in RULE_MUTANTS.items()),
    ]


def _calls(subjects: Sequence[str]) -> tuple[dict[str, tuple[Call, ...]], str | None]:
    """The calls on which the whole rule passes, by subject, and a subject on which it does not.

    This computes the right answers, too, while the rules that they need are whole.
    """
    passing: dict[str, tuple[Call, ...]] = {}
    failing = None
    for name in subjects:
        if len(passing) == MAX_SUBJECTS:
            break
        control = unbroken(LAWS[LAW], TRANSFORMS[TRANSFORM], SUBJECTS[name], PROFILE, _not_eager)
        if control.violation is not None:
            failing = failing or name
        elif control.calls:
            passing[name] = control.calls
    return passing, failing


def _not_eager(call: Call) -> Call:
    return attrs.evolve(call, eager=False) if isinstance(call, FunctionCall) else call


def _mutate(
    rule: str, name: str, mutant: RuleMutant, calls: dict[str, tuple[Call, ...]]
) -> RuleMutationResult:
    """Check the law while the mutant is in the rule's place."""
    applied = False

    def note() -> None:
        nonlocal applied
        applied = True

    exempt = ""
    for subject, checked in calls.items():
        with rule_coverage.replaced(rule, lambda whole: mutant(whole, note)):
            found = first_violation(LAWS[LAW], TRANSFORMS[TRANSFORM], checked)
        if found is None:
            continue
        if DoesNotApply.__name__ not in str(found.mismatch):
            return RuleMutationResult(rule, name, subject)
        exempt = "its result has no other axis"
    if not exempt and name != CONTROL:
        exempt = EQUIVALENT.get(rule, "") if applied else NOTHING_MAPPED
    return RuleMutationResult(rule, name, None, exempt)
