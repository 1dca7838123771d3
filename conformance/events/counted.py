"""Which verdicts count where a student has several files."""

from __future__ import annotations

from collections.abc import Iterable

from conformance.events.records import Verdict

_CONFORMS, _MISSING = "conforms", "missing"


def student_of(verdict: Verdict) -> str:
    """The student's directory, or the file where it is all of the student's."""
    return verdict.student or verdict.candidate


def counted(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """The verdicts that count, in their order.

    An exercise counts where the student has it best: what conforms, else what is right in most calls.
    A file that has no function counts only where no file of the student has one. A file that could not
    be judged counts.

    Args:
        verdicts: those of all files.

    """
    by_student: dict[str, list[Verdict]] = {}
    given = list(verdicts)
    for verdict in given:
        by_student.setdefault(student_of(verdict), []).append(verdict)
    kept: set[int] = set()
    for said in by_student.values():
        kept.update(id(each) for each in _of_student(said))
    return [verdict for verdict in given if id(verdict) in kept]


def _of_student(verdicts: list[Verdict]) -> list[Verdict]:
    best: dict[str, Verdict] = {}
    for verdict in verdicts:
        name = verdict.exercise
        if name is not None and (name not in best or _rank(verdict) > _rank(best[name])):
            best[name] = verdict
    whole = [each for each in verdicts if each.exercise is None]
    failed = [each for each in whole if each.verdict != _MISSING]
    if best or failed:
        return [*best.values(), *failed]
    # The one that says most: a misspelt name, rather than a list of all names there are.
    return [min(whole, key=lambda each: len(each.words or ""))]


def _rank(verdict: Verdict) -> tuple[bool, float, float, bool]:
    def share(right: object, drawn: object) -> float:
        return right / drawn if isinstance(right, int) and isinstance(drawn, int) and drawn else 0.0

    return (
        verdict.verdict == _CONFORMS,
        share(verdict.right_calls, verdict.drawn_calls),
        share(verdict.right_shapes, verdict.drawn_shapes),
        verdict.verdict != _MISSING,
    )
