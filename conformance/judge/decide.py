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
from conformance.judge.expected_answers import Answer, Call, Expectations, expected
from conformance.judge.session import Bench, expectations_of
from conformance.judge.verdict import Counterexample, Diagnosis, Verdict
from conformance.judge.worker_run import Lane, Limits

SMALLEST = 8
"""Shapes that are tried again, the smallest call of each, when a candidate has raised."""


def decide(
    bench: Bench,
    name: str,
    exercise: Exercise,
    pair: tuple[Lane, Lane],
    limits: Limits,
    started: float,
) -> Verdict:
    wanted = expectations_of(bench, exercise)
    trouble = _smallest_trouble(wanted, pair, limits)
    if trouble is not None:
        return troubled(bench, name, exercise, pair, trouble, wanted, started)
    base = _base(bench, name, exercise, pair, started)
    wrong = _wrong(wanted, pair)
    if wrong:
        found = _unsteady(pair) or diagnosis.of_wrong(exercise, wrong)
        found = found or diagnosis.by_probing(exercise, wrong[0], _asker(pair[0], exercise, limits))
        return _violation(base, exercise, wrong[0], found)
    if _unsteady(pair):
        remark = "two processes gave answers that differ in their last digits, all of them right"
        base = attrs.evolve(base, remarks=(*base.remarks, remark))
    return _seen(bench, base, exercise, pair, wanted)


def _smallest_trouble(
    wanted: Expectations, pair: tuple[Lane, Lane], limits: Limits
) -> worker_run.Trouble | None:
    """What ended a lane; where the candidate raised, with the smallest call that makes it raise."""
    lane = next((lane for lane in pair if lane.trouble), None)
    if lane is None or lane.trouble is None:
        return None
    trouble = lane.trouble
    if trouble.verdict != verdicts.ERROR or trouble.call is None:
        return trouble
    for call in _smallest(wanted.calls, trouble.call):
        if lane.talk.closed:
            break
        lane.trouble = None
        worker_run.make(lane, wanted.exercise, call, limits.new_shape)
        if lane.trouble is not None and lane.trouble.verdict == verdicts.ERROR:
            return lane.trouble
    return trouble


def _smallest(calls: Sequence[Call], failing: int) -> list[Call]:
    """The smallest call of each shape, from the smallest up to the failing one's own."""
    chosen: dict[int, Call] = {}
    for call in sorted(calls, key=lambda call: (*weight(call), call.number)):
        chosen.setdefault(call.shape, call)
    own = list(chosen).index(calls[failing].shape)
    return [*list(chosen.values())[:own][:SMALLEST], chosen[calls[failing].shape]]


def _wrong(wanted: Expectations, pair: tuple[Lane, Lane]) -> list[diagnosis.Wrong]:
    """The wrong answers, the smallest call first."""
    found = []
    for lane in pair:
        for number, given in lane.answers.items():
            right = expected(wanted, number)
            mismatch = compare(given, right)
            if mismatch is not None:
                found.append(diagnosis.Wrong(wanted.calls[number], right, given, mismatch))
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


def _unsteady(pair: tuple[Lane, Lane]) -> Diagnosis | None:
    """Answers to the same call that are not the same bits in the two processes."""
    one, other = (lane.answers for lane in pair)
    both = [number for number in one if number in other]
    different = any(not diagnosis.same(one[number], other[number]) for number in both)
    return diagnosis.NOT_DETERMINISTIC if different else None


def _asker(lane: Lane, exercise: Exercise, limits: Limits) -> diagnosis.Ask:
    def ask(call: Call) -> Any:
        number = max(lane.answers, default=0) + 100_000
        if lane.trouble is not None or lane.talk.closed:
            return None
        if not worker_run.make(lane, exercise, attrs.evolve(call, number=number), limits.new_shape):
            return None
        return lane.answers.pop(number)

    return ask


def _violation(
    base: Verdict, exercise: Exercise, wrong: diagnosis.Wrong, found: Diagnosis | None
) -> Verdict:
    place = wrong.mismatch.leaf
    shown = wrong.given.arrays[place] if wrong.given.arrays else wrong.given.unfit
    leaf = wrong.right.leaves[place]
    right = leaf.value.astype(leaf.dtype)
    example = Counterexample(
        dict(wrong.call.arguments), right, shown, wrong.mismatch.words, wrong.mismatch.ulps
    )
    return attrs.evolve(
        base,
        verdict=verdicts.VIOLATES,
        words=wrong.mismatch.words,
        law=exercise.law,
        diagnosis=found,
        counterexample=example,
    )


def _seen(
    bench: Bench, base: Verdict, exercise: Exercise, pair: tuple[Lane, Lane], wanted: Expectations
) -> Verdict:
    """What was observed may still turn a right answer into a violation; never the reverse."""
    for number in sorted({*pair[0].answers, *pair[1].answers}, key=_ranked(wanted)):
        call = wanted.calls[number]
        for lane in pair:
            if lane.changed.get(number):
                return _mutated(base, exercise, call, lane.changed[number])
            finding = _finding(exercise, call, lane.observed.get(number, {}))
            if finding is not None:
                return _observed(base, exercise, call, finding)
    if exercise.expects_lift and not base.lift:
        remark = "flax.linen.vmap was not called; the answers are right without it"
        if bench.options.strict:
            words = "flax.linen.vmap was not called, which --strict asks for"
            return attrs.evolve(base, verdict=verdicts.VIOLATES, words=words, observed=True)
        return attrs.evolve(base, remarks=(*base.remarks, remark))
    return base


def _ranked(wanted: Expectations) -> Callable[[int], Any]:
    return lambda number: (*weight(wanted.calls[number]), number)


def _mutated(base: Verdict, exercise: Exercise, call: Call, names: Sequence[str]) -> Verdict:
    words = f"the argument {names[0]} was changed in place"
    return attrs.evolve(
        base,
        verdict=verdicts.VIOLATES,
        words=words,
        law=exercise.law,
        observed=True,
        diagnosis=diagnosis.INPUT_MUTATED,
        counterexample=Counterexample(dict(call.arguments), difference=words),
    )


def _finding(exercise: Exercise, call: Call, notes: Mapping[str, Any]) -> Finding | None:
    if exercise.observe is None:
        return None
    try:
        return exercise.observe(call.arguments, notes)
    except Exception:  # notes come from the candidate's process and may be anything
        return None


def _observed(base: Verdict, exercise: Exercise, call: Call, finding: Finding) -> Verdict:
    pitfalls = {pitfall.id: diagnosis.words(pitfall) for pitfall in exercise.pitfalls}
    return attrs.evolve(
        base,
        verdict=verdicts.VIOLATES,
        words=finding.seen,
        law=finding.law,
        observed=True,
        diagnosis=pitfalls.get(finding.pitfall),
        counterexample=Counterexample(dict(call.arguments), difference=finding.seen),
    )


def troubled(
    bench: Bench,
    name: str,
    exercise: Exercise | None,
    pair: tuple[Lane, Lane],
    trouble: worker_run.Trouble,
    wanted: Expectations | None,
    started: float,
) -> Verdict:
    example = None
    if wanted is not None and trouble.call is not None:
        call = wanted.calls[trouble.call]
        answer: Answer = expected(wanted, call.number)
        leaf = answer.leaves[0]
        right = leaf.value.astype(leaf.dtype) if len(answer.leaves) == 1 else None
        example = Counterexample(dict(call.arguments), right, difference=trouble.words)
    found = None
    if trouble.error is not None and exercise is not None:
        found = diagnosis.of_error(trouble.error, exercise)
    return attrs.evolve(
        _base(bench, name, exercise, pair, started),
        verdict=trouble.verdict,
        words=trouble.words,
        law=None if exercise is None else exercise.law,
        diagnosis=found,
        error=trouble.error,
        counterexample=example,
    )


def _base(
    bench: Bench, name: str, exercise: Exercise | None, pair: tuple[Lane, Lane], started: float
) -> Verdict:
    for lane in pair:
        if not lane.talk.closed:
            channel.drain(lane.talk)
    loud = max(pair, key=lambda lane: lane.talk.printed).talk
    numbers = {number for lane in pair for number in lane.answers}
    shapes: set[int] = set()
    if exercise is not None:
        shapes = {number % len(exercise.shapes) for number in numbers}
    return attrs.evolve(
        plain(bench, name, verdicts.CONFORMS, "", started),
        exercise=None if exercise is None else exercise.name,
        printed=loud.output.decode("utf-8", "replace"),
        printed_bytes=loud.printed,
        reading=() if exercise is None else exercise.reading,
        task="" if exercise is None else f"{exercise.signature}: {exercise.task}",
        lift=_lift(pair) if exercise is not None and exercise.expects_lift else "",
        calls=len(numbers),
        shapes=len(shapes),
    )


def _lift(pair: tuple[Lane, Lane]) -> str:
    """The first call to `flax.linen.vmap` that was noted, as it would be written; "" for none."""
    for lane in pair:
        for notes in lane.observed.values():
            lifts = notes.get("vmaps")
            if isinstance(lifts, list) and lifts and isinstance(lifts[0], dict):
                given = dict(lifts[0])
                target = given.pop("target", "")
                named = [f"{name}={value!r}" for name, value in given.items()]
                return f"nn.vmap({', '.join([str(target), *named])})"[:1000]
    return ""


def plain(bench: Bench, name: str, verdict: str, words: str, started: float) -> Verdict:
    return Verdict(
        candidate=name,
        exercise=None,
        verdict=verdict,
        words=words,
        isolation=bench.server.level,
        lacks=tuple(bench.server.lacks),
        seconds=time.perf_counter() - started,
    )
