"""Judging candidate solutions: exercises, the sandbox they run in, verdicts and their diagnosis.

Nothing but `conformance.cli` imports this package. Importing it imports neither JAX nor NumPy: the
names below are looked up when they are used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from conformance.judge.api import check
    from conformance.judge.errors import ExerciseFailed, InvalidExercise, JudgeFailure
    from conformance.judge.exercises.exercise import (
        Exercise,
        Finding,
        Pitfall,
        draw_floats,
        draw_seed,
    )
    from conformance.judge.exercises.wide_floats import draw_wide_floats
    from conformance.judge.verdict import Counterexample, Diagnosis, Verdict

__all__ = [
    "Counterexample",
    "Diagnosis",
    "Exercise",
    "ExerciseFailed",
    "Finding",
    "InvalidExercise",
    "JudgeFailure",
    "Pitfall",
    "Verdict",
    "check",
    "draw_floats",
    "draw_seed",
    "draw_wide_floats",
]

_HOMES = {
    "check": "api",
    "Counterexample": "verdict",
    "Diagnosis": "verdict",
    "Verdict": "verdict",
    "ExerciseFailed": "errors",
    "InvalidExercise": "errors",
    "JudgeFailure": "errors",
    "draw_wide_floats": "exercises.wide_floats",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"{__name__}.{_HOMES.get(name, 'exercises.exercise')}")
    return getattr(module, name)
