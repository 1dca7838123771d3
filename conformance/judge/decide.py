"""From answers and troubles to a verdict: behaviour first, then what was observed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
import numpy as np

from conformance.judge import channel, diagnosis, worker_run
from conformance.judge import verdict as verdicts
from conformance.judge.compare import compare
from conformance.judge.exercises.exercise import Exercise, Finding
from conformance.judge.expected_answers import Call, ExpectedAnswer, ExpectedAnswers, expected
from conformance.judge.session import JudgeSession, expectations_for
from conformance.judge.verdict import Counterexample, Diagnosis, Verdict
from conformance.judge.worker_run import Limits, WorkerRun

MAX_RETRIED_SHAPES = 8
"""Shapes that are tried again, the smallest call of each, when a candidate has raised."""


def decide(
    session: JudgeSession,
    name: str,
    exercise: Exercise,
    pair: tuple[WorkerRun, WorkerRun],
    limits: Limits,
    started: float,
) -> Verdict:
    wanted = expectations_for(session, exercise)
    failure = _smallest_failure(wanted, pair, limits)
    if failure is not None:
        return failed_verdict(session, name, exercise, pair, failure, wanted, started)
    base = _base(session, name, exercise, pair, started)
    wrong = _wrong(wanted, pair)
    if wrong:
        found = _unsteady(pair) or diagnosis.of_wrong(exercise, wrong)
        found = found or diagnosis.by_probing(exercise, wrong[0], _asker(pair[0], exercise, limits))
        return _violation(base, exercise, wrong[0], found)
    if _unsteady(pair):
        remark = "two processes gave answers that differ in their last digits, all of them right"
        base = attrs.evolve(base, remarks=(*base.remarks, remark))
    return _seen(session, base, exercise, pair, wanted)


def _smallest_failure(
    wanted: ExpectedAnswers, pair: tuple[WorkerRun, WorkerRun], limits: Limits
) -> worker_run.Failure | None:
    """What ended a lane; where the candidate raised, with the smallest call that makes it raise."""
    run = next((run for run in pair if run.failure), None)
    if run is None or run.failure is None:
        return None
    failure = run.failure
    if failure.verdict != verdicts.ERROR or failure.call is None:
        return failure
    for call in _smallest(wanted.calls, failure.call):
        if run.channel.closed:
            break
        run.failure = None
        worker_run.make(run, wanted.exercise, call, limits.new_shape)
        if run.failure is not None and run.failure.verdict == verdicts.ERROR:
            return run.failure
    return failure


def _smallest(calls: Sequence[Call], failing: int) -> list[Call]:
    """The smallest call of each shape, from the smallest up to the failing one's own."""
    chosen: dict[int, Call] = {}
    for call in sorted(calls, key=lambda call: (*weight(call), call.number)):
        chosen.setdefault(call.shape, call)
    own = list(chosen).index(calls[failing].shape)
    return [*list(chosen.values())[:own][:MAX_RETRIED_SHAPES], chosen[calls[failing].shape]]


def _wrong(
    wanted: ExpectedAnswers, pair: tuple[WorkerRun, WorkerRun]
) -> list[diagnosis.WrongAnswer]:
    """The wrong answers, the smallest call first."""
    found = []
    for run in pair:
        for number, given in run.answers.items():
            right = expected(wanted, number)
            mismatch = compare(given, right)
            if mismatch is not None:
                found.append(diagnosis.WrongAnswer(wanted.calls[number], right, given, mismatch))
    return sorted(found, key=lambda each: (*weight(each.call), each.call.number))


def weight(call: Call) -> tuple[int, int, int]:
    """How much there is to read in a call: its values, their digits, its other numbers."""
    values = list(_leaves(call.arguments))
    arrays = [value for value in values if isinstance(value, np.ndarray)]
    size = sum(array.size for array in arrays)
    digits = sum(len(f"{float(v):g}") for array in arrays for v in array.ravel()[:200])
    others = [value for value in values if isinstance(value, (int, float))]
    return size, digits, sum(len(str(value)) for value in others)


def _leaves(tree: Any) -> Any:
    if isinstance(tree, Mapping):
        tree = list(tree.values())
    if isinstance(tree, (list, tuple)):
        for item in tree:
            yield from _leaves(item)
    else:
        yield tree


def _unsteady(pair: tuple[WorkerRun, WorkerRun]) -> Diagnosis | None:
    """Answers to the same call that are not the same bits in the two processes."""
    one, other = (run.answers for run in pair)
    both = [number for number in one if number in other]
    different = any(not diagnosis.same(one[number], other[number]) for number in both)
    return diagnosis.NOT_DETERMINISTIC if different else None


def _asker(run: WorkerRun, exercise: Exercise, limits: Limits) -> diagnosis.Ask:
    def ask(call: Call) -> Any:
        number = max(run.answers, default=0) + 100_000
        if run.failure is not None or run.channel.closed:
            return None
        if not worker_run.make(run, exercise, attrs.evolve(call, number=number), limits.new_shape):
            return None
        return run.answers.pop(number)

    return ask


def _violation(
    base: Verdict, exercise: Exercise, wrong: diagnosis.WrongAnswer, found: Diagnosis | None
) -> Verdict:
    place = wrong.mismatch.leaf
    shown = wrong.given.arrays[place] if wrong.given.arrays else wrong.given.unfit
    leaf = wrong.expected.leaves[place]
    right = leaf.value.astype(leaf.dtype)
    example = Counterexample(
        dict(wrong.call.arguments), right, shown, wrong.mismatch.message, wrong.mismatch.ulps
    )
    return attrs.evolve(
        base,
        verdict=verdicts.VIOLATES,
        message=wrong.mismatch.message,
        law=exercise.law,
        diagnosis=found,
        counterexample=example,
    )


def _seen(
    session: JudgeSession,
    base: Verdict,
    exercise: Exercise,
    pair: tuple[WorkerRun, WorkerRun],
    wanted: ExpectedAnswers,
) -> Verdict:
    """What was observed may still turn a right answer into a violation; never the reverse."""
    for number in sorted({*pair[0].answers, *pair[1].answers}, key=_ranked(wanted)):
        call = wanted.calls[number]
        for run in pair:
            if run.changed.get(number):
                return _mutated(base, exercise, call, run.changed[number])
            finding = _finding(exercise, call, run.observed.get(number, {}))
            if finding is not None:
                return _observed(base, exercise, call, finding)
    if exercise.expects_lift and not base.lift:
        remark = "flax.linen.vmap was not called; the answers are right without it"
        if session.options.strict:
            message = "flax.linen.vmap was not called, which --strict asks for"
            return attrs.evolve(base, verdict=verdicts.VIOLATES, message=message, observed=True)
        return attrs.evolve(base, remarks=(*base.remarks, remark))
    return base


def _ranked(wanted: ExpectedAnswers) -> Callable[[int], Any]:
    return lambda number: (*weight(wanted.calls[number]), number)


def _mutated(base: Verdict, exercise: Exercise, call: Call, names: Sequence[str]) -> Verdict:
    message = f"the argument {names[0]} was changed in place"
    return attrs.evolve(
        base,
        verdict=verdicts.VIOLATES,
        message=message,
        law=exercise.law,
        observed=True,
        diagnosis=diagnosis.INPUT_MUTATED,
        counterexample=Counterexample(dict(call.arguments), difference=message),
    )


def _finding(exercise: Exercise, call: Call, notes: Mapping[str, Any]) -> Finding | None:
    if exercise.observe is None:
        return None
    try:
        return exercise.observe(call.arguments, notes)
    except Exception:  # notes come from the candidate's process and may be anything
        return None


def _observed(base: Verdict, exercise: Exercise, call: Call, finding: Finding) -> Verdict:
    pitfalls = {pitfall.id: diagnosis.message(pitfall) for pitfall in exercise.pitfalls}
    return attrs.evolve(
        base,
        verdict=verdicts.VIOLATES,
        message=finding.seen,
        law=finding.law,
        observed=True,
        diagnosis=pitfalls.get(finding.pitfall),
        counterexample=Counterexample(dict(call.arguments), difference=finding.seen),
    )


def failed_verdict(
    session: JudgeSession,
    name: str,
    exercise: Exercise | None,
    pair: tuple[WorkerRun, WorkerRun],
    failure: worker_run.Failure,
    wanted: ExpectedAnswers | None,
    started: float,
) -> Verdict:
    example = None
    if wanted is not None and failure.call is not None:
        call = wanted.calls[failure.call]
        answer: ExpectedAnswer = expected(wanted, call.number)
        leaf = answer.leaves[0]
        right = leaf.value.astype(leaf.dtype) if len(answer.leaves) == 1 else None
        example = Counterexample(dict(call.arguments), right, difference=failure.message)
    found = None
    if failure.error is not None and exercise is not None:
        found = diagnosis.of_error(failure.error, exercise)
    return attrs.evolve(
        _base(session, name, exercise, pair, started),
        verdict=failure.verdict,
        message=failure.message,
        law=None if exercise is None else exercise.law,
        diagnosis=found,
        error=failure.error,
        counterexample=example,
    )


def _base(
    session: JudgeSession,
    name: str,
    exercise: Exercise | None,
    pair: tuple[WorkerRun, WorkerRun],
    started: float,
) -> Verdict:
    for run in pair:
        if not run.channel.closed:
            channel.drain(run.channel)
    loud = max(pair, key=lambda run: run.channel.printed).channel
    numbers = {number for run in pair for number in run.answers}
    shapes: set[int] = set()
    if exercise is not None:
        shapes = {number % len(exercise.shapes) for number in numbers}
    return attrs.evolve(
        plain(session, name, verdicts.CONFORMS, "", started),
        exercise=None if exercise is None else exercise.name,
        printed=loud.output.decode("utf-8", "replace"),
        printed_bytes=loud.printed,
        further_reading=() if exercise is None else exercise.further_reading,
        task="" if exercise is None else f"{exercise.signature}: {exercise.task}",
        lift=_lift(pair) if exercise is not None and exercise.expects_lift else "",
        calls=len(numbers),
        shapes=len(shapes),
    )


def _lift(pair: tuple[WorkerRun, WorkerRun]) -> str:
    """The first call to `flax.linen.vmap` that was noted, as it would be written; "" for none."""
    for run in pair:
        for notes in run.observed.values():
            lifts = notes.get("vmaps")
            if isinstance(lifts, list) and lifts and isinstance(lifts[0], dict):
                given = dict(lifts[0])
                target = given.pop("target", "")
                named = [f"{name}={value!r}" for name, value in given.items()]
                return f"nn.vmap({', '.join([str(target), *named])})"[:1000]
    return ""


def plain(session: JudgeSession, name: str, verdict: str, message: str, started: float) -> Verdict:
    return Verdict(
        candidate=name,
        exercise=None,
        verdict=verdict,
        message=message,
        isolation=session.server.level,
        lacks=tuple(session.server.lacks),
        seconds=time.perf_counter() - started,
    )
