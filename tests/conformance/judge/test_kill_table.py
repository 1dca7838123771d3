"""The kill table: wrong solutions, every one caught, with the diagnosis where it has a name."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.conformance.judge.wrong_answers import IMPORTS, WRONG


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_solution_is_caught_and_recognised(name: str, judge: Callable) -> None:
    wrong = WRONG[name]
    source = f"{IMPORTS}\ndef {wrong.exercise}:\n    {wrong.body}\n"
    source = source.replace("(seed, x, features):\n    " + wrong.body, PARAMETERS + wrong.body)
    (verdict,) = judge(source, examples=40, patience=20.0)
    assert verdict.verdict in wrong.verdicts, verdict
    assert verdict.counterexample is not None, verdict
    if wrong.diagnosis == "none":
        assert verdict.diagnosis is None, verdict
    elif wrong.diagnosis is not None:
        assert verdict.diagnosis is not None, verdict
        assert verdict.diagnosis.pitfall in wrong.diagnosis.split(), verdict


PARAMETERS = "(seed, x_batch, features):\n    x = x_batch\n    "


def test_the_table_is_as_large_as_promised() -> None:
    assert len(WRONG) >= 40
    assert len({(wrong.exercise, wrong.body) for wrong in WRONG.values()}) == len(WRONG)
