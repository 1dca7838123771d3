"""From answers and troubles to a verdict: behaviour first, then what was observed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np

from conformance.exercises.exercise import Exercise, Finding
from conformance.judge import diagnosis, lanes, talk, verdicts
from conformance.judge.bench import Bench, expectations_of
from conformance.judge.compare import compare
from conformance.judge.expect import Answer, Call, Expectations, expected
from conformance.judge.lanes import Lane, Limits
from conformance.judge.verdicts import Counterexample, Diagnosis, Verdict

SMALLEST = 8
"""Calls that are tried again, the smallest first, when a candidate has raised."""


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
    unsteady = _unsteady(pair)
    if unsteady is not None:
        words = "the same call gave different answers in two processes"
        return attrs.evolve(
            base, verdict=verdicts.VIOLATES, words=words, law=exercise.law, diagnosis=unsteady
        )
    return _seen(bench, base, exercise, pair, wanted)


def _smallest_trouble(
    wanted: Expectations, pair: tuple[Lane, Lane], limits: Limits
) -> lanes.Trouble | None:
    """What ended a lane; where the candidate raised, with the smallest call that makes it raise."""
    lane = next((lane for lane in pair if lane.trouble), None)
    if lane is None or lane.trouble is None:
        return None
    trouble = lane.trouble
    if trouble.verdict != verdicts.ERROR or trouble.call is None:
        return trouble
    for call in sorted(wanted.calls, key=lambda call: (*weight(call), call.number))[:SMALLEST]:
        if lane.talk.closed:
            break
        lane.trouble = None
        lanes.make(lane, wanted.exercise, call, limits.new_shape)
        if lane.trouble is not None and lane.trouble.verdict == verdicts.ERROR:
            return lane.trouble
    return trouble


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
    """Answers that differ between the two processes, beyond what their bits may."""
    one, other = (lane.answers for lane in pair)
    both = [number for number in one if number in other]
    different = any(not diagnosis.same(one[number], other[number]) for number in both)
    return diagnosis.NOT_DETERMINISTIC if different else None


def _asker(lane: Lane, exercise: Exercise, limits: Limits) -> diagnosis.Ask:
    def ask(call: Call) -> Any:
        number = max(lane.answers, default=0) + 100_000
        if lane.trouble is not None or lane.talk.closed:
            return None
        if not lanes.make(lane, exercise, attrs.evolve(call, number=number), limits.new_shape):
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
    lifted = False
    for lane in pair:
        for number, notes in lane.observed.items():
            lifted = lifted or bool(notes.get("vmaps"))
            if lane.changed.get(number):
                call = wanted.calls[number]
                example = Counterexample(dict(call.arguments), difference="an argument was changed")
                return attrs.evolve(
                    base,
                    verdict=verdicts.VIOLATES,
                    words="an argument was changed in place",
                    law=exercise.law,
                    observed=True,
                    diagnosis=diagnosis.INPUT_MUTATED,
                    counterexample=example,
                )
            finding = _finding(exercise, wanted.calls[number], notes)
            if finding is not None:
                return _observed(base, exercise, wanted.calls[number], finding)
    if exercise.expects_lift and not lifted:
        remark = "flax.linen.vmap was not called; the answers are right without it"
        if bench.options.strict:
            words = "flax.linen.vmap was not called, which --strict asks for"
            return attrs.evolve(base, verdict=verdicts.VIOLATES, words=words, observed=True)
        return attrs.evolve(base, remarks=(*base.remarks, remark))
    return base


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
    trouble: lanes.Trouble,
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
            talk.drain(lane.talk)
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
        calls=len(numbers),
        shapes=len(shapes),
    )


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
