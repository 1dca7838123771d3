"""A choice between branches that leaves tangents as they are is found right, and other programs are asked."""

import jax
import pytest

from conformance.known_defects import DEFECTS
from conformance.runner import run_defect
from conformance.runner.installed_defects import installed_defects
from properties.call import Axes, ProgramCall
from properties.programs.grammar import Block, Program, Statement, Type

conditionals = pytest.importorskip("jax._src.lax.control_flow.conditionals")
(DEFECT,) = (each for each in DEFECTS if each.id == "vmap-cond-of-tangents")
needs_the_release = pytest.mark.skipif(
    DEFECT not in installed_defects(), reason="the release does not have the defect"
)


@needs_the_release
def test_branches_of_tangents_are_found_wrong() -> None:
    assert run_defect.still_shows(DEFECT)


@needs_the_release
def test_a_right_rule_is_found_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conditionals.lax, "stop_gradient", lambda x: x)
    jax.clear_caches()
    assert not run_defect.still_shows(DEFECT)


def _rule_of(*statements: Statement) -> ProgramCall:
    within = Block((1, 2), statements, statements[-1].gives)
    body = Block((0,), (Statement((9,), "custom-jvp", (0, 0), (within,)),), (9,))
    program = Program((Type("float32"),), body)
    return ProgramCall("program-rules", {"batch": 2}, (Axes((0,)),), program=program)


def test_a_rule_without_branches_is_asked() -> None:
    assert not DEFECT.affects(_rule_of(Statement((3,), "negate", (1,))))


def test_a_rule_with_branches_deep_within_is_not_asked() -> None:
    of_two = Block((6,), (), (6,))
    chosen = Statement((5,), "cond", (3, 2), (of_two, of_two))
    inner = Block((10,), (Statement((3,), "less", (1, 2)), chosen), (5,))
    assert DEFECT.affects(_rule_of(Statement((11,), "checkpoint", (1,), (inner,))))
