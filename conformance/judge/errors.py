"""Why something could not be judged, as opposed to a verdict."""

from __future__ import annotations


class JudgeFailure(Exception):
    """Nobody's answer is to blame: the message says in one clause what failed, and the remedy."""


class IsolationUnavailable(JudgeFailure):
    """No server runs, or not at the level asked for; the message says why."""


class ExerciseFailed(JudgeFailure):
    """An exercise, a teacher's own perhaps, that fails itself; the message says where and how."""


class InvalidExercise(Exception):
    """A file or a name that holds no exercise; the message says what was found instead."""
