"""Hostile candidates, and what is asserted of each: the right verdict, and nothing left behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs
import pytest

RIGHT = "def vectorized_square(x):\n    return x * x\n"


@attrs.frozen
class Attack:
    """A hostile candidate, and the verdicts that are right for it."""

    source: str
    verdicts: tuple[str, ...]
    says: str = ""
    without_namespaces: bool = False
    """Whether the weaker level has to withstand it by other means."""


def body(*lines: str, before: str = "") -> str:
    return f"{before}\ndef vectorized_square(x):\n" + "\n".join(f"    {line}" for line in lines)


def at_each_level(attacks: Mapping[str, Attack]) -> pytest.MarkDecorator:
    """Parametrize `level` and `attack`: each at the best level, some also without namespaces."""
    cases = [
        pytest.param(level, attack, id=f"{name}-{level}")
        for level in ("best", "process")
        for name, attack in attacks.items()
        if level == "best" or attack.without_namespaces
    ]
    return pytest.mark.parametrize(("level", "attack"), cases)


def assert_right_verdict_and_nothing_left(
    level: str, attack: Attack, judge: Callable, nothing_left: Callable
) -> None:
    """The attack gets one of its verdicts, and the next candidate is judged as ever."""
    (verdict,) = judge(attack.source, level=level)
    reached = "getppid" in attack.source and any("user are not" in lack for lack in verdict.lacks)
    assert verdict.verdict in (("crashed", "conforms") if reached else attack.verdicts), verdict
    assert attack.says in verdict.message, verdict
    nothing_left(level)
    (next_one,) = judge(RIGHT, level=level)
    assert next_one.verdict == "conforms", next_one
    assert next_one.printed == ""
