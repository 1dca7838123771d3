"""Mutants of batching rules are killed, and the rules as they are are not."""

import pytest

from conformance.mutation import rule_mutants
from conformance.mutation.results import CONTROL
from conformance.mutation.rule_faults import EQUIVALENT, RULE_MUTANTS, unchanged
from conformance.runner import rule_coverage
from conformance.transforms import TRANSFORMS
from properties.mutants import MUTANTS

SAMPLE = (
    "sin",
    "dot_general",
    "gather",
    "cumsum",
    "sort",
    "dynamic_slice",
    "select_n",
    "while",
    "cond",
)
"""`vmap-conformance mutants --rules "*"` breaks all."""


@pytest.mark.parametrize("rule", SAMPLE)
def test_mutants_of_a_rule_are_killed_and_the_rule_itself_is_not(rule: str) -> None:
    control, *mutants = rule_mutants.mutate_rule(rule, [f"lax.{rule}"])
    assert (control.mutant, control.killed_by) == (CONTROL, None)
    assert [each.mutant for each in mutants] == list(RULE_MUTANTS)
    survivors = [each.mutant for each in mutants if each.survived]
    assert not survivors
    assert sum(each.killed_by == f"lax.{rule}" for each in mutants) >= 3


def test_a_mutant_that_nothing_shows_is_exempt() -> None:
    *_, ignored = rule_mutants.mutate_rule("debug_callback", ["lax.debug_callback"])
    assert ignored.killed_by is None
    assert ignored.exempt == EQUIVALENT["debug_callback"]


def test_a_rule_that_is_broken_fails_its_control() -> None:
    with rule_coverage.replaced("sin", lambda rule: RULE_MUTANTS["rolled"](rule, lambda: None)):
        control, *_ = rule_mutants.mutate_rule("sin", ["lax.sin"])
    assert (control.mutant, control.killed_by) == (CONTROL, "lax.sin")


def test_the_control_replaces_the_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = []

    def noted(rule: rule_coverage.Rule, note: object) -> rule_coverage.Rule:
        return unchanged(rule, lambda: ran.append(rule))

    monkeypatch.setattr(rule_mutants, "unchanged", noted)
    rule_mutants.mutate_rule("sin", ["lax.sin"])
    assert ran


def test_a_map_that_is_broken_fails_the_control_of_every_rule(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken = MUTANTS["batch-reversed"].mutate(TRANSFORMS["jax.vmap"])
    monkeypatch.setitem(TRANSFORMS, "jax.vmap", broken)
    control, *_ = rule_mutants.mutate_rule("cos", ["lax.cos"])
    assert control.killed_by == "lax.cos"
