"""What mutation results lack for the suite to be believed, one line each."""

from collections.abc import Sequence

from conformance.mutation.results import (
    CONTROL,
    MutationResult,
    RuleMutationResult,
    SlipResult,
    SubtleResult,
)

MIN_KILLED = 0.95
"""Share of the mutants of batching rules, those that apply, which must be killed."""


def matrix_failures(results: Sequence[MutationResult], whole: bool = True) -> list[str]:
    """What is wrong with the kill matrix: a failing control, a law or a mutant without a kill.

    Args:
        results: Those of the mutants and of their controls.
        whole: Whether all laws were checked. A part of them need not kill every mutant.

    """
    lines = [
        f"{each.law} fails on {each.killed_by} for {each.transform}, which is not broken: its kills "
        f"prove nothing. Run `vmap-conformance run --law {each.law} --subject {each.killed_by}`"
        for each in results
        if each.mutant == CONTROL and each.killed
    ]
    tried = [each for each in results if each.mutant != CONTROL and each.calls]
    killing = {(each.law, each.transform) for each in tried if each.killed}
    lines += [
        f"{law} kills no mutant of {transform}: add one to properties/mutants that breaks it"
        for law, transform in dict.fromkeys((each.law, each.transform) for each in tried)
        if (law, transform) not in killing
    ]
    killed = {each.mutant for each in tried if each.killed}
    lines += [
        f"no law kills the mutant {mutant}: add a law, or subjects that show it"
        for mutant in dict.fromkeys(each.mutant for each in results)
        if whole and mutant != CONTROL and mutant not in killed
    ]
    return lines


def rule_failures(results: Sequence[RuleMutationResult]) -> list[str]:
    """What is wrong with the mutants of batching rules: a failing control, too many survivors."""
    lines = [
        f"the batching rule {each.rule}, which is not broken, fails on {each.killed_by}: kills there "
        f"prove nothing. Run `vmap-conformance run --subject {each.killed_by}`"
        for each in results
        if each.mutant == CONTROL and each.killed
    ]
    apply = [each for each in results if each.mutant != CONTROL and not each.exempt]
    survivors = [f"{each.mutant} of {each.rule}" for each in apply if each.survived]
    if len(apply) - len(survivors) < MIN_KILLED * len(apply):
        lines.append(
            f"more than {1 - MIN_KILLED:.0%} of the mutants survive: {', '.join(survivors)}"
        )
    return lines


def subtle_failures(results: Sequence[SubtleResult]) -> list[str]:
    """What is wrong with the subtle mutants: each that survives."""
    return [
        f"no profile kills the subtle mutant {each.mutant} of {each.transform}: "
        + (
            "add a law that looks at what it changes"
            if each.triggered
            else "draw calls that trigger it"
        )
        for each in results
        if each.profile is None
    ]


def source_failures(results: Sequence[SlipResult]) -> list[str]:
    """What is wrong with the slips in the source: a control that fails. A table has the survivors."""
    return [
        f"{each.target}, which is not broken, fails on {each.noticed_by}: what is noticed there proves "
        "nothing. Run `vmap-conformance run`"
        for each in results
        if each.operator == CONTROL and each.noticed
    ]
