"""Verdicts from what is known: a failure, a wrong answer, something observed, or nothing wrong."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import attrs
import numpy as np

from conformance.judge import channel, diagnosis
from conformance.judge import verdict as verdicts
from conformance.judge.attempt import Attempt
from conformance.judge.compare import compare, form, holds
from conformance.judge.exercises.exercise import Exercise, Finding
from conformance.judge.expected_answers import Call, compute, expected
from conformance.judge.missing_package import of_missing_package
from conformance.judge.sandbox.isolation import SCRATCH
from conformance.judge.sandbox.tracebacks import without_foreign
from conformance.judge.session import JudgeSession
from conformance.judge.verdict import Counterexample, Diagnosis, Verdict
from conformance.judge.worker_run import Failure


def plain(session: JudgeSession, name: str, verdict: str, message: str, seconds: float) -> Verdict:
    """A verdict on a file, without an exercise."""
    return Verdict(
        candidate=name,
        exercise=None,
        verdict=verdict,
        message=message,
        isolation=session.server.level,
        lacks=tuple(session.server.lacks),
        seconds=seconds,
    )


def missing(session: JudgeSession, name: str, exercise: Exercise, message: str) -> Verdict:
    """The file has no function for an exercise that was asked for."""
    return attrs.evolve(
        plain(session, name, verdicts.MISSING, message, 0.0),
        exercise=exercise.name,
        task=_task(exercise),
    )


def conforming(attempt: Attempt) -> Verdict:
    """The verdict where nothing is wrong, which the others start from."""
    for run in attempt.runs:
        if not run.channel.closed:
            channel.drain(run.channel)
    loud = max(attempt.runs, key=lambda run: run.channel.printed).channel
    numbers = {number for run in attempt.runs for number in run.answers}
    exercise = attempt.exercise
    base = attrs.evolve(
        plain(attempt.session, attempt.name, verdicts.CONFORMS, "", attempt.seconds),
        printed=_printed(loud),
        printed_bytes=loud.printed,
        remarks=attempt.submission.notes,
        calls=len(numbers),
    )
    if exercise is None:
        return base
    return attrs.evolve(
        base,
        exercise=exercise.name,
        further_reading=exercise.further_reading,
        task=_task(exercise),
        lift=_lift(attempt) if exercise.expects_lift else "",
        shapes=len({number % len(exercise.shapes) for number in numbers}),
    )


def _printed(loud: channel.Channel) -> str:
    """What was printed, without what a student knows nothing of: our frames, and where the file was put."""
    directory = loud.worker.directory or SCRATCH
    return without_foreign(loud.output.decode("utf-8", "replace")).replace(f"{directory}/work/", "")


def _task(exercise: Exercise) -> str:
    return f"{exercise.signature}: {exercise.task}"


def _lift(attempt: Attempt) -> str:
    """The first call to `flax.linen.vmap` that was noted, as it would be written; "" for none."""
    for run in attempt.runs:
        for notes in run.observed.values():
            lifts = notes.get("vmaps")
            if isinstance(lifts, list) and lifts and isinstance(lifts[0], dict):
                given = dict(lifts[0])
                target = given.pop("target", "")
                named = [f"{name}={value!r}" for name, value in given.items()]
                return f"nn.vmap({', '.join([str(target), *named])})"[:1000]
    return ""


def failed(attempt: Attempt, failure: Failure, call: Call | None = None) -> Verdict:
    """The candidate raised, ran out of time, or ended; in which call, if it was in one."""
    exercise = attempt.exercise
    found, message = None, failure.message
    if failure.error is not None:
        found = of_missing_package(failure.error, attempt.submission)
        if failure.verdict == verdicts.TIMEOUT:
            found = diagnosis.STILL_RUNNING
        elif found is None:
            found = diagnosis.of_error(failure.error, exercise, call, _right_calls(attempt))
    return attrs.evolve(
        conforming(attempt),
        verdict=failure.verdict,
        message=message,
        law=None if exercise is None else exercise.law,
        diagnosis=found,
        error=_located(failure.error, attempt),
        counterexample=None if call is None else _failing_call(attempt, failure, call),
    )


def _right_calls(attempt: Attempt) -> list[Call]:
    """The calls that were answered right before one raised."""
    answers = attempt.expected
    if answers is None:
        return []
    given = {n: answer for run in attempt.runs for n, answer in run.answers.items()}
    drawn = range(len(answers.calls))
    return [
        answers.calls[n]
        for n, answer in given.items()
        if n in drawn and compare(answer, expected(answers, n)) is None
    ]


def _failing_call(attempt: Attempt, failure: Failure, call: Call) -> Counterexample:
    assert attempt.exercise is not None
    value = None
    with suppress(Exception):  # a call that a teacher's own exercise does not have
        answer = compute(attempt.exercise.reference, call.arguments)
        if len(answer.leaves) == 1:
            value = answer.leaves[0].value.astype(answer.leaves[0].dtype)
    return Counterexample(dict(call.arguments), value, difference=failure.message)


def _located(error: dict[str, Any] | None, attempt: Attempt) -> dict[str, Any] | None:
    """The error with its lines in the words of whoever wrote the file."""
    if error is None:
        return None
    frames = [
        [attempt.submission.location(number), function, line]
        for number, function, line in error["frames"]
    ]
    return {**error, "frames": frames}


def violating(attempt: Attempt, wrong: diagnosis.WrongAnswer, found: Diagnosis | None) -> Verdict:
    """The candidate gave a wrong answer."""
    assert attempt.exercise is not None
    place = wrong.mismatch.leaf
    leaf = wrong.expected.leaves[place]
    value = leaf.value.astype(leaf.dtype)
    example = Counterexample(
        dict(wrong.call.arguments),
        value,
        _shown(wrong),
        wrong.mismatch.message,
        wrong.mismatch.ulps,
    )
    base = conforming(attempt)
    pair = concerned_rows(attempt, wrong)
    return attrs.evolve(
        base,
        verdict=verdicts.VIOLATES,
        message=wrong.mismatch.message,
        law=attempt.exercise.law,
        diagnosis=found,
        counterexample=example,
        remarks=base.remarks if pair is None else (*base.remarks, pair),
    )


def _shown(wrong: diagnosis.WrongAnswer) -> Any:
    """The array that is wrong; the tuple or list of arrays that came in place of one."""
    given, right = wrong.given, wrong.expected
    if not given.arrays:
        return given.unfit
    if len(right.leaves) == 1 and holds(given, right.leaves[0].value.shape):
        parts = list(given.arrays[0])
        return tuple(parts) if given.container == "tuple" else parts
    if wrong.mismatch.what == "structure" and "array" in right.spec:
        (kind,) = given.spec
        return f"a {kind}: {form(given.spec)}"
    return given.arrays[wrong.mismatch.leaf]


def concerned_rows(attempt: Attempt, wrong: diagnosis.WrongAnswer) -> str | None:
    """The two rows that the first wrong value is of, where the task pairs every row with every other."""
    place, names = wrong.mismatch.index, _paired(attempt)
    if names is None or len(place) != 2:
        return None
    rows = [
        f"{name}[{row}] = "
        + np.array2string(
            wrong.call.arguments[name][row], precision=6, separator=", ", threshold=20
        )
        for name, row in zip(names, place, strict=True)
    ]
    return f"the first wrong value, [{place[0]}, {place[1]}], is of the rows {' and '.join(rows)}"


def _paired(attempt: Attempt) -> tuple[str, str] | None:
    """The arguments whose rows are paired: every answer is (N, M), of (N, n) and (M, n) or one (N, n).

    A task whose answers have that shape in some calls only pairs nothing.
    """
    answers = attempt.expected
    assert answers is not None
    names = list(answers.calls[0].arguments)
    if len(names) not in (1, 2):
        return None
    first, second = names[0], names[-1]
    for call in answers.calls:
        one, other = call.arguments[first], call.arguments[second]
        if any(getattr(each, "ndim", 0) != 2 for each in (one, other)):
            return None
        leaves = expected(answers, call.number).leaves
        if one.shape[1] != other.shape[1] or len(leaves) != 1:
            return None
        if leaves[0].value.shape != (len(one), len(other)):
            return None
    return first, second


def mutating(attempt: Attempt, call: Call, places: list[str]) -> Verdict:
    """The candidate changed an argument in place."""
    assert attempt.exercise is not None
    message = f"the argument {places[0]} was changed in place"
    return attrs.evolve(
        conforming(attempt),
        verdict=verdicts.VIOLATES,
        message=message,
        law=attempt.exercise.law,
        observed=True,
        diagnosis=diagnosis.INPUT_MUTATED,
        counterexample=Counterexample(dict(call.arguments), difference=message),
    )


def observed(attempt: Attempt, call: Call, finding: Finding) -> Verdict:
    """The answers are right, but something that was observed violates the contract."""
    assert attempt.exercise is not None
    pitfalls = {each.id: diagnosis.to_diagnosis(each) for each in attempt.exercise.pitfalls}
    return attrs.evolve(
        conforming(attempt),
        verdict=verdicts.VIOLATES,
        message=finding.seen,
        law=finding.law,
        observed=True,
        diagnosis=pitfalls.get(finding.pitfall),
        counterexample=Counterexample(dict(call.arguments), difference=finding.seen),
    )
