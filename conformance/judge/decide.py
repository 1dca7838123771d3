"""From answers and failures to a verdict: behaviour first, then what was observed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import numpy as np

from conformance.judge import also_right, build_verdict, diagnosis, rerun, worker_run
from conformance.judge import verdict as verdicts
from conformance.judge.across_examples import of_other_examples
from conformance.judge.attempt import Attempt
from conformance.judge.compare import compare
from conformance.judge.cut_values import of_cut_values, of_integers, of_zeros
from conformance.judge.errors import JudgeFailure
from conformance.judge.exercises.exercise import Exercise, Finding
from conformance.judge.expected_answers import Call, ExpectedAnswers, compute, expected
from conformance.judge.ignored_arguments import of_ignored_arguments
from conformance.judge.left_unchanged import of_unchanged
from conformance.judge.minimize import minimize
from conformance.judge.nearly_right import (
    LOSES_DIGITS,
    NOT_ACCURATE,
    nearly_vanishes,
    of_nearly_right,
    of_no_number,
)
from conformance.judge.no_module import of_no_module
from conformance.judge.one_example import of_a_multiple, of_one_example
from conformance.judge.one_operation_off import of_one_operation
from conformance.judge.one_term_off import of_one_term
from conformance.judge.only_some_calls import Answered
from conformance.judge.other_containers import of_held, of_other_containers
from conformance.judge.other_draws import of_other_draws
from conformance.judge.other_inputs import of_other_inputs
from conformance.judge.partly_right import of_partly_right
from conformance.judge.scaled_arrays import of_scaled_arrays
from conformance.judge.scaled_steps import of_other_steps, of_scaled_steps
from conformance.judge.two_mistakes import of_two_mistakes
from conformance.judge.value_ranges import is_usual, leaves, of_range
from conformance.judge.verdict import Diagnosis, Verdict
from conformance.judge.which_examples import of_the_same, of_which_examples
from conformance.reporting.verdicts.text import without_warnings

MAX_RETRIED_SHAPES = 8
"""Shapes that are tried again, the smallest call of each, when a candidate has raised."""


def decide(attempt: Attempt, wrong: list[diagnosis.WrongAnswer]) -> Verdict:
    """The verdict on an attempt whose calls have been made. Raises ExerciseFailed.

    Args:
        attempt: the processes and what they answered.
        wrong: what `wrong_answers` gives of it.

    """
    exercise, answers = attempt.exercise, attempt.expected
    assert exercise is not None
    assert answers is not None
    return with_counts(_decided(attempt, exercise, answers, wrong), attempt, wrong)


def _decided(
    attempt: Attempt,
    exercise: Exercise,
    answers: ExpectedAnswers,
    wrong: list[diagnosis.WrongAnswer],
) -> Verdict:
    failed = _smallest_failure(attempt, answers)
    if failed is not None:
        failure, call, remark = failed
        verdict = build_verdict.failed(attempt, failure, call)
        return attrs.evolve(verdict, remarks=(*verdict.remarks, *([remark] if remark else [])))
    if wrong:
        found, fault = _diagnosed(attempt, exercise, answers, wrong)
        clear = next((each for each in wrong if not nearly_vanishes(each)), wrong[0])
        smallest = _smallest_wrong(attempt, exercise, clear)
        verdict = build_verdict.violating(attempt, smallest, found)
        verdict = attrs.evolve(verdict, remarks=(*verdict.remarks, *([fault] if fault else [])))
        return _with_remark_on_changes(attempt, verdict)
    return _observed(attempt, exercise, answers)


def _diagnosed(
    attempt: Attempt,
    exercise: Exercise,
    answers: ExpectedAnswers,
    wrong: list[diagnosis.WrongAnswer],
) -> tuple[Diagnosis | None, str]:
    """The diagnosis, or a remark where finding one failed.

    An answer may be anything. That ours fails on one must not end the run for everybody's files.
    """
    try:
        found = _unsteady(attempt) or of_held(wrong)
        found = found or diagnosis.of_wrong(
            exercise,
            wrong,
            _printed(attempt),
            _notes(attempt, wrong[0]),
            _answered_right(attempt, answers, wrong),
        )
        found = found or of_values(wrong, answers.calls)
        found = found or diagnosis.by_probing(exercise, wrong, _asker(attempt, exercise))
        found = found or of_other_steps(wrong)  # a rare mistake takes ten times as long to find
        found = found or diagnosis.of_rare_mistakes(exercise, wrong)
        found = found or of_two_mistakes(exercise, wrong) or of_other_draws(exercise, wrong)
        found = found or of_scaled_steps(wrong) or of_other_inputs(exercise, wrong)
        ask = _asker(attempt, exercise)
        found = found or of_ignored_arguments(exercise, wrong, ask)
        found = found or of_integers(wrong) or of_zeros(wrong)
        found = found or of_other_examples(exercise, wrong, ask)
        notes = [each for run in attempt.runs for each in run.observed.values()]
        return found or of_no_module(exercise, wrong, notes), ""
    except JudgeFailure:
        raise
    except Exception as problem:
        return None, (
            "looking for the mistake failed, which is a fault of the judge's, to be reported: "
            f"{type(problem).__name__}: {problem}"[:300]
        )


def _answered_right(
    attempt: Attempt, answers: ExpectedAnswers, wrong: Sequence[diagnosis.WrongAnswer]
) -> list[Answered]:
    """The calls that no process answered wrong, and what one gave."""
    known = {each.call.number for each in wrong}
    given = {n: answer for run in attempt.runs for n, answer in run.answers.items()}
    return [
        (call, given[call.number]) for call in answers.calls if call.number in given.keys() - known
    ]


def _with_remark_on_changes(attempt: Attempt, found: Verdict) -> Verdict:
    """The verdict, with a remark on arguments that were changed in place while the answers are wrong, too."""
    changed = {place for run in attempt.runs for places in run.changed.values() for place in places}
    names = (
        [name for name in attempt.exercise.parameters if name in changed]
        if attempt.exercise
        else []
    )
    if not names:
        return found
    remark = f"the function also changes what it is given, in place: {' and '.join(names)}"
    return attrs.evolve(found, remarks=(*found.remarks, remark))


def of_values(wrong: Sequence[diagnosis.WrongAnswer], calls: Sequence[Call]) -> Diagnosis | None:
    """What the wrong answers themselves say, whatever the exercise: beside the right ones, and by call.

    Args:
        wrong: every wrong answer.
        calls: the calls that were drawn.

    """
    found = of_range([each.call for each in wrong], calls) or of_other_containers(wrong)
    # One example's answer has the same size in every call: it is told before a size written as a number.
    found = found or of_unchanged(wrong) or of_one_example(wrong) or of_cut_values(wrong)
    found = found or of_nearly_right(wrong)
    if found in (NOT_ACCURATE, LOSES_DIGITS):  # a small term leaves the answer nearly right, too
        found = of_one_term(wrong) or found
    found = found or of_which_examples(wrong) or of_a_multiple(wrong)
    found = found or of_scaled_arrays(wrong) or of_partly_right(wrong)
    found = found or of_one_operation(wrong) or of_one_term(wrong)
    return found or of_no_number(wrong) or of_the_same(wrong)


def with_counts(
    verdict: Verdict, attempt: Attempt, wrong: Sequence[diagnosis.WrongAnswer]
) -> Verdict:
    """The verdict, with how many of the calls that were drawn have nothing wrong about them.

    A call that both processes made has to be right in both. Where what is wrong is no call's, as with
    `--strict`, none is right.

    Args:
        verdict: what came of the attempt.
        attempt: the processes and what they answered.
        wrong: the answers that are not right.

    """
    exercise, answers = attempt.exercise, attempt.expected
    assert exercise is not None
    assert answers is not None
    known = {each.call.number for each in wrong}
    right = {
        call.number
        for call in answers.calls
        if call.number not in known and _all_right(attempt, answers, call)
    }
    if verdict.verdict == verdicts.VIOLATES and len(right) == len(answers.calls):
        right = set()
    wrong_shapes = {call.shape for call in answers.calls if call.number not in right}
    shapes = {call.shape for call in answers.calls}
    return attrs.evolve(
        verdict,
        right_calls=len(right),
        drawn_calls=len(answers.calls),
        right_shapes=len(shapes - wrong_shapes),
        drawn_shapes=len(shapes),
    )


def _all_right(attempt: Attempt, answers: ExpectedAnswers, call: Call) -> bool:
    """Whether some process answered the call, and nothing was observed in any that did."""
    number, made = call.number, [run for run in attempt.runs if call.number in run.answers]
    return bool(made) and not any(
        run.changed.get(number) or _finding(answers.exercise, call, run.observed.get(number, {}))
        for run in made
    )


def _notes(attempt: Attempt, wrong: diagnosis.WrongAnswer) -> Mapping[str, Any]:
    number = wrong.call.number
    return next((r.observed[number] for r in attempt.runs if number in r.observed), {})


def _printed(attempt: Attempt) -> bool:
    """Whether the candidate printed something itself: Python's warnings are not that."""
    shown = (run.channel.output.decode("utf-8", "replace") for run in attempt.runs)
    return any(map(without_warnings, shown))


def _smallest_failure(
    attempt: Attempt, answers: ExpectedAnswers
) -> tuple[worker_run.Failure, Call | None, str] | None:
    """What ended a run, in which call, as small as can be, and a remark where it is not small."""
    run = next((run for run in attempt.runs if run.failure), None)
    if run is None or run.failure is None:
        return None
    failure = run.failure
    if failure.call is None:
        return failure, None, ""
    call, seconds = answers.calls[failure.call], attempt.limits.new_shape
    if failure.verdict != verdicts.ERROR:
        return rerun.smaller(attempt, failure, call)
    for small in _smallest(answers.calls, failure.call):
        again = worker_run.raised_by(run, answers.exercise, small, seconds)
        if again is not None:
            failure, call = again, small
            break

    def in_the_same_way(small: Call) -> worker_run.Failure | None:
        again = worker_run.raised_by(run, answers.exercise, small, seconds)
        run.answers.pop(small.number, None)
        return again if again is not None and again.place == failure.place else None

    call, failure = minimize(answers.exercise, call, failure, in_the_same_way)
    return failure, call, ""


def _smallest(calls: Sequence[Call], failing: int) -> list[Call]:
    """The smallest call of each shape, from the smallest up to the failing one's own."""
    chosen: dict[int, Call] = {}
    for call in sorted(calls, key=lambda call: (*weight(call), call.number)):
        chosen.setdefault(call.shape, call)
    own = list(chosen).index(calls[failing].shape)
    return [*list(chosen.values())[:own][:MAX_RETRIED_SHAPES], chosen[calls[failing].shape]]


def wrong_answers(attempt: Attempt) -> list[diagnosis.WrongAnswer]:
    """The wrong answers of an attempt whose calls have been made, the smallest call first.

    Raises ExerciseFailed.
    """
    exercise, answers = attempt.exercise, attempt.expected
    assert exercise is not None
    assert answers is not None
    found = []
    for run in attempt.runs:
        for number, given in run.answers.items():
            right = expected(answers, number)
            mismatch = compare(given, right)
            if mismatch is not None:
                found.append(diagnosis.WrongAnswer(answers.calls[number], right, given, mismatch))
    found.sort(key=lambda each: (*weight(each.call), each.call.number))
    return also_right.without(exercise, found)


def weight(call: Call) -> tuple[bool, int, int, int]:
    """How much there is to read in a call: numbers far from one, values, digits, other numbers."""
    values = list(leaves(call.arguments))
    arrays = [value for value in values if isinstance(value, np.ndarray)]
    size = sum(array.size for array in arrays)
    digits = sum(len(f"{float(v):g}") for array in arrays for v in array.ravel()[:200])
    others = [value for value in values if isinstance(value, (int, float))]
    return not is_usual(call), size, digits, sum(len(str(value)) for value in others)


def _unsteady(attempt: Attempt) -> Diagnosis | None:
    """Whether the two processes gave the same call answers that are not the same bits."""
    one, other = (run.answers for run in attempt.runs)
    both = [number for number in one if number in other]
    different = any(not diagnosis.same(one[number], other[number]) for number in both)
    return diagnosis.NOT_DETERMINISTIC if different else None


def _asker(attempt: Attempt, exercise: Exercise) -> diagnosis.Ask:
    run, seconds = attempt.runs[0], attempt.limits.new_shape

    def ask(call: Call) -> Any:
        number = max(run.answers, default=0) + 100_000
        if run.failure is not None or run.channel.closed:
            return None
        if not worker_run.make(run, exercise, attrs.evolve(call, number=number), seconds):
            return None
        return run.answers.pop(number)

    return ask


def _smallest_wrong(
    attempt: Attempt, exercise: Exercise, wrong: diagnosis.WrongAnswer
) -> diagnosis.WrongAnswer:
    """A wrong answer to a call that is as small as can be, wrong in the same way."""
    ask = _asker(attempt, exercise)

    def again(call: Call) -> diagnosis.WrongAnswer | None:
        given = ask(call)
        if given is None:
            return None
        try:
            right = compute(exercise.reference, call.arguments)
        except Exception:  # it is no call of a teacher's own exercise
            return None
        mismatch = compare(given, right)
        if mismatch is None or mismatch.what != wrong.mismatch.what:
            return None
        found = diagnosis.WrongAnswer(call, right, given, mismatch)
        if nearly_vanishes(found) and not nearly_vanishes(wrong):
            return None  # it reads like rounding, and is none
        return found if also_right.without(exercise, [found]) else None

    return minimize(exercise, wrong.call, wrong, again)[1]


def _observed(attempt: Attempt, exercise: Exercise, answers: ExpectedAnswers) -> Verdict:
    """What was observed may turn a right answer into a violation; never the reverse."""
    numbers = {number for run in attempt.runs for number in run.answers}
    for number in sorted(numbers, key=lambda number: (*weight(answers.calls[number]), number)):
        call = answers.calls[number]
        for run in attempt.runs:
            seen = _seen(exercise, call, run, number)
            if seen is not None:
                return _violating_as_seen(attempt, exercise, run, call, seen)
    base = build_verdict.conforming(attempt)
    if _unsteady(attempt):
        remark = "two processes gave answers that differ in their last digits, all of them right"
        base = attrs.evolve(base, remarks=(*base.remarks, remark))
    if exercise.expects_lift and not base.lift:
        remark = "flax.linen.vmap was not called; the answers are right without it"
        if attempt.session.options.strict:
            message = "flax.linen.vmap was not called, which --strict asks for"
            return attrs.evolve(base, verdict=verdicts.VIOLATES, message=message, observed=True)
        return attrs.evolve(base, remarks=(*base.remarks, remark))
    return base


def _seen(
    exercise: Exercise, call: Call, run: worker_run.WorkerRun, number: int
) -> list[str] | Finding | None:
    """The arguments that a call changed in place, else what was observed of it; None for nothing."""
    changed = run.changed.get(number)
    return changed or _finding(exercise, call, run.observed.get(number, {}))


def _violating_as_seen(
    attempt: Attempt,
    exercise: Exercise,
    run: worker_run.WorkerRun,
    call: Call,
    seen: list[str] | Finding,
) -> Verdict:
    """The verdict on what was seen, with a call as small as can be of which the same was seen."""

    def again(small: Call) -> list[str] | Finding | None:
        if run.channel.closed:
            return None
        if not worker_run.make(run, exercise, small, attempt.limits.new_shape):
            return None
        del run.answers[small.number]
        found = _seen(exercise, small, run, small.number)
        return found if type(found) is type(seen) else None

    call, seen = minimize(exercise, call, seen, again)
    if isinstance(seen, Finding):
        return build_verdict.observed(attempt, call, seen)
    return build_verdict.mutating(attempt, call, seen)


def _finding(exercise: Exercise, call: Call, notes: Mapping[str, Any]) -> Finding | None:
    if exercise.observe is None:
        return None
    try:
        return exercise.observe(call.arguments, notes)
    except Exception:  # notes come from the candidate's process and may be anything
        return None
